import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge, QUANTILES, type Side } from '../../../src/remediation/gate/verdict.ts';
import { verifyDeployment } from '../../../src/remediation/gate/verify.ts';
import type { QueryAnswer, QuerySpec, TelemetryStore, TimeWindow } from '../../../src/telemetry/query.ts';

/** A side whose latencies are spread evenly between low and high. */
function side(low: number, high: number, count: number, { seconds = 60, errors = 0 } = {}): Side {
  const at = (q: number) => low + (high - low) * q;
  return {
    summary: { p50: at(0.5), p95: at(0.95), p99: at(0.99), count, errors, rate: count / seconds },
    quantiles: QUANTILES.map((one) => ({ at: one.at, value: at(one.at) })),
  };
}

/** A side with a long tail: exponential latencies around a mean. */
function skewed(mean: number, count: number, seconds = 60): Side {
  const at = (q: number) => -mean * Math.log(1 - Math.min(q, 1 - 1 / (count + 1)));
  return {
    summary: { p50: at(0.5), p95: at(0.95), p99: at(0.99), count, errors: 0, rate: count / seconds },
    quantiles: QUANTILES.map((one) => ({ at: one.at, value: at(one.at) })),
  };
}

describe('the verdict', () => {
  test.each([
    ['clearly faster', side(100, 1000, 500), side(50, 400, 500), 'improved', true],
    ['clearly slower', side(50, 400, 500), side(100, 1000, 500), 'worse', true],
    ['the same', side(100, 1000, 500), side(100, 1000, 500), 'unchanged', true],
    ['5 % faster, however sure', side(950, 1000, 1e6), side(900, 950, 1e6), 'unchanged', true],
    ['faster, but no more than chance allows', skewed(100, 60), skewed(80, 60), 'unchanged', true],
    [
      'the same, with enough spans and time to tell',
      skewed(100, 6000, 600),
      skewed(80, 6000, 600),
      'improved',
      true,
    ],
    [
      'the same, in a window that drifts by as much',
      skewed(100, 6000),
      skewed(80, 6000),
      'undetermined',
      true,
    ],
    ['too few spans to tell', skewed(100, 20), skewed(80, 20), 'undetermined', true],
    ['faster under a third of the load', side(100, 1000, 900), side(50, 400, 300), 'undetermined', false],
    ['faster under three times the load', side(100, 1000, 300), side(50, 400, 900), 'improved', false],
    ['slower under three times the load', side(50, 400, 300), side(100, 1000, 900), 'undetermined', false],
    ['faster, because it fails', side(100, 1000, 500), side(50, 400, 500, { errors: 100 }), 'worse', true],
    ['nothing after', side(100, 1000, 500), null, 'undetermined', null],
  ] as const)('%s', (_name, before, after, verdict, sameLoad) => {
    expect(judge(before, after)).toMatchObject({ verdict, sameLoad });
  });

  test('says that a patch did not help, and how few spans there were', () => {
    expect(judge(side(100, 1000, 500), side(100, 1000, 500)).notes).toContain('The change did not help.');
    expect(judge(skewed(100, 20), skewed(80, 20)).notes.join()).toMatch(/Only 20 spans/);
  });

  // P95 from 955 ms to 382.5 ms; 500 requests in a minute, so that a third less is no effect, or in ten.
  test.each([
    ['as fast when it was proposed', 380, 60, 'undetermined'],
    ['faster still when it was proposed', 100, 60, 'undetermined'],
    ['a third slower then, over a minute', 570, 60, 'undetermined'],
    ['a third slower then, over ten minutes', 570, 600, 'improved'],
    ['as slow when it was proposed', 900, 60, 'improved'],
    ['nothing known of then', null, 60, 'improved'],
    ['nonsense then', 0, 60, 'improved'],
  ] as const)('of a service that is faster and was %s', (_, proposed, seconds, verdict) => {
    const judged = judge(side(100, 1000, 500, { seconds }), side(50, 400, 500, { seconds }), proposed);
    expect(judged.verdict).toBe(verdict);
    expect(/may have fallen without it/.test(judged.notes.join())).toBe(verdict === 'undetermined');
  });

  test('of a service that is slower, or fails, is never softened by what was when it was proposed', () => {
    expect(judge(side(50, 400, 500), side(100, 1000, 500), 955).verdict).toBe('worse');
    const failing = side(50, 400, 500, { errors: 250 });
    expect(judge(side(100, 1000, 500), failing, 380).verdict).toBe('worse');
  });

  test('is the other way round when the sides are, and the same in other units', () => {
    const any = fc.record({
      low: fc.integer({ min: 1, max: 1000 }),
      width: fc.integer({ min: 1, max: 1000 }),
      count: fc.integer({ min: 1, max: 2000 }),
    });
    const opposite = {
      improved: 'worse',
      worse: 'improved',
      unchanged: 'unchanged',
      undetermined: 'undetermined',
    };
    fc.assert(
      fc.property(any, any, fc.constantFrom(0.001, 7, 1000), (a, b, scale) => {
        const make = (one: typeof a, factor = 1) =>
          side(one.low * factor, (one.low + one.width) * factor, one.count);
        const { verdict } = judge(make(a), make(b));
        expect(judge(make(b), make(a)).verdict).toBe(opposite[verdict]);
        expect(judge(make(a, scale), make(b, scale)).verdict).toBe(verdict);
      }),
    );
  });
});

/** A clock that jumps where it is told to sleep. */
function jumping(start: number) {
  let now = start;
  return {
    now: () => now,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      now += ms;
    },
  };
}

const COLUMNS = ['duration_ms', 'service.name', 'name', 'trace.parent_id', 'span.kind', 'error'];

describe('the comparison', () => {
  const request = (
    rows: (window: TimeWindow) => QueryAnswer['rows'],
    asked: { spec: QuerySpec; window: TimeWindow }[],
    columns: readonly string[] = COLUMNS,
  ) => ({
    store: {
      name: 'store',
      columns: async () => columns.map((name) => ({ name, type: 'string', hidden: false })),
      run: async (dataset: string, spec: QuerySpec, window: TimeWindow) => {
        asked.push({ spec, window });
        return { dataset, spec, window, rows: rows(window), series: [], truncated: false };
      },
    } as unknown as TelemetryStore,
    dataset: 'api',
    service: 'api',
    operation: 'POST /api/chat',
    p95WhenProposed: null as number | null,
    updateStartedAt: 1_000_500,
    deployedAt: 1_020_500,
    windowSeconds: 30,
    clock: jumping(1_020_500),
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  const row = (name: string, count: number, p95: number) => ({
    'plumbline.side': name,
    COUNT: count,
    errors: 0,
    ...Object.fromEntries(QUANTILES.map(({ op, at }) => [`${op}(duration_ms)`, p95 * (0.5 + at / 2)])),
  });

  test('waits for the window to fill, the time between left out', async () => {
    const asked: { spec: QuerySpec; window: TimeWindow }[] = [];
    const rows = () => [row('before', 300, 1000), row('outside', 50, 700), row('after', 300, 400)];
    const result = await verifyDeployment(request(rows, asked));
    expect(asked).toHaveLength(2);
    expect(asked[1]?.window).toEqual({ start: 970_000, end: 1_051_000 });
    expect(asked[1]?.spec.calculated_fields?.[0]?.expression).toBe(
      'IF(AND(GTE(EVENT_TIMESTAMP(), 970), LT(EVENT_TIMESTAMP(), 1000)), "before", ' +
        'IF(AND(GTE(EVENT_TIMESTAMP(), 1021), LT(EVENT_TIMESTAMP(), 1051)), "after", "outside"))',
    );
    expect(result).toMatchObject({
      verdict: 'improved',
      before: { count: 300, rate: 10 },
      after: { count: 300, rate: 10 },
    });
  });

  test('knows what it was when the change was proposed', async () => {
    const rows = () => [row('before', 300, 1000), row('after', 300, 400)];
    const result = await verifyDeployment({ ...request(rows, []), p95WhenProposed: 450 });
    expect(result).toMatchObject({ verdict: 'undetermined', before: { p95: 975 } });
    expect(result.notes.join()).toMatch(/When the change was proposed the P95 was 450 ms/);
  });

  test('waits longer for more spans, within bounds', async () => {
    const asked: { spec: QuerySpec; window: TimeWindow }[] = [];
    const rows = (window: TimeWindow) => [
      row('before', 300, 1000),
      row('after', (window.end - 1_021_000) / 1000, 400),
    ];
    expect((await verifyDeployment(request(rows, asked))).after?.count).toBe(60);
    expect(asked).toHaveLength(3);
    const none: { spec: QuerySpec; window: TimeWindow }[] = [];
    expect(await verifyDeployment(request(() => [], none))).toMatchObject({
      verdict: 'undetermined',
      before: null,
      after: null,
    });
    expect(none).toHaveLength(4);
  });

  test.each([
    [12_000, 12_000],
    [90_000, 30_000],
  ])('waits for requests of %i ms to end, at most a window long', async (slowest, wait) => {
    const rows = () => [{ ...row('before', 300, 1000), 'MAX(duration_ms)': slowest }, row('after', 300, 400)];
    const one = request(rows, []);
    await verifyDeployment(one);
    expect(one.clock.now()).toBe(1_051_000 + 5_000 + wait);
  });

  test('asks for no column that the store has not', async () => {
    const asked: { spec: QuerySpec; window: TimeWindow }[] = [];
    const rows = () => [row('before', 300, 1000), row('after', 300, 400)];
    const result = await verifyDeployment(request(rows, asked, ['duration_ms', 'service.name', 'name']));
    expect(result.verdict).toBe('improved');
    expect(result.notes.join()).toContain('errors');
    expect(JSON.stringify(asked.map((one) => one.spec))).not.toMatch(
      /error|parent_id|annotation_type|span\.kind/,
    );
  });

  test('of a service alone takes what comes into it, be it from outside or from a caller', async () => {
    const asked: { spec: QuerySpec; window: TimeWindow }[] = [];
    await verifyDeployment({ ...request(() => [], asked), operation: undefined });
    expect(asked[0]?.spec.filters).toContainEqual({ column: 'plumbline.entrance', op: '=', value: 1 });
    expect(asked[0]?.spec.calculated_fields?.at(-1)?.expression).toBe(
      'IF(OR(NOT(EXISTS($"trace.parent_id")), IN($"span.kind", "server", "consumer")), 1, 0)',
    );
  });

  test('stops when cancelled', async () => {
    const stop = new AbortController();
    const one = { ...request(() => [], []), signal: stop.signal };
    stop.abort();
    await expect(verifyDeployment(one)).rejects.toThrow();
  });
});
