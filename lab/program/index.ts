import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { publicNetwork } from './network';
import { taskRoles } from './roles';

const config = new pulumi.Config();
const honeycombEndpoint = config.require('honeycombEndpoint');
const honeycombApiKey = config.requireSecret('honeycombApiKey');
const llmUrl = config.require('llmUrl');
const serviceVersion = config.get('serviceVersion') ?? '1.0.0';
const desiredCount = config.getNumber('desiredCount') ?? 1;
const retrieval = config.get('retrieval') ?? 'question';

const appName = 'otel-ai-chatbot';
const containerPort = 3000;
const healthPath = '/healthz';

// Fargate size of one task: CPU units (1024 to a vCPU) and MiB.
const taskCpu = '512';
const taskMemory = '1024';
// Of the memory, what V8 may use for long-lived objects; the rest is for new ones, buffers and code.
const heapShare = 0.85;

const tags = { Project: appName, ManagedBy: 'pulumi' };
const region = aws.getRegionOutput().region;

const network = publicNetwork(appName, { containerPort, tags });
const roles = taskRoles(appName, tags);

const vectorStore = new aws.opensearch.Domain('vectors', {
  domainName: 'otel-ai-chatbot-vectors',
  engineVersion: 'OpenSearch_2.19',
  clusterConfig: { instanceType: 't3.small.search', instanceCount: 1 },
  ebsOptions: { ebsEnabled: true, volumeSize: 10, volumeType: 'gp3' },
  tags,
});

const cluster = new aws.ecs.Cluster('cluster', {
  name: `${appName}-cluster`,
  settings: [{ name: 'containerInsights', value: 'enhanced' }],
  tags,
});

const logGroup = new aws.cloudwatch.LogGroup('logs', {
  name: `/ecs/${appName}`,
  retentionInDays: 7,
  tags,
});

const loadBalancer = new aws.lb.LoadBalancer('alb', {
  name: `${appName}-alb`,
  loadBalancerType: 'application',
  securityGroups: [network.loadBalancerSecurityGroupId],
  subnets: network.subnetIds,
  tags,
});

const targetGroup = new aws.lb.TargetGroup('targets', {
  name: `${appName}-tg`,
  port: containerPort,
  protocol: 'HTTP',
  targetType: 'ip',
  vpcId: network.vpcId,
  deregistrationDelay: 10,
  healthCheck: { path: healthPath, interval: 5, timeout: 4, healthyThreshold: 2, unhealthyThreshold: 3 },
  tags,
});

const listener = new aws.lb.Listener('http', {
  loadBalancerArn: loadBalancer.arn,
  port: 80,
  protocol: 'HTTP',
  defaultActions: [{ type: 'forward', targetGroupArn: targetGroup.arn }],
});

const taskDefinition = new aws.ecs.TaskDefinition('task', {
  family: appName,
  cpu: taskCpu,
  memory: taskMemory,
  networkMode: 'awsvpc',
  requiresCompatibilities: ['FARGATE'],
  executionRoleArn: roles.executionRoleArn,
  taskRoleArn: roles.taskRoleArn,
  containerDefinitions: pulumi.jsonStringify([
    {
      name: appName,
      image: `${appName}:${serviceVersion}`,
      essential: true,
      portMappings: [{ containerPort, protocol: 'tcp' }],
      stopTimeout: 10,
      environment: [
        { name: 'NODE_OPTIONS', value: `--max-old-space-size=${Math.floor(Number(taskMemory) * heapShare)}` },
        { name: 'HONEYCOMB_API_ENDPOINT', value: honeycombEndpoint },
        { name: 'HONEYCOMB_API_KEY', value: honeycombApiKey },
        { name: 'OTEL_SERVICE_NAME', value: appName },
        { name: 'SERVICE_VERSION', value: serviceVersion },
        { name: 'LLM_URL', value: llmUrl },
        { name: 'RETRIEVAL', value: retrieval },
        { name: 'VECTOR_STORE_URL', value: pulumi.interpolate`http://${vectorStore.endpoint}` },
      ],
      logConfiguration: {
        logDriver: 'awslogs',
        options: {
          'awslogs-group': logGroup.name,
          'awslogs-region': region,
          'awslogs-stream-prefix': 'chatbot',
        },
      },
    },
  ]),
  tags,
});

const service = new aws.ecs.Service(
  'service',
  {
    name: appName,
    cluster: cluster.arn,
    taskDefinition: taskDefinition.arn,
    launchType: 'FARGATE',
    desiredCount,
    deploymentMinimumHealthyPercent: 100,
    deploymentMaximumPercent: 200,
    deploymentCircuitBreaker: { enable: true, rollback: true },
    healthCheckGracePeriodSeconds: 10,
    networkConfiguration: {
      assignPublicIp: true,
      subnets: network.subnetIds,
      securityGroups: [network.taskSecurityGroupId],
    },
    loadBalancers: [{ targetGroupArn: targetGroup.arn, containerName: appName, containerPort }],
    tags,
  },
  { dependsOn: [listener] },
);

export const url = pulumi.interpolate`http://${loadBalancer.dnsName}`;
export const vectorStoreUrl = pulumi.interpolate`http://${vectorStore.endpoint}`;
export const clusterName = cluster.name;
export const serviceName = service.name;
export const taskFamily = taskDefinition.family;
export const logGroupName = logGroup.name;
