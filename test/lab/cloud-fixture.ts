import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { ECSClient } from '@aws-sdk/client-ecs';
import { startCloud } from '../../lab/cloud/cloud.ts';
import type { Images } from '../../lab/cloud/tasks/images.ts';
import { CloudClient, type CloudResource } from '../../lab/provider/cloud-client.ts';

export const TASK = fileURLToPath(new URL('cloud-task.ts', import.meta.url));
export const IMAGES: Images = { 'test-task': [process.execPath, TASK] };

export function temporaryDir(): string {
  return mkdtempSync(join(tmpdir(), 'plumbline-cloud-'));
}

/** Waits until a look gives something; throws what `what` says when it does not within the time. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(50);
  }
}

export interface TestCloud extends AsyncDisposable {
  readonly url: string;
  readonly dir: string;
  readonly ecs: ECSClient;
  readonly cloudWatch: CloudWatchClient;
  readonly logs: CloudWatchLogsClient;
  readonly resources: CloudClient;
  /** Stops the cloud and leaves its directory. */
  stop(): Promise<void>;
}

/** A cloud in this process, with the SDK's clients pointed at it. */
export async function testCloud(images: Images = IMAGES): Promise<TestCloud> {
  const dir = temporaryDir();
  const cloud = await startCloud({ dir, images });
  const config = {
    endpoint: cloud.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const clients = {
    ecs: new ECSClient(config),
    cloudWatch: new CloudWatchClient(config),
    logs: new CloudWatchLogsClient(config),
  };
  return {
    url: cloud.url,
    dir,
    ...clients,
    resources: new CloudClient(cloud.url),
    stop: () => cloud.close(),
    async [Symbol.asyncDispose]() {
      for (const client of Object.values(clients)) client.destroy();
      await cloud.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface TestService {
  readonly url: string;
  readonly service: CloudResource;
  /** Registers another revision. */
  revision(environment?: Record<string, string>): Promise<CloudResource>;
  /** Changes the service's inputs. */
  update(change: Record<string, unknown>): Promise<void>;
}

export const CLUSTER = 'test-cluster';
export const SERVICE = 'test-service';
export const LOG_GROUP = '/ecs/test';

/** A service of one test task behind a load balancer. */
export async function testService(
  { resources }: TestCloud,
  environment: Record<string, string> = {},
  settings: Record<string, unknown> = {},
  size = { cpu: '1024', memory: '2048' },
): Promise<TestService> {
  await resources.create('aws:cloudwatch/logGroup:LogGroup', { name: LOG_GROUP, retentionInDays: 7 });
  await resources.create('aws:ecs/cluster:Cluster', {
    name: CLUSTER,
    settings: [{ name: 'containerInsights', value: 'enhanced' }],
  });
  const balancer = await resources.create('aws:lb/loadBalancer:LoadBalancer', { name: 'test-alb' });
  const group = await resources.create('aws:lb/targetGroup:TargetGroup', {
    name: 'test-tg',
    targetType: 'ip',
    deregistrationDelay: 5,
    healthCheck: { path: '/healthz', interval: 5, timeout: 2, healthyThreshold: 2, unhealthyThreshold: 2 },
  });
  await resources.create('aws:lb/listener:Listener', {
    loadBalancerArn: balancer.id,
    port: 80,
    defaultActions: [{ type: 'forward', targetGroupArn: group.id }],
  });
  const revision = (env: Record<string, string> = {}) =>
    resources.create('aws:ecs/taskDefinition:TaskDefinition', {
      family: 'test-task',
      ...size,
      requiresCompatibilities: ['FARGATE'],
      containerDefinitions: JSON.stringify([
        {
          name: 'web',
          image: 'registry.example/test-task:1',
          portMappings: [{ containerPort: 8080 }],
          stopTimeout: 3,
          environment: Object.entries(env).map(([name, value]) => ({ name, value })),
          logConfiguration: {
            logDriver: 'awslogs',
            options: {
              'awslogs-group': LOG_GROUP,
              'awslogs-region': 'us-east-1',
              'awslogs-stream-prefix': 'web',
            },
          },
        },
      ]),
    });
  const first = await revision(environment);
  let inputs: Record<string, unknown> = {
    name: SERVICE,
    cluster: CLUSTER,
    taskDefinition: first.properties['arn'],
    launchType: 'FARGATE',
    desiredCount: 1,
    loadBalancers: [{ targetGroupArn: group.id, containerName: 'web', containerPort: 8080 }],
    ...settings,
  };
  const service = await resources.create('aws:ecs/service:Service', inputs);
  return {
    url: `http://${balancer.properties['dnsName']}`,
    service,
    revision,
    async update(change) {
      inputs = { ...inputs, ...change };
      await resources.update('aws:ecs/service:Service', service.id, inputs);
    },
  };
}
