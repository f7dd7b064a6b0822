import {
  GetMetricDataCommand,
  ListMetricsCommand,
  type MetricDataQuery,
  paginateGetMetricData,
} from '@aws-sdk/client-cloudwatch';
import {
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { fc, test as property } from '@fast-check/vitest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aggregate, MetricStore } from '../../lab/cloud/cloudwatch/metric-store.ts';
import { logFilter } from '../../lab/cloud/logs/log-filter.ts';
import {
  CLUSTER,
  LOG_GROUP,
  SERVICE,
  type TestCloud,
  testCloud,
  testService,
  until,
} from './cloud-fixture.ts';

const OF_SERVICE = { ClusterName: CLUSTER, ServiceName: SERVICE };

function query(
  Id: string,
  Namespace: string,
  MetricName: string,
  dimensions: Record<string, string>,
  Stat = 'Average',
) {
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  return {
    Id,
    MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period: 5, Stat },
  } satisfies MetricDataQuery;
}

describe('metrics and logs of a service under load', () => {
  let cloud: TestCloud;
  beforeAll(async () => {
    cloud = await testCloud();
    await cloud.resources.create('aws:opensearch/domain:Domain', {
      domainName: 'test-vectors',
      clusterConfig: { instanceType: 't3.small.search' },
    });
    // As busy as it can be, and held to a quarter of a core.
    const { url } = await testService(cloud, { BUSY_WORKERS: '1' }, {}, { cpu: '256', memory: '512' });
    await until('the service', async () => (await fetch(url)).ok);
    for (let n = 0; n < 20; n += 1) await (await fetch(n % 4 === 0 ? `${url}/fail` : url)).arrayBuffer();
    await until('a publication', async () => {
      const answer = await cloud.cloudWatch.send(new ListMetricsCommand({ Namespace: 'AWS/ApplicationELB' }));
      const names = answer.Metrics?.map((metric) => metric.MetricName);
      const ecs = await cloud.cloudWatch.send(new ListMetricsCommand({ Namespace: 'AWS/ECS' }));
      return names?.includes('TargetResponseTime') && (ecs.Metrics ?? []).length > 0;
    });
  });
  afterAll(async () => {
    await cloud[Symbol.asyncDispose]();
  });

  async function read(queries: MetricDataQuery[], more: object = {}) {
    const now = Date.now();
    return cloud.cloudWatch.send(
      new GetMetricDataCommand({
        MetricDataQueries: queries,
        StartTime: new Date(now - 600_000),
        EndTime: new Date(now + 5000),
        ...more,
      }),
    );
  }

  test('utilisation, tasks and load balancer in one batch', async () => {
    const listed = await cloud.cloudWatch.send(new ListMetricsCommand({ MetricName: 'TargetResponseTime' }));
    const balancer = Object.fromEntries(
      (listed.Metrics?.[0]?.Dimensions ?? []).map((d) => [d.Name ?? '', d.Value ?? '']),
    );
    expect(balancer['LoadBalancer']).toMatch(/^app\/test-alb\/[0-9a-f]{16}$/);
    const answer = await read([
      query('cpu', 'AWS/ECS', 'CPUUtilization', OF_SERVICE),
      query('memory', 'AWS/ECS', 'MemoryUtilization', OF_SERVICE),
      query('reserved', 'ECS/ContainerInsights', 'CpuReserved', OF_SERVICE),
      query('running', 'ECS/ContainerInsights', 'RunningTaskCount', OF_SERVICE, 'Maximum'),
      query('time', 'AWS/ApplicationELB', 'TargetResponseTime', balancer, 'p95'),
      query('errors', 'AWS/ApplicationELB', 'HTTPCode_Target_5XX_Count', balancer, 'Sum'),
      query('nothing', 'AWS/ECS', 'CPUUtilization', { ClusterName: 'other', ServiceName: SERVICE }),
    ]);
    const results = new Map(answer.MetricDataResults?.map((result) => [result.Id, result]));
    expect([...results.values()].every((result) => result.StatusCode === 'Complete')).toBe(true);
    const [utilisation = 0] = results.get('cpu')?.Values ?? [];
    expect(utilisation).toBeGreaterThan(50); // Of its own quarter, not of the machine.
    expect(utilisation).toBeLessThan(115);
    expect(results.get('cpu')?.Timestamps?.[0]).toBeInstanceOf(Date);
    expect(results.get('memory')?.Values?.[0]).toBeGreaterThan(0.5);
    expect(results.get('reserved')?.Values?.[0]).toBe(256);
    expect(results.get('running')?.Values).toContain(1);
    expect(results.get('time')?.Values?.[0]).toBeLessThan(5); // Seconds, not milliseconds.
    expect(results.get('errors')?.Values?.reduce((sum, value) => sum + value, 0)).toBe(5);
    expect(results.get('nothing')?.Values).toEqual([]);
  });

  test('per task with enhanced Container Insights', async () => {
    const answer = await until('figures of the task', async () => {
      const listed = await cloud.cloudWatch.send(
        new ListMetricsCommand({ MetricName: 'CpuUtilized', Dimensions: [{ Name: 'TaskId' }] }),
      );
      return (listed.Metrics ?? []).length > 0 && listed;
    });
    expect(answer.Metrics?.[0]?.Dimensions).toContainEqual({
      Name: 'TaskDefinitionFamily',
      Value: 'test-task',
    });
  });

  test('pages as it is told to', async () => {
    const pages: number[] = [];
    const range = { StartTime: new Date(Date.now() - 600_000), EndTime: new Date(Date.now() + 5000) };
    const queries = [
      query('a', 'AWS/ECS', 'CPUUtilization', OF_SERVICE),
      query('b', 'AWS/ECS', 'MemoryUtilization', OF_SERVICE),
    ];
    for await (const page of paginateGetMetricData(
      { client: cloud.cloudWatch },
      { MetricDataQueries: queries, MaxDatapoints: 1, ...range },
    )) {
      pages.push(page.MetricDataResults?.reduce((sum, result) => sum + (result.Values?.length ?? 0), 0) ?? 0);
    }
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.every((values) => values === 1)).toBe(true);
  });

  test.each([
    ['501 queries', Array.from({ length: 501 }, (_, n) => query(`q${n}`, 'AWS/ECS', 'X', {})), /500/],
    [
      'an odd period',
      [
        {
          ...query('a', 'AWS/ECS', 'X', {}),
          MetricStat: { ...query('a', 'N', 'X', {}).MetricStat, Period: 7 },
        },
      ],
      /Period/,
    ],
    ['an unknown statistic', [query('a', 'AWS/ECS', 'X', {}, 'Median')], /Median/],
    ['an upper-case id', [query('A', 'AWS/ECS', 'X', {})], /lower-case/],
    ['metric math', [{ Id: 'a', Expression: 'm1*2' }], /metric math/],
  ])('refuses %s', async (_, queries, message) => {
    await expect(read(queries)).rejects.toMatchObject({
      // The SDK's name for the code InvalidParameterValue.
      name: 'InvalidParameterValueException',
      message: expect.stringMatching(message),
    });
  });

  test('the tasks’ output is in their log group', async () => {
    const groups = await cloud.logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/ecs/' }));
    expect(groups.logGroups).toMatchObject([{ logGroupName: LOG_GROUP, retentionInDays: 7 }]);
    const found = await cloud.logs.send(
      new FilterLogEventsCommand({ logGroupName: LOG_GROUP, filterPattern: '"listening, port"' }),
    );
    expect(found.events?.length).toBe(1);
    const [event] = found.events ?? [];
    expect(event?.logStreamName).toMatch(/^web\/web\/[0-9a-f]{32}$/);
    const stream = { logGroupName: LOG_GROUP, logStreamName: event?.logStreamName };
    const all = await cloud.logs.send(new GetLogEventsCommand({ ...stream, startFromHead: true }));
    expect(all.events?.map((e) => e.message)).toContain(event?.message);
    const end = await cloud.logs.send(
      new GetLogEventsCommand({ ...stream, nextToken: all.nextForwardToken }),
    );
    expect([end.events, end.nextForwardToken]).toEqual([[], all.nextForwardToken]);
    await expect(
      cloud.logs.send(new FilterLogEventsCommand({ logGroupName: '/none' })),
    ).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  test('the vector store answers k-NN searches in OpenSearch’s shape, and as slowly as it is told', async () => {
    const domains = await cloud.resources.read(
      'aws:opensearch/domain:Domain',
      'arn:aws:es:us-east-1:123456789012:domain/test-vectors',
    );
    const endpoint = `http://${domains?.properties['endpoint']}`;
    const { embed } = await import('../../lab/chatbot/embedding.ts');
    const search = async (vector: number[]) => {
      const body = JSON.stringify({ size: 3, query: { knn: { embedding: { vector, k: 3 } } } });
      return fetch(`${endpoint}/passages/_search`, { method: 'POST', body });
    };
    const answer = (await (await search(Array.from(embed('CPU throttling of a container')))).json()) as {
      hits: { hits: { _score: number; _source: { title: string } }[] };
    };
    expect(answer.hits.hits.map((hit) => hit._source.title)).toContain('CPU throttling');
    const scores = answer.hits.hits.map((hit) => hit._score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    const wrong = await search([1, 2, 3]);
    expect(wrong.status).toBe(400);
    expect(await wrong.text()).toMatch(/invalid dimension/);
    await fetch(`${endpoint}/lab/fault`, { method: 'POST', body: JSON.stringify({ delayMs: 400 }) });
    const slow = (await (await search(Array.from(embed('spans')))).json()) as { took: number };
    expect(slow.took).toBeGreaterThanOrEqual(390);
  });
});

describe('the metric store', () => {
  const metric = { namespace: 'N', name: 'M', dimensions: { A: '1', B: '2' }, unit: 'Percent' };

  test('groups by period, takes the start in and the end out, knows units and the order of dimensions does not matter', () => {
    const store = new MetricStore();
    for (const [at, value] of [
      [0, 1],
      [5000, 3],
      [60_000, 10],
      [120_000, 99],
    ] as const)
      store.put(metric, at, [value]);
    const range = { start: 0, end: 120_000, period: 60_000 };
    const swapped = { ...metric, dimensions: { B: '2', A: '1' } };
    expect(store.query(swapped, 'Average', range)).toEqual([
      { timestamp: 0, value: 2 },
      { timestamp: 60_000, value: 10 },
    ]);
    expect(store.query({ ...metric, unit: 'Count' }, 'Average', range)).toEqual([]);
  });

  property.prop([
    fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 }),
    fc.integer({ min: 0, max: 100 }),
  ])('percentiles lie within the values and grow with their rank', (values, p) => {
    const at = aggregate(values, `p${p}`);
    expect(at).toBeGreaterThanOrEqual(aggregate(values, 'Minimum'));
    expect(at).toBeLessThanOrEqual(aggregate(values, 'Maximum'));
    expect(at).toBeLessThanOrEqual(aggregate(values, 'p100'));
    expect(aggregate(values, 'p0')).toBeLessThanOrEqual(at);
  });
});

test.each([
  ['', 'anything', true],
  ['ERROR', 'an ERROR here', true],
  ['ERROR', 'an error here', false],
  ['"two words"', 'the two words', true],
  ['ERROR -retry', 'ERROR, will retry', false],
  ['?WARN ?ERROR', 'a WARN', true],
  ['?WARN ?ERROR', 'an INFO', false],
])('the filter %j on %j: %s', (pattern, message, kept) => {
  expect(logFilter(pattern)(message)).toBe(kept);
});

test('JSON patterns are refused, not ignored', () => {
  expect(() => logFilter('{ $.level = "error" }')).toThrow(/term patterns only/);
});
