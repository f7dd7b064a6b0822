import { describe, expect, test } from 'vitest';
import { planMetrics } from '../../src/infrastructure/aws/metric-queries.ts';
import type { StackResource, StackSnapshot } from '../../src/infrastructure/model.ts';
import { joinWorkloads, type RuntimeIdentity } from '../../src/infrastructure/workloads.ts';

const resource = (
  type: string,
  name: string,
  outputs: Record<string, unknown>,
  dependencies: string[] = [],
) =>
  ({
    urn: `urn:pulumi:prod::shop::${type}::${name}`,
    type,
    name,
    dependencies,
    protect: false,
    inputs: {},
    outputs,
  }) satisfies StackResource;
const task = resource('aws:ecs/taskDefinition:TaskDefinition', 'task', {
  family: 'shop',
  cpu: '512',
  memory: '1024',
  arn: 'arn:aws:ecs:eu-north-1:123456789012:task-definition/shop:7',
});
const service = resource('aws:ecs/service:Service', 'service', {
  name: 'shop-service',
  desiredCount: 2,
  launchType: 'FARGATE',
  taskDefinition: 'arn:aws:ecs:eu-north-1:123456789012:task-definition/shop:7',
});
const domain = resource('aws:opensearch/domain:Domain', 'vectors', {
  domainName: 'vectors',
  arn: 'arn:aws:es:eu-north-1:123456789012:domain/vectors',
});
const snapshot = (...resources: StackResource[]): StackSnapshot => ({
  stack: {
    fqn: 'organization/shop/prod',
    project: 'shop',
    name: 'prod',
    backend: 'file:///x',
    projectDir: '/x',
  },
  resources,
  pendingOperations: [],
  digest: 'd',
});
const identity: RuntimeIdentity = {
  service: 'shop',
  clusterArn: 'arn:aws:ecs:eu-north-1:123456789012:cluster/main',
  taskArn: null,
  taskFamily: 'shop',
  ecsService: null,
  launchType: 'fargate',
  region: null,
};

describe('joining telemetry to the stack', () => {
  test('goes by the task family, and finds service, region and reservation on the way', () => {
    expect(joinWorkloads([identity], [snapshot(service, task)]).workloads).toEqual([
      expect.objectContaining({
        service: 'shop',
        region: 'eu-north-1',
        cluster: 'main',
        ecsService: 'shop-service',
        launchType: 'FARGATE',
        cpuUnits: 512,
        memoryMiB: 1024,
        desiredCount: 2,
        taskDefinitionUrn: task.urn,
        serviceUrn: service.urn,
        joinedBy: expect.stringContaining('shop-service'),
      }),
    ]);
  });

  test.each([
    ['.5 vCPU', '1 GB'],
    [512, 1024],
    ['512', '1024'],
  ])('reads a size of %j and %j', (cpu, memory) => {
    const written = { ...task, outputs: { ...task.outputs, cpu, memory } };
    expect(joinWorkloads([identity], [snapshot(service, written)]).workloads[0]).toMatchObject({
      cpuUnits: 512,
      memoryMiB: 1024,
    });
  });

  test('a service whose size no stack declares still has a place for its metrics, and the gap is said', () => {
    const joined = joinWorkloads([{ ...identity, ecsService: 'shop-service' }], []);
    expect(joined.workloads).toEqual([]);
    expect(joined.locations).toEqual([
      { service: 'shop', region: 'eu-north-1', cluster: 'main', ecsService: 'shop-service' },
    ]);
    expect(joined.unjoined[0]?.why).toContain('declares a size');
  });

  test('spans without resource attributes are a gap with its remedy', () => {
    const silent = { ...identity, clusterArn: null, taskFamily: null };
    expect(joinWorkloads([silent], [snapshot(service, task)]).unjoined[0]?.nextStep).toContain(
      'resource detector',
    );
  });
});

test('one batch asks for use against the reservation, and for the stack’s data stores', () => {
  const { locations } = joinWorkloads([identity], [snapshot(service, task, domain)]);
  const planned = planMetrics(locations, [snapshot(service, task, domain)]);
  expect(planned.map(({ query, service: of, urn }) => [query.metric, query.statistic, of, urn])).toEqual([
    ['CPUUtilization', 'average', 'shop', null],
    ['MemoryUtilization', 'average', 'shop', null],
    ['CPUUtilization', 'maximum', 'shop', null],
    ['MemoryUtilization', 'maximum', 'shop', null],
    ['CPUUtilization', 'average', null, domain.urn],
  ]);
  expect(planned[0]?.query.dimensions).toEqual({ ClusterName: 'main', ServiceName: 'shop-service' });
  expect(planned[4]?.query.dimensions).toEqual({ DomainName: 'vectors', ClientId: '123456789012' });
  expect(new Set(planned.map(({ query }) => query.id)).size).toBe(planned.length);
});
