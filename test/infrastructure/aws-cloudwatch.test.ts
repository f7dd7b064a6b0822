import { afterEach, describe, expect, test } from 'vitest';
import { CloudWatchMetrics, isAwsHost, periodFor } from '../../src/infrastructure/aws/cloudwatch.ts';
import type { MetricQuery } from '../../src/infrastructure/model.ts';
import { Problem } from '../../src/problem.ts';
import { type AwsWire, serveAws, setEnvironment, type WireAnswer, type WireCall } from './aws-wire.ts';

const NOW = Date.UTC(2026, 0, 5, 12, 0, 0);
const WINDOW = { start: NOW - 600_000, end: NOW };
const cpu: MetricQuery = {
  id: 'CPU of the shop',
  namespace: 'AWS/ECS',
  metric: 'CPUUtilization',
  dimensions: { ClusterName: 'c', ServiceName: 'shop' },
  statistic: 'average',
  unit: 'percent',
};

let wire: AwsWire | undefined;
afterEach(async () => {
  await wire?.close();
  wire = undefined;
});

async function ask(
  answer: (call: WireCall, nth: number) => WireAnswer | 'hang',
  queries: readonly MetricQuery[] = [cpu],
  signal?: AbortSignal,
) {
  wire = await serveAws(answer);
  return new CloudWatchMetrics({ region: 'eu-north-1' }, () => NOW).batch(queries, WINDOW, signal);
}

const result = (id: string, values: readonly number[], status = 'Complete') => ({
  Id: id,
  Label: 'x',
  StatusCode: status,
  Timestamps: values.map((_, index) => (WINDOW.start + index * 10_000) / 1000),
  Values: values,
});

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Problem)) throw new Error(`not a Problem: ${String(thrown)}`);
  return thrown;
}

test.each([
  ['monitoring.eu-north-1.amazonaws.com', true],
  ['127.0.0.1', false],
  ['amazonaws.com.example.org', false],
  ['monitoring.cn-north-1.amazonaws.com.cn', false],
])('%s is AWS, whose console shows the same: %s', (host, expected) => {
  expect(isAwsHost(host)).toBe(expected);
});

describe('a batch from CloudWatch', () => {
  test('asks the real protocol for each series and gives points in time order', async () => {
    const batch = await ask(() => ({ body: { MetricDataResults: [result('q0', [40, 95])] } }));
    expect(wire?.calls[0]?.target).toBe('GraniteServiceVersion20100801.GetMetricData');
    expect(wire?.calls[0]?.authorization).toContain('/eu-north-1/monitoring/');
    expect(wire?.calls[0]?.body['MetricDataQueries']).toEqual([
      {
        Id: 'q0',
        MetricStat: {
          Metric: {
            Namespace: 'AWS/ECS',
            MetricName: 'CPUUtilization',
            Dimensions: [
              { Name: 'ClusterName', Value: 'c' },
              { Name: 'ServiceName', Value: 'shop' },
            ],
          },
          Period: 10,
          Stat: 'Average',
        },
      },
    ]);
    expect(batch).toMatchObject({ region: 'eu-north-1', periodSeconds: 10, fromAws: false });
    expect(batch.series[0]).toMatchObject({
      id: 'CPU of the shop',
      status: 'complete',
      points: [
        { time: WINDOW.start, value: 40 },
        { time: WINDOW.start + 10_000, value: 95 },
      ],
    });
  });

  test('passes percentiles by CloudWatch’s names', async () => {
    await ask(() => ({ body: { MetricDataResults: [result('q0', [0.2])] } }), [{ ...cpu, statistic: 'p95' }]);
    expect(JSON.stringify(wire?.calls[0]?.body)).toContain('"Stat":"p95"');
  });

  test('follows NextToken and joins the pages; PartialData on the way is no gap', async () => {
    const batch = await ask((call) =>
      call.body['NextToken'] === undefined
        ? { body: { MetricDataResults: [result('q0', [1, 2], 'PartialData')], NextToken: 'more' } }
        : {
            body: {
              MetricDataResults: [{ ...result('q0', [3]), Timestamps: [(WINDOW.start + 20_000) / 1000] }],
            },
          },
    );
    expect(wire?.calls).toHaveLength(2);
    expect(batch.series[0]?.points.map((point) => point.value)).toEqual([1, 2, 3]);
    expect(batch.series[0]?.status).toBe('complete');
  });

  test('splits more than 500 queries into calls of 500', async () => {
    const many = Array.from({ length: 501 }, (_, index) => ({ ...cpu, id: `n${index}` }));
    const batch = await ask(
      (call) => ({
        body: {
          MetricDataResults: (call.body['MetricDataQueries'] as { Id: string }[]).map(({ Id }) =>
            result(Id, [1]),
          ),
        },
      }),
      many,
    );
    expect(wire?.calls.map((call) => (call.body['MetricDataQueries'] as unknown[]).length)).toEqual([500, 1]);
    expect(batch.series.map((series) => series.id)).toEqual(many.map((query) => query.id));
  });

  test('tells forbidden, partial, failed and missing data apart, with the store’s own words', async () => {
    const queries = ['a', 'b', 'c', 'd'].map((id) => ({ ...cpu, id }));
    const batch = await ask(
      () => ({
        body: {
          MetricDataResults: [
            {
              ...result('q0', [], 'Forbidden'),
              Messages: [{ Code: 'Forbidden', Value: 'no access to account 1' }],
            },
            result('q1', [5], 'PartialData'),
            result('q2', [], 'InternalError'),
            result('q3', []),
          ],
        },
      }),
      queries,
    );
    expect(batch.series.map((series) => series.status)).toEqual(['forbidden', 'partial', 'error', 'no-data']);
    expect(batch.series[0]?.message).toBe('no access to account 1');
  });

  test.each([
    [
      400,
      { __type: 'com.amazon.coral.service#ExpiredTokenException', message: 'expired' },
      'unauthorized',
      'aws sso login',
    ],
    [400, { __type: 'UnrecognizedClientException', message: 'x' }, 'unauthorized', 'aws sso login'],
    [403, { __type: 'AccessDeniedException', message: 'x' }, 'forbidden', 'another profile'],
  ] as const)('HTTP %i %o is a problem that names its fix', async (status, body, code, words) => {
    const problem = await problemOf(ask(() => ({ status, body })));
    expect(problem.code).toBe(code);
    expect(problem.nextStep).toContain(words);
    expect(problem.message).toContain('eu-north-1');
  });

  test('throttling that does not end is told as such', async () => {
    const problem = await problemOf(ask(() => ({ status: 400, body: { __type: 'ThrottlingException' } })));
    expect(problem.code).toBe('rate-limited');
  });

  test('an error page of a proxy is not mistaken for AWS', async () => {
    const problem = await problemOf(
      ask(() => ({ status: 502, body: null, raw: '<html>Bad gateway</html>' })),
    );
    expect(problem.code).toBe('unreachable');
    expect(problem.nextStep).toContain('proxy');
  });

  test('an address where nothing listens is unreachable', async () => {
    const gone = await serveAws(() => 'hang');
    const address = process.env['AWS_ENDPOINT_URL'];
    await gone.close();
    wire = await serveAws(() => 'hang');
    const restore = setEnvironment({ AWS_ENDPOINT_URL: address });
    try {
      const source = new CloudWatchMetrics({ region: 'eu-north-1' }, () => NOW);
      expect((await problemOf(source.batch([cpu], WINDOW))).code).toBe('unreachable');
    } finally {
      restore();
    }
  });

  test('without credentials it says how to sign in to the profile that was asked for', async () => {
    wire = await serveAws(() => 'hang');
    const restore = setEnvironment({ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined });
    try {
      const source = new CloudWatchMetrics({ region: 'eu-north-1', profile: 'prod' }, () => NOW);
      const problem = await problemOf(source.batch([cpu], WINDOW));
      expect(problem.code).toBe('unauthorized');
      expect(problem.nextStep).toContain('aws sso login --profile prod');
      expect(wire.calls).toEqual([]);
    } finally {
      restore();
    }
  });

  test('is cancelled while it waits, and before it starts', async () => {
    const abort = new AbortController();
    const waiting = ask(
      () => {
        abort.abort();
        return 'hang';
      },
      [cpu],
      abort.signal,
    );
    expect((await problemOf(waiting)).code).toBe('cancelled');
    const source = new CloudWatchMetrics({ region: 'eu-north-1' }, () => NOW);
    expect((await problemOf(source.batch([cpu], WINDOW, AbortSignal.abort()))).code).toBe('cancelled');
  });
});

test.each([
  [10, 0, 10],
  [60, 0, 60],
  [10, 4 * 60, 60],
  [10, 16 * 24 * 60, 300],
  [10, 64 * 24 * 60, 3600],
  [24 * 60, 0, 120],
] as const)('%i minutes that ended %i minutes ago come in points of %i s', (length, ago, period) => {
  const end = NOW - ago * 60_000;
  expect(periodFor({ start: end - length * 60_000, end }, NOW)).toBe(period);
});
