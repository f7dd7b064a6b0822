import {
  DescribeClustersCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListClustersCommand,
  ListServicesCommand,
  ListTasksCommand,
  type Service,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startCloud } from '../../lab/cloud/cloud.ts';
import { CloudClient } from '../../lab/provider/cloud-client.ts';
import { CLUSTER, IMAGES, SERVICE, type TestCloud, testCloud, testService, until } from './cloud-fixture.ts';

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await testCloud();
});
afterEach(async () => {
  await cloud[Symbol.asyncDispose]();
});

async function describeService(): Promise<Service> {
  const answer = await cloud.ecs.send(new DescribeServicesCommand({ cluster: CLUSTER, services: [SERVICE] }));
  const [service] = answer.services ?? [];
  if (service === undefined) throw new Error('no such service');
  return service;
}

function steady(): Promise<Service> {
  return until('a steady service', async () => {
    const service = await describeService();
    const [only, ...others] = service.deployments ?? [];
    return others.length === 0 && only?.rolloutState === 'COMPLETED' && service;
  });
}

async function tasks(desiredStatus: 'RUNNING' | 'STOPPED') {
  const listed = await cloud.ecs.send(
    new ListTasksCommand({ cluster: CLUSTER, serviceName: SERVICE, desiredStatus }),
  );
  if ((listed.taskArns ?? []).length === 0) return [];
  const answer = await cloud.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: listed.taskArns }));
  return answer.tasks ?? [];
}

function messages(service: Service): string[] {
  return (service.events ?? []).map((event) => event.message ?? '');
}

async function text(url: string): Promise<string> {
  return (await fetch(url)).text();
}

describe('rolling deployments', () => {
  test('a new revision takes over only when it is well, and no request fails meanwhile', async () => {
    const { url, revision, update } = await testService(cloud, { VERSION: 'one' });
    await steady();
    expect(await text(url)).toBe('one');

    const two = await revision({ VERSION: 'two' });
    await update({ taskDefinition: two.properties['arn'] });
    const during = await describeService();
    expect(during.deployments?.map((d) => [d.status, d.rolloutState])).toEqual([
      ['PRIMARY', 'IN_PROGRESS'],
      ['ACTIVE', 'COMPLETED'],
    ]);
    const seen = new Set<string>();
    await until('the new revision alone', async () => {
      const response = await fetch(url);
      expect(response.status).toBe(200);
      seen.add(await response.text());
      const [only, ...others] = (await describeService()).deployments ?? [];
      return others.length === 0 && only?.rolloutState === 'COMPLETED';
    });
    expect(seen).toContain('one');
    expect(await text(url)).toBe('two');
    const [stopped] = await tasks('STOPPED');
    expect(stopped).toMatchObject({ lastStatus: 'STOPPED', stopCode: 'ServiceSchedulerInitiated' });
    expect(stopped?.containers?.[0]?.exitCode).toBe(0);
    const events = messages(await describeService());
    expect(events[0]).toMatch(/has reached a steady state\.$/);
    expect(events.some((message) => /deployment completed\.$/.test(message))).toBe(true);
  });

  test('a revision that never gets well trips the breaker and is rolled back; the old one served all the while', async () => {
    const { url, revision, update } = await testService(
      cloud,
      { VERSION: 'good' },
      { deploymentCircuitBreaker: { enable: true, rollback: true } },
    );
    const before = await steady();
    const bad = await revision({ HEALTH: 'exit' });
    await update({ taskDefinition: bad.properties['arn'] });
    const failing = await until('the breaker', async () => {
      const service = await describeService();
      return (
        messages(service).some((message) => /deployment failed: tasks failed to start/.test(message)) &&
        service
      );
    });
    expect(await text(url)).toBe('good');
    expect(messages(failing).join('\n')).toMatch(/rolling back/);
    const after = await steady();
    expect(after.deployments?.[0]?.taskDefinition).toBe(before.deployments?.[0]?.taskDefinition);
    const failed = (await tasks('STOPPED')).filter(
      (task) => task.taskDefinitionArn === bad.properties['arn'],
    );
    expect(failed.length).toBeGreaterThanOrEqual(3);
    expect(failed[0]).toMatchObject({ stopCode: 'EssentialContainerExited', containers: [{ exitCode: 3 }] });
    const refreshed = await cloud.resources.read('aws:ecs/service:Service', String(before.serviceArn));
    expect(refreshed?.properties['taskDefinition']).toBe(before.deployments?.[0]?.taskDefinition);
  });

  test('without rollback a failed deployment stays and says so', async () => {
    await testService(
      cloud,
      { HEALTH: 'exit' },
      { deploymentCircuitBreaker: { enable: true, rollback: false } },
    );
    const service = await until('a failed deployment', async () => {
      const found = await describeService();
      return found.deployments?.[0]?.rolloutState === 'FAILED' && found;
    });
    expect(service.deployments?.[0]).toMatchObject({
      failedTasks: 3,
      rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.',
    });
  });

  test('a task that fails its health checks is stopped with that reason', async () => {
    await testService(cloud, { HEALTH: 'bad' });
    const stopped = await until('an unhealthy task', async () => (await tasks('STOPPED'))[0]);
    expect(stopped.stoppedReason).toMatch(/^Task failed ELB health checks in \(target-group /);
    expect(messages(await describeService()).join('\n')).toMatch(
      /is unhealthy in .*Health checks failed with these codes: \[500\]/,
    );
  });

  test('an image, a log group or a container port that is not there is a failed start in words', async () => {
    const { revision, update } = await testService(cloud);
    await steady();
    const good = await revision();
    const containers = JSON.parse(String(good.properties['containerDefinitions'])) as Record<
      string,
      unknown
    >[];
    const withContainer = (change: object) =>
      cloud.resources.create('aws:ecs/taskDefinition:TaskDefinition', {
        ...good.inputs,
        containerDefinitions: JSON.stringify([{ ...containers[0], ...change }]),
      });
    const unknownImage = await withContainer({ image: 'nowhere:1' });
    await update({ taskDefinition: unknownImage.properties['arn'] });
    const stopped = await until('a task that failed to start', async () => (await tasks('STOPPED'))[0]);
    expect(stopped).toMatchObject({ stopCode: 'TaskFailedToStart' });
    expect(stopped.stoppedReason).toMatch(/^CannotPullContainerError: .*nowhere:1/);
    const otherPort = await withContainer({ portMappings: [{ containerPort: 9999 }] });
    await expect(update({ taskDefinition: otherPort.properties['arn'] })).rejects.toThrow(
      /container port 8080/,
    );
  });

  test('a forced deployment brings fresh tasks of the same revision', async () => {
    const { url } = await testService(cloud, { VERSION: 'same' });
    const before = await steady();
    const [old] = await tasks('RUNNING');
    await cloud.ecs.send(
      new UpdateServiceCommand({ cluster: CLUSTER, service: SERVICE, forceNewDeployment: true }),
    );
    const after = await steady();
    const [fresh] = await tasks('RUNNING');
    expect(fresh?.taskArn).not.toBe(old?.taskArn);
    expect(after.taskDefinition).toBe(before.taskDefinition);
    expect(await text(url)).toBe('same');
    const other = new UpdateServiceCommand({ cluster: CLUSTER, service: SERVICE, desiredCount: 3 });
    await expect(cloud.ecs.send(other)).rejects.toThrow(/only takes forceNewDeployment/);
  });

  test('a task that takes more memory than it was given is killed, named and replaced', async () => {
    await testService(cloud, { GROW_MIB: '40' }, {}, { cpu: '256', memory: '512' });
    const killed = await until('the kill', async () => (await tasks('STOPPED'))[0]);
    expect(killed).toMatchObject({
      stopCode: 'EssentialContainerExited',
      containers: [{ exitCode: 137, reason: expect.stringMatching(/^OutOfMemoryError/) }],
    });
    await until('its successor', async () => (await tasks('RUNNING')).length === 1);
  });

  test('desiredCount scales out and in, a crashed task is replaced', async () => {
    const { url, update } = await testService(cloud, {}, { desiredCount: 2 });
    await steady();
    expect(await tasks('RUNNING')).toHaveLength(2);
    const ports = new Set<string>();
    for (let n = 0; n < 4; n += 1) ports.add((JSON.parse(await text(`${url}/env`)) as { PORT: string }).PORT);
    expect(ports.size).toBe(2); // Round robin.

    await fetch(`${url}/crash`);
    const crashed = await until('the crash', async () => (await tasks('STOPPED'))[0]);
    expect(crashed).toMatchObject({ stopCode: 'EssentialContainerExited', containers: [{ exitCode: 7 }] });
    await until('two tasks again', async () => (await describeService()).runningCount === 2);

    await update({ desiredCount: 1 });
    await until('one task', async () => (await describeService()).runningCount === 1);
    await steady();
    await cloud.resources.delete('aws:ecs/service:Service', String((await describeService()).serviceArn));
    const listed = await cloud.ecs.send(new ListServicesCommand({ cluster: CLUSTER }));
    expect(listed.serviceArns).toEqual([]);
  });
});

test('a cloud that is started again with its directory has its resources and runs its services', async () => {
  const { url, service } = await testService(cloud, { VERSION: 'one' });
  await steady();
  await cloud.stop();
  await expect(fetch(url)).rejects.toThrow();
  const again = await startCloud({ dir: cloud.dir, images: IMAGES });
  try {
    expect(await until('the service', async () => text(url).then((body) => body === 'one' && body))).toBe(
      'one',
    );
    const found = await new CloudClient(again.url).read('aws:ecs/service:Service', service.id);
    expect(found?.inputs).toEqual(service.inputs);
  } finally {
    await again.close();
  }
});

describe('the load balancer', () => {
  test('answers 503 with nobody behind it, 502 when the target breaks off', async () => {
    const { url } = await testService(cloud);
    const early = await fetch(url);
    expect([early.status, early.headers.get('server')]).toEqual([503, 'awselb/2.0']);
    await steady();
    expect((await fetch(`${url}/crash`)).status).toBe(502);
  });

  test('passes headers on and says whom it forwards for', async () => {
    const { url } = await testService(cloud);
    await steady();
    const headers = JSON.parse(await text(`${url}/headers`)) as Record<string, string>;
    expect(headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(headers['x-amzn-trace-id']).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
    const sent = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    const passed = (await (await fetch(`${url}/headers`, { headers: sent })).json()) as Record<
      string,
      string
    >;
    expect(passed['traceparent']).toBe(sent.traceparent);
  });

  test('lets requests under way finish on a task that is being replaced', async () => {
    const { url, revision, update } = await testService(cloud, { VERSION: 'one' });
    await steady();
    const slow = fetch(`${url}/slow?ms=3000`);
    const two = await revision({ VERSION: 'two' });
    await update({ taskDefinition: two.properties['arn'] });
    const response = await slow;
    expect([response.status, await response.text()]).toEqual([200, 'slow']);
    await steady();
  });
});

test('a task knows what the ECS resource detector would find, and nothing of its parent', async () => {
  process.env['PLUMBLINE_TEST_SECRET'] = 'not for tasks';
  const { url } = await testService(cloud, { GREETING: 'hello' });
  await steady();
  delete process.env['PLUMBLINE_TEST_SECRET'];
  const env = JSON.parse(await text(`${url}/env`)) as Record<string, string>;
  expect(env['GREETING']).toBe('hello');
  expect(env['PLUMBLINE_TEST_SECRET']).toBeUndefined();
  const attributes = new URLSearchParams(env['OTEL_RESOURCE_ATTRIBUTES']?.replaceAll(',', '&'));
  const [task] = await tasks('RUNNING');
  expect(Object.fromEntries(attributes)).toMatchObject({
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_ecs',
    'aws.ecs.task.arn': task?.taskArn,
    'aws.ecs.task.family': 'test-task',
    'aws.ecs.task.revision': '1',
    'aws.ecs.launchtype': 'fargate',
    'aws.ecs.service.name': SERVICE,
    'container.name': 'web',
    'aws.log.group.names': '/ecs/test',
  });
});

describe('the ECS API as the SDK reads it', () => {
  test('clusters, services, tasks, definitions', async () => {
    await testService(cloud);
    const service = await steady();
    const clusters = await cloud.ecs.send(new ListClustersCommand({}));
    expect(clusters.clusterArns).toEqual(['arn:aws:ecs:us-east-1:123456789012:cluster/test-cluster']);
    const described = await cloud.ecs.send(new DescribeClustersCommand({ clusters: [CLUSTER, 'other'] }));
    expect(described.clusters).toMatchObject([
      { clusterName: CLUSTER, runningTasksCount: 1, activeServicesCount: 1 },
    ]);
    expect(described.failures).toMatchObject([{ arn: 'other', reason: 'MISSING' }]);
    const definition = await cloud.ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: service.taskDefinition }),
    );
    expect(definition.taskDefinition).toMatchObject({
      cpu: '1024',
      memory: '2048',
      revision: 1,
      status: 'ACTIVE',
    });
    expect(definition.taskDefinition?.registeredAt).toBeInstanceOf(Date);
    const [task] = await tasks('RUNNING');
    expect(task).toMatchObject({
      lastStatus: 'RUNNING',
      cpu: '1024',
      memory: '2048',
      group: `service:${SERVICE}`,
    });
    expect(task?.startedAt).toBeInstanceOf(Date);
  });

  test('what is missing is a failure in the list, a missing cluster an error', async () => {
    await testService(cloud);
    const answer = await cloud.ecs.send(
      new DescribeServicesCommand({ cluster: CLUSTER, services: [SERVICE, 'nobody'] }),
    );
    expect(answer.failures).toMatchObject([{ arn: 'nobody', reason: 'MISSING' }]);
    await expect(
      cloud.ecs.send(new DescribeServicesCommand({ cluster: 'other', services: [SERVICE] })),
    ).rejects.toMatchObject({ name: 'ClusterNotFoundException', $metadata: { httpStatusCode: 400 } });
    await expect(
      cloud.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'nobody:1' })),
    ).rejects.toMatchObject({ name: 'ClientException' });
    const eleven = Array.from({ length: 11 }, (_, n) => `s${n}`);
    await expect(
      cloud.ecs.send(new DescribeServicesCommand({ cluster: CLUSTER, services: eleven })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  test('ListTasks pages', async () => {
    await testService(cloud, {}, { desiredCount: 3 });
    await until('three tasks', async () => (await tasks('RUNNING')).length === 3);
    const first = await cloud.ecs.send(new ListTasksCommand({ cluster: CLUSTER, maxResults: 2 }));
    expect(first.taskArns).toHaveLength(2);
    const second = await cloud.ecs.send(
      new ListTasksCommand({ cluster: CLUSTER, maxResults: 2, nextToken: first.nextToken }),
    );
    expect(second.taskArns).toHaveLength(1);
    expect(second.nextToken).toBeUndefined();
  });

  test('a fault of a host is refused unless it says which task and how much', async () => {
    const fault = (body: object) =>
      fetch(new URL('/lab/fault', cloud.url), { method: 'POST', body: JSON.stringify(body) });
    expect((await fault({ task: 'gone', cpuUnits: null })).status).toBe(200);
    for (const body of [{}, { task: 'one' }, { task: 'one', cpuUnits: 0 }, { task: 1, cpuUnits: 64 }]) {
      expect((await fault(body)).status, JSON.stringify(body)).toBe(400);
    }
  });

  test('a web page is not answered', async () => {
    const page = await fetch(`${cloud.url}/lab/resources?type=x`, {
      headers: { origin: 'https://example.com' },
    });
    expect(page.status).toBe(403);
  });

  test('a request that nobody signed is refused, so is an operation that it does not have', async () => {
    const headers = { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.ListClusters' };
    const unsigned = await fetch(cloud.url, { method: 'POST', headers, body: '{}' });
    expect(unsigned.status).toBe(403);
    expect(await unsigned.json()).toMatchObject({ __type: 'MissingAuthenticationToken' });
    const unknown = await fetch(cloud.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.RunTask', authorization: 'x' },
      body: '{}',
    });
    expect(await unknown.json()).toMatchObject({ __type: 'UnknownOperationException' });
  });
});
