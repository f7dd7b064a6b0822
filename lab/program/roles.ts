import * as aws from '@pulumi/aws';

/** The role that starts tasks (pulls the image, writes logs) and the one that the application itself has. */
export function taskRoles(name: string, tags: Record<string, string>) {
  const assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: 'ecs-tasks.amazonaws.com' });
  const executionRole = new aws.iam.Role(`${name}-execution`, { assumeRolePolicy, tags });
  new aws.iam.RolePolicyAttachment(`${name}-execution`, {
    role: executionRole.name,
    policyArn: aws.iam.ManagedPolicy.AmazonECSTaskExecutionRolePolicy,
  });

  const taskRole = new aws.iam.Role(`${name}-task`, { assumeRolePolicy, tags });
  new aws.iam.RolePolicy(`${name}-vectors`, {
    role: taskRole.name,
    policy: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: ['es:ESHttpGet', 'es:ESHttpPost'], Resource: '*' }],
    },
  });

  return { executionRoleArn: executionRole.arn, taskRoleArn: taskRole.arn };
}
