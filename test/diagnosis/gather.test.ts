import { describe, expect, test } from 'vitest';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import { type DiagnosisPorts, gather } from '../../src/diagnosis/gather/gather.ts';
import type {
  MetricBatch,
  MetricQuery,
  MetricsSource,
  StackResource,
  StackSource,
} from '../../src/infrastructure/model.ts';
import { Problem } from '../../src/problem.ts';
import type {
  Column,
  QueryAnswer,
  QuerySpec,
  Row,
  RunOptions,
  SeriesPoint,
  TelemetryStore,
  TimeWindow,
} from '../../src/telemetry/query.ts';
import { play, type Scene, shop } from './scene.ts';

const COLUMNS = [
  'duration_ms',
  'service.name',
  'name',
  'trace.trace_id',
  'trace.parent_id',
  'error',
  'meta.annotation_type',
  'span.kind',
  'gen_ai.provider.name',
  'server.address',
  'server.port',
  'service.instance.id',
  'aws.ecs.task.family',
  'aws.ecs.cluster.arn',
  'cloud.region',
];
const starved: Scene = {
  root: shop({ own: 12, model: 1.4, index: 8 }),
  cpu: { shop: [35, 99] },
  rate: [5, 4],
};

/** Which of a diagnosis's questions a query is, told by what only that one asks for. */
function kindOf(spec: QuerySpec): 'entries' | 'calls' | 'instances' | 'exemplars' {
  const breakdowns = spec.breakdowns ?? [];
  if (breakdowns.includes('parent.name')) return 'calls';
  if (breakdowns.includes('trace.trace_id')) return 'exemplars';
  return breakdowns.includes('plumbline.window') ? 'instances' : 'entries';
}

/** A store that answers with what a scene would have left in it. */
class SceneStore implements TelemetryStore {
  readonly name = 'scene store';
  readonly asked: { readonly spec: QuerySpec; readonly window: TimeWindow }[] = [];
  readonly #scene: Scene;
  /** Lets a test refuse or delay a question. */
  before: (kind: ReturnType<typeof kindOf>, spec: QuerySpec, signal?: AbortSignal) => Promise<void> =
    async () => {};
  columnNames: readonly string[] = COLUMNS;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  readonly computesOverParents = false;

  get requests(): number {
    return this.asked.length;
  }

  async datasets() {
    return [{ name: 'shop', slug: 'shop', lastWrittenAt: 1 }];
  }

  async columns(): Promise<readonly Column[]> {
    return this.columnNames.map((name) => ({ name, type: 'string' }));
  }

  async markers() {
    return [];
  }

  async mark() {}

  async run(
    dataset: string,
    spec: QuerySpec,
    window: TimeWindow,
    options: RunOptions = {},
  ): Promise<QueryAnswer> {
    this.asked.push({ spec, window });
    await this.before(kindOf(spec), spec, options.signal);
    options.signal?.throwIfAborted();
    const gathered = play(this.#scene);
    const row = (one: { count: number; errors: number; p50: number; p95: number; p99: number }): Row => ({
      COUNT: one.count,
      'SUM(plumbline.failed)': one.errors,
      'P50(duration_ms)': one.p50,
      'P95(duration_ms)': one.p95,
      'P99(duration_ms)': one.p99,
    });
    let rows: Row[] = [];
    let series: SeriesPoint[] = [];
    switch (kindOf(spec)) {
      case 'entries':
        for (const entry of gathered.entries.rows) {
          const names = { 'service.name': entry.service, name: entry.operation };
          rows.push({ ...names, ...row(entry.total) });
          series = entry.points.map((point) => ({ time: point.time, data: { ...names, ...row(point) } }));
        }
        break;
      case 'calls':
        rows = (gathered.calls?.rows ?? []).map((call) => ({
          ...row(call),
          'plumbline.window': call.window,
          'service.name': call.service,
          name: call.operation,
          'parent.service.name': call.parentService,
          'parent.name': call.parentOperation,
          'span.kind': call.spanKind,
          'plumbline.peer': call.peer,
          'plumbline.address': call.address,
          'SUM(duration_ms)': call.totalMs,
          'P10(duration_ms)': call.p10,
        }));
        break;
      case 'instances':
        rows = (gathered.instances?.rows ?? []).map((instance) => ({
          ...row(instance),
          'plumbline.window': instance.window,
          'service.name': instance.service,
          'span.kind': 'server',
          'plumbline.instance': instance.instance,
          'aws.ecs.task.family': 'shop',
          'aws.ecs.cluster.arn': 'arn:aws:ecs:eu-north-1:1:cluster/main',
          'cloud.region': 'eu-north-1',
        }));
        break;
      case 'exemplars':
        rows = [{ 'trace.trace_id': 'abc', 'MAX(duration_ms)': 5_000 }];
    }
    return { dataset, window, spec, rows, series, truncated: false };
  }
}

function metricsOf(scene: Scene): MetricsSource & { readonly batches: (readonly MetricQuery[])[] } {
  const batches: (readonly MetricQuery[])[] = [];
  return {
    name: 'scene metrics',
    batches,
    async batch(queries, window): Promise<MetricBatch> {
      batches.push(queries);
      const cpu = play(scene).metrics?.series.find((one) => one.measurand === 'cpu');
      return {
        region: 'eu-north-1',
        window,
        periodSeconds: 10,
        series: queries.map((query) => {
          const points = query.metric === 'CPUUtilization' ? (cpu?.points ?? []) : [];
          return { id: query.id, query, points, status: points.length > 0 ? 'complete' : 'no-data' };
        }),
      };
    },
  };
}

const stack = {
  fqn: 'organization/shop/prod',
  project: 'shop',
  name: 'prod',
  backend: 'file:///x',
  projectDir: '/x',
};
const resource = (type: string, name: string, outputs: Record<string, unknown>): StackResource => ({
  urn: `urn:pulumi:prod::shop::${type}::${name}`,
  type,
  name,
  dependencies: [],
  protect: false,
  inputs: {},
  outputs,
});
const stacks: StackSource = {
  stacks: async () => [stack],
  snapshot: async () => ({
    stack,
    pendingOperations: [],
    digest: 'd',
    resources: [
      resource('aws:ecs/taskDefinition:TaskDefinition', 'task', {
        family: 'shop',
        cpu: '512',
        memory: '1024',
      }),
      resource('aws:ecs/service:Service', 'service', { name: 'shop', taskDefinition: 'shop:3' }),
    ],
  }),
  updates: async () => [],
};

function ports(
  scene: Scene,
  change: Partial<DiagnosisPorts> = {},
): DiagnosisPorts & { telemetry: SceneStore } {
  const telemetry = new SceneStore(scene);
  return { metrics: metricsOf(scene), stacks, now: play(scene).now, ...change, telemetry };
}

const LOOKBACK = { lookbackMinutes: 10 };
const never = (): AbortSignal => new AbortController().signal;

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Problem)) throw new Error(`not a Problem: ${String(thrown)}`);
  return thrown;
}

describe('gathering', () => {
  test('takes four query results and one metrics batch, and the diagnosis says so', async () => {
    const metrics = metricsOf(starved);
    const all = ports(starved, { metrics });
    const diagnosis = await diagnose(LOOKBACK, all, never());
    expect(all.telemetry.asked.map(({ spec }) => kindOf(spec))).toEqual([
      'entries',
      'calls',
      'instances',
      'exemplars',
    ]);
    expect(metrics.batches).toHaveLength(1);
    expect(diagnosis.requests).toBe(4);
    expect(diagnosis.verdict).toBe('cause');
    expect(diagnosis.causes[0]?.target.resource).toContain('TaskDefinition::task');
  });

  test('asks with relational columns once, leaves span events out, and spells both windows’ bounds', async () => {
    const all = ports(starved);
    const { windows } = await gather(LOOKBACK, all, never());
    const relational = all.telemetry.asked.filter(({ spec }) => JSON.stringify(spec).includes('parent.'));
    expect(relational).toHaveLength(1);
    for (const { spec } of all.telemetry.asked) {
      expect(spec.filters).toContainEqual({ column: 'meta.annotation_type', op: 'does-not-exist' });
    }
    const field = relational[0]?.spec.calculated_fields?.find((one) => one.name === 'plumbline.window');
    expect(field?.expression).toContain(String(windows.incident.start / 1000));
    expect(field?.expression).toContain(String((windows.baselines.at(-1)?.end ?? 0) / 1000));
  });

  test('names no column that the dataset lacks', async () => {
    const all = ports(starved);
    all.telemetry.columnNames = ['duration_ms', 'service.name', 'name'];
    await gather(LOOKBACK, all, never());
    expect(JSON.stringify(all.telemetry.asked)).not.toMatch(/span\.kind|gen_ai|aws\.ecs|\$"error"/);
  });

  test('tells progress that rises to the end', async () => {
    const seen: number[] = [];
    await diagnose(LOOKBACK, ports(starved), never(), (_label, fraction) => seen.push(fraction ?? 0));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.length).toBeGreaterThan(3);
  });
});

describe('what can’t be read', () => {
  test('is a gap: a refused breakdown, missing metrics, no project', async () => {
    const all = ports(starved, { metrics: null, stacks: null });
    all.telemetry.before = async (kind) => {
      if (kind === 'calls')
        throw new Problem('rate-limited', 'One relational query a minute.', 'Wait a minute.');
    };
    const diagnosis = await diagnose(LOOKBACK, all, never());
    expect(diagnosis.gaps.map((gap) => gap.what)).toEqual(
      expect.arrayContaining(['Breakdown by operation', 'Machine metrics', 'Pulumi stacks']),
    );
    expect(diagnosis.verdict).toBe('undetermined');
  });

  test('of metrics without data is said for each machine', async () => {
    const { gaps } = await gather(LOOKBACK, ports(starved), never());
    expect(gaps.map((gap) => gap.what)).toContain('Memory of shop');
  });

  test('metrics of another region are a gap that names both', async () => {
    const source = metricsOf(starved);
    const elsewhere: MetricsSource = {
      name: source.name,
      batch: async (queries, window) => ({ ...(await source.batch(queries, window)), region: 'us-east-1' }),
    };
    const { gaps } = await gather(LOOKBACK, ports(starved, { metrics: elsewhere }), never());
    expect(gaps.map((gap) => gap.why).join(' ')).toMatch(/eu-north-1.*us-east-1/);
  });

  test('of the first question fails the diagnosis with the store’s own problem', async () => {
    const all = ports(starved);
    all.telemetry.before = async () => {
      throw new Problem('unauthorized', 'The key was refused.', 'Check the key.');
    };
    expect((await problemOf(diagnose(LOOKBACK, all, never()))).code).toBe('unauthorized');
  });
});

describe('an empty answer', () => {
  test('names store, dataset and window, after at most two questions', async () => {
    const empty = ports(starved, { dataset: 'shop-prod' });
    const run = empty.telemetry.run.bind(empty.telemetry);
    empty.telemetry.run = async (...all) => ({ ...(await run(...all)), rows: [], series: [] });
    const problem = await problemOf(diagnose(LOOKBACK, empty, never()));
    expect(problem.code).toBe('empty');
    expect(problem.message).toContain('scene store, dataset shop-prod');
    expect(problem.message).toContain(new Date(empty.now).toISOString());
    expect(empty.telemetry.requests).toBe(2);
  });

  test('of a store that never received spans says what to send', async () => {
    const all = ports(starved);
    all.telemetry.columnNames = ['body'];
    expect(await problemOf(diagnose(LOOKBACK, all, never()))).toMatchObject({
      code: 'empty',
      nextStep: expect.stringContaining('OTLP'),
    });
  });

  test.each([0, -5, Number.NaN, 1e9])('%s minutes are no time to look back', async (lookbackMinutes) => {
    expect((await problemOf(diagnose({ lookbackMinutes }, ports(starved), never()))).code).toBe('bad-input');
  });
});

describe('cancelling', () => {
  test.each(['entries', 'calls', 'exemplars'] as const)('while %s are read stops everything', async (at) => {
    const abort = new AbortController();
    const all = ports(starved);
    all.telemetry.before = async (kind, _spec, signal) => {
      if (kind !== at) return;
      abort.abort();
      signal?.throwIfAborted();
    };
    const problem = await problemOf(diagnose(LOOKBACK, all, abort.signal));
    expect(problem.code).toBe('cancelled');
    expect(all.telemetry.requests).toBeLessThanOrEqual(4);
  });

  test('before it starts asks nothing', async () => {
    const all = ports(starved);
    expect((await problemOf(diagnose(LOOKBACK, all, AbortSignal.abort()))).code).toBe('cancelled');
    expect(all.telemetry.requests).toBe(0);
  });
});
