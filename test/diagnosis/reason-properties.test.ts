import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Diagnosis } from '../../src/diagnosis/diagnosis.ts';
import type { CallRow, Gathered, WindowName } from '../../src/diagnosis/gather/gathered.ts';
import { findRegimes } from '../../src/diagnosis/reason/changepoint.ts';
import { buildCallTree } from '../../src/diagnosis/reason/localise.ts';
import { reason } from '../../src/diagnosis/reason/reason.ts';
import { sizingFor } from '../../src/diagnosis/sizing-advice.ts';
import type { TimeWindow } from '../../src/telemetry/query.ts';
import { generator, play, type Scene, START, shop } from './scene.ts';

const anyScene: fc.Arbitrary<Scene> = fc
  .record({
    own: fc.constantFrom(1, 1.3, 6, 15),
    model: fc.constantFrom(1, 1.2, 8),
    index: fc.constantFrom(1, 5, 50),
    cpu: fc.constantFrom<readonly [number, number] | null>([30, 30], [35, 99], [20, 70], null),
    seed: fc.integer({ min: 1, max: 1_000 }),
  })
  .map(({ own, model, index, cpu, seed }) => ({
    root: shop({ own, model, index }),
    cpu: { shop: cpu },
    seed,
  }));

/** What stays when names, ids, times and numbers change. */
function skeleton(diagnosis: Diagnosis) {
  return {
    verdict: diagnosis.verdict,
    causes: diagnosis.causes.map(({ kind, share, confidence }) => ({ kind, share, confidence })),
    ruledOut: diagnosis.ruledOut.map((one) => one.kind),
  };
}

/** Every duration, and the clock from the scene's start on: the same story told slower or faster. */
function scaleTimes(gathered: Gathered, factor: number): Gathered {
  const scaled = <T extends { p50: number; p95: number; p99: number }>(one: T): T => ({
    ...one,
    p50: one.p50 * factor,
    p95: one.p95 * factor,
    p99: one.p99 * factor,
  });
  const moment = (time: number): number => START + (time - START) * factor;
  const window = (one: TimeWindow): TimeWindow => ({ start: moment(one.start), end: moment(one.end) });
  const { windows, metrics } = gathered;
  return {
    ...gathered,
    lookback: window(gathered.lookback),
    granularitySeconds: gathered.granularitySeconds * factor,
    windows: {
      incident: window(windows.incident),
      baselines: windows.baselines.map(window),
      origin: windows.origin,
      onset: windows.onset && {
        time: moment(windows.onset.time),
        earliest: moment(windows.onset.earliest),
        latest: moment(windows.onset.latest),
      },
    },
    metrics: metrics && {
      ...metrics,
      window: window(metrics.window),
      periodSeconds: metrics.periodSeconds * factor,
      series: metrics.series.map((one) => ({
        ...one,
        points: one.points.map(({ time, value }) => ({ time: moment(time), value })),
      })),
    },
    entries: {
      ...gathered.entries,
      rows: gathered.entries.rows.map((entry) => ({
        ...entry,
        total: scaled(entry.total),
        points: entry.points.map((point) => ({ ...scaled(point), time: moment(point.time) })),
      })),
    },
    calls: gathered.calls && {
      ...gathered.calls,
      rows: gathered.calls.rows.map((row) => ({
        ...scaled(row),
        totalMs: row.totalMs * factor,
        p10: row.p10 * factor,
      })),
    },
  };
}

function shuffled<T>(rows: readonly T[], seed: number): T[] {
  const random = generator(seed);
  const copy = [...rows];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (Array.isArray(value)) return value.flatMap(numbersIn);
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(numbersIn) : [];
}

/** Two of the windows, as a caller may name them, over all spans. */
function between(gathered: Gathered, now: WindowName, before: WindowName): Gathered {
  const { windows, calls, instances } = gathered;
  const all = new Map<WindowName, TimeWindow>([['incident', windows.incident]]);
  windows.baselines.forEach((window, index) => {
    all.set(`baseline-${index}`, window);
  });
  const [incident, baseline] = [all.get(now), all.get(before)];
  if (incident === undefined || baseline === undefined || calls === null || instances === null)
    throw new Error('empty');
  const renamed = <T extends { readonly window: WindowName }>(rows: readonly T[]): readonly T[] =>
    rows
      .filter(({ window }) => window === now || window === before)
      .map((row) => ({ ...row, window: row.window === now ? 'incident' : 'baseline-0' }));
  return {
    ...gathered,
    scope: 'everything',
    windows: { incident, baselines: [baseline], onset: null, origin: 'asked' },
    calls: { ...calls, rows: renamed(calls.rows) },
    instances: { ...instances, rows: renamed(instances.rows) },
  };
}

describe('reasoning', () => {
  test('gives the same bytes for the same input, whatever the order of the rows', () => {
    fc.assert(
      fc.property(anyScene, fc.integer({ min: 1, max: 999 }), (scene, seed) => {
        const gathered = play(scene);
        const [entry] = gathered.entries.rows;
        if (entry === undefined || gathered.calls === null || gathered.metrics === null)
          throw new Error('empty');
        const mixed: Gathered = {
          ...gathered,
          entries: { ...gathered.entries, rows: [{ ...entry, points: shuffled(entry.points, seed) }] },
          calls: { ...gathered.calls, rows: shuffled(gathered.calls.rows, seed) },
          metrics: { ...gathered.metrics, series: shuffled(gathered.metrics.series, seed) },
        };
        expect(JSON.stringify(reason(mixed))).toBe(JSON.stringify(reason(gathered)));
      }),
      { numRuns: 25 },
    );
  });

  test('scaling all times scales nothing but the numbers', () => {
    fc.assert(
      fc.property(anyScene, fc.constantFrom(0.125, 0.5, 64), (scene, factor) => {
        const gathered = play(scene);
        expect(skeleton(reason(scaleTimes(gathered, factor)))).toEqual(skeleton(reason(gathered)));
      }),
      { numRuns: 25 },
    );
  });

  test('renaming everything renames the answer', () => {
    fc.assert(
      fc.property(anyScene, (scene) => {
        const gathered = play(scene);
        const renamed = JSON.parse(
          JSON.stringify(gathered)
            .replaceAll('"shop"', '"zebra"')
            .replaceAll('"rank"', '"aa"')
            .replaceAll('"acme-models"', '"other"'),
        ) as Gathered;
        const [first, second] = [reason(gathered), reason(renamed)];
        expect(skeleton(second)).toEqual(skeleton(first));
        expect(second.causes.map((cause) => cause.target.service)).toEqual(first.causes.map(() => 'zebra'));
      }),
      { numRuns: 20 },
    );
  });

  test('a service that the symptom does not touch changes no ranking', () => {
    fc.assert(
      fc.property(anyScene, fc.double({ min: 1, max: 100, noNaN: true }), (scene, slower) => {
        const gathered = play(scene);
        if (gathered.calls === null) throw new Error('empty');
        const stranger = (window: WindowName, factor: number): CallRow => ({
          window,
          service: 'billing',
          operation: 'invoice',
          parentService: null,
          parentOperation: null,
          spanKind: 'internal',
          peer: null,
          address: null,
          count: 500,
          errors: 0,
          totalMs: 500 * 40 * factor,
          p10: 30 * factor,
          p50: 40 * factor,
          p95: 60 * factor,
          p99: 80 * factor,
          parent: null,
        });
        // Where no entrance became slow all of the telemetry is looked at, and a slow stranger is a find.
        const felt = gathered.scope === 'symptom';
        const rows = [
          ...gathered.calls.rows,
          stranger('baseline-0', 1),
          stranger('incident', felt ? slower : 1),
        ];
        const more = reason({ ...gathered, calls: { ...gathered.calls, rows } });
        expect(more.causes).toEqual(reason(gathered).causes);
      }),
      { numRuns: 20 },
    );
  });

  test('windows that were asked for: swapped, what was slow before is not slow now', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 12 }), fc.integer({ min: 1, max: 999 }), (factor, seed) => {
        const asked = between(play({ root: shop({ model: factor }), seed }), 'incident', 'baseline-0');
        expect(reason(asked).causes[0]).toMatchObject({
          kind: 'dependency',
          target: { dependency: 'acme-models (models.example:443)' },
        });
        const swapped = between(play({ root: shop({ model: factor }), seed }), 'baseline-0', 'incident');
        expect(reason(swapped).verdict).toBe('nothing-wrong');
      }),
      { numRuns: 15 },
    );
  });

  test('windows that were asked for: the same bytes whatever the order of the rows, and with all times scaled', () => {
    fc.assert(
      fc.property(
        anyScene,
        fc.integer({ min: 1, max: 999 }),
        fc.constantFrom(0.125, 64),
        (scene, seed, factor) => {
          const asked = between(play(scene), 'incident', 'baseline-0');
          if (asked.calls === null) throw new Error('empty');
          const mixed = { ...asked, calls: { ...asked.calls, rows: shuffled(asked.calls.rows, seed) } };
          expect(JSON.stringify(reason(mixed))).toBe(JSON.stringify(reason(asked)));
          expect(skeleton(reason(scaleTimes(asked, factor)))).toEqual(skeleton(reason(asked)));
        },
      ),
      { numRuns: 20 },
    );
  });

  test('the order of the windows matters: what got faster is not slow', () => {
    const faster = play({ root: shop({ model: 1 / 8 }) });
    expect(reason(faster).verdict).toBe('nothing-wrong');
  });
});

/** Numbers and names that no healthy system sends. */
const nonsenseNumber = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0, 1e300),
);
const someName = fc.constantFrom('a', 'b', 'shop', 'GET /offers', '', '__proto__', 'x'.repeat(400));
const nonsenseRow: fc.Arbitrary<CallRow> = fc.record({
  window: fc.constantFrom<WindowName>('incident', 'baseline-0', 'baseline-1'),
  service: someName,
  operation: someName,
  parentService: fc.option(someName),
  parentOperation: fc.option(someName),
  spanKind: fc.option(fc.constantFrom('client', 'server', 'internal', 'odd')),
  peer: fc.option(someName),
  address: fc.option(someName),
  totalMs: nonsenseNumber,
  p10: nonsenseNumber,
  count: nonsenseNumber,
  errors: nonsenseNumber,
  p50: nonsenseNumber,
  p95: nonsenseNumber,
  p99: nonsenseNumber,
  parent: fc.option(fc.record({ totalMs: nonsenseNumber, p10: nonsenseNumber, p50: nonsenseNumber })),
});

describe('nonsense', () => {
  test('gives an answer without a crash, NaN or infinity, and without confidence above 1', () => {
    fc.assert(
      fc.property(
        anyScene,
        fc.array(nonsenseRow, { maxLength: 40 }),
        fc.array(fc.record({ time: nonsenseNumber, value: nonsenseNumber }), { maxLength: 10 }),
        (scene, rows, points) => {
          const gathered = play(scene);
          if (gathered.calls === null || gathered.metrics === null) throw new Error('empty');
          const [entry] = gathered.entries.rows;
          if (entry === undefined) throw new Error('empty');
          const odd = points.map(({ time, value }) => ({
            time,
            count: value,
            errors: value,
            p50: value,
            p95: value,
            p99: value,
          }));
          const diagnosis = reason({
            ...gathered,
            entries: { ...gathered.entries, rows: [{ ...entry, points: [...entry.points, ...odd] }] },
            calls: { ...gathered.calls, rows: [...gathered.calls.rows, ...rows] },
            metrics: {
              ...gathered.metrics,
              series: gathered.metrics.series.map((one) => ({ ...one, points: [...one.points, ...points] })),
            },
          });
          expect(numbersIn(diagnosis).every(Number.isFinite)).toBe(true);
          for (const cause of diagnosis.causes) {
            expect(cause.confidence).toBeGreaterThan(0);
            expect(cause.confidence).toBeLessThan(1);
            expect(cause.evidence.length).toBeGreaterThan(0);
          }
          const advice = sizingFor(diagnosis);
          if (advice !== null) expect(numbersIn(advice).every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('every piece of cited evidence exists', () => {
    fc.assert(
      fc.property(anyScene, (scene) => {
        const diagnosis = reason(play(scene));
        const known = new Set(diagnosis.evidence.map((one) => one.id));
        const cited = [...diagnosis.causes, ...diagnosis.ruledOut].flatMap((one) => one.evidence);
        expect(cited.filter((id) => !known.has(id))).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  test('a tree of names that loops ends, and exclusive times are never negative', () => {
    fc.assert(
      fc.property(fc.array(nonsenseRow, { maxLength: 60 }), (rows) => {
        const tree = buildCallTree(rows, { service: 'shop', operation: 'GET /offers', isRoot: true });
        const costs = tree.nodes.flatMap((node) => [node.before, node.after]).filter((cost) => cost !== null);
        expect(costs.every((cost) => cost.exclusive >= 0)).toBe(true);
      }),
    );
  });

  test('ten thousand services are no matter', () => {
    const gathered = play({ root: shop({ own: 10 }), cpu: { shop: [30, 99] } });
    if (gathered.calls === null) throw new Error('empty');
    const [template] = gathered.calls.rows;
    if (template === undefined) throw new Error('empty');
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      ...template,
      service: `s${index}`,
      parentService: 'shop',
      parentOperation: 'render',
      totalMs: 0.01,
    }));
    const diagnosis = reason({
      ...gathered,
      calls: { ...gathered.calls, rows: [...gathered.calls.rows, ...many] },
    });
    expect(diagnosis.causes[0]?.kind).toBe('cpu');
  });
});

describe('change points', () => {
  test('regimes cover all bins without overlap', () => {
    const bin = fc.record({
      start: fc.constant(0),
      end: fc.constant(1),
      count: fc.integer({ min: 1, max: 100 }),
      errors: fc.constant(0),
      p50: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
      p95: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
      p99: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(bin, { maxLength: 60 }),
        fc.constantFrom('p50' as const, 'p95' as const),
        (bins, level) => {
          const regimes = findRegimes(bins, level);
          expect(regimes[0]?.from).toBe(0);
          expect(regimes.at(-1)?.to).toBe(bins.length);
          regimes.slice(1).forEach((regime, index) => {
            expect(regime.from).toBe(regimes[index]?.to);
          });
        },
      ),
      { numRuns: 50 },
    );
  });
});
