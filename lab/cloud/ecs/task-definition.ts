import { z } from 'zod';
import { arn } from '../account.ts';
import { AwsError, describeIssues } from '../aws-error.ts';
import { fargateSizeProblem } from './fargate-sizes.ts';

const ContainerDefinition = z.looseObject({
  name: z.string(),
  image: z.string(),
  essential: z.boolean().default(true),
  environment: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
  portMappings: z.array(z.looseObject({ containerPort: z.int() })).default([]),
  /** Seconds between SIGTERM and SIGKILL; ECS's own default. */
  stopTimeout: z.number().default(30),
  secrets: z.array(z.unknown()).max(0, "the emulated cloud (not Amazon's) has no Secrets Manager").optional(),
  logConfiguration: z
    .looseObject({ logDriver: z.string(), options: z.record(z.string(), z.string()).default({}) })
    .optional(),
});
type ContainerDefinition = z.infer<typeof ContainerDefinition>;

/** What the cloud reads of `aws.ecs.TaskDefinition`'s inputs. */
const Inputs = z.looseObject({
  family: z.string().regex(/^[A-Za-z0-9_-]{1,255}$/),
  cpu: z.coerce.string().optional(),
  memory: z.coerce.string().optional(),
  containerDefinitions: z.string(),
  executionRoleArn: z.string().optional(),
  taskRoleArn: z.string().optional(),
  networkMode: z.string().optional(),
  requiresCompatibilities: z.array(z.string()).default([]),
});

export interface TaskDefinition {
  readonly arn: string;
  readonly family: string;
  readonly revision: number;
  readonly cpuUnits: number;
  readonly memoryMiB: number;
  readonly container: ContainerDefinition;
  /** As the API answers it, in ECS's own words. */
  readonly description: Record<string, unknown>;
  active: boolean;
}

/** Reads and validates what `RegisterTaskDefinition` would; a refusal is a ClientException, as Amazon's. */
export function parseTaskDefinition(inputs: unknown, revision: number, registeredAt: number): TaskDefinition {
  const parsed = Inputs.safeParse(inputs);
  if (!parsed.success) throw new AwsError('ClientException', describeIssues(parsed.error));
  const { family, cpu, memory, containerDefinitions, ...rest } = parsed.data;
  const sizeProblem = fargateSizeProblem(cpu, memory);
  if (sizeProblem !== undefined) throw new AwsError('ClientException', sizeProblem);
  const containers = parseContainers(containerDefinitions);
  const [container] = containers;
  if (container === undefined || containers.length > 1) {
    throw new AwsError(
      'ClientException',
      "The emulated cloud (not Amazon's) runs tasks of exactly one container.",
    );
  }
  const definitionArn = arn('ecs', `task-definition/${family}:${revision}`);
  return {
    arn: definitionArn,
    family,
    revision,
    cpuUnits: Number(cpu),
    memoryMiB: Number(memory),
    container,
    active: true,
    description: {
      taskDefinitionArn: definitionArn,
      family,
      revision,
      cpu,
      memory,
      containerDefinitions: containers,
      executionRoleArn: rest.executionRoleArn,
      taskRoleArn: rest.taskRoleArn,
      networkMode: rest.networkMode ?? 'awsvpc',
      requiresCompatibilities: rest.requiresCompatibilities,
      compatibilities: ['EC2', 'FARGATE'],
      volumes: [],
      placementConstraints: [],
      registeredAt: registeredAt / 1000,
    },
  };
}

function parseContainers(json: string): ContainerDefinition[] {
  try {
    return z.array(ContainerDefinition).parse(JSON.parse(json));
  } catch (error) {
    const reason = error instanceof z.ZodError ? describeIssues(error) : String(error);
    throw new AwsError('ClientException', `Container definitions are not valid: ${reason}`);
  }
}
