import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { CallAggregate } from '../../src/diagnosis/reason/places/calls.ts';
import type { CpuUse } from '../../src/diagnosis/reason/places/cpu-use.ts';
import { reasonFromTraces } from '../../src/diagnosis/reason/places/culprits.ts';

const BASELINES = ['baseline-0', 'baseline-1', 'baseline-2'];
const NO_CPU: ReadonlyMap<string, CpuUse> = new Map();

interface Times {
  /** Milliseconds of own work by service, and on the way to it. */
  readonly work: Readonly<Record<'shop' | 'stock' | 'price', number>>;
  readonly way: Readonly<Record<'stock' | 'price', number>>;
}
const HEALTHY: Times = { work: { shop: 20, stock: 10, price: 8 }, way: { stock: 2, price: 2 } };

/** shop calls stock and price once each; own spans for the callers' and the callees' side of a call. */
function traffic(window: string, times: Times, count = 200): CallAggregate[] {
  const row = (
    service: string,
    operation: string,
    parent: [string, string] | null,
    ms: number,
  ): CallAggregate => ({
    window,
    service,
    operation,
    parentService: parent?.[0] ?? null,
    parentOperation: parent?.[1] ?? null,
    count,
    totalMs: ms * count,
    p10: ms * 0.9,
    p50: ms,
    p95: ms * 1.3,
    parent: null,
  });
  const { work, way } = times;
  return [
    row('shop', 'GET /', null, work.shop + work.stock + way.stock + work.price + way.price),
    row('shop', 'stock call', ['shop', 'GET /'], work.stock + way.stock),
    row('shop', 'price call', ['shop', 'GET /'], work.price + way.price),
    row('stock', 'stock', ['shop', 'stock call'], work.stock),
    row('price', 'price', ['shop', 'price call'], work.price),
  ];
}

function incident(times: Times, count = 200): CallAggregate[] {
  return [...BASELINES.flatMap((window) => traffic(window, HEALTHY)), ...traffic('incident', times, count)];
}

const SLOW_STOCK = incident({ ...HEALTHY, work: { ...HEALTHY.work, stock: 120 } });

describe('Reasoning from traces', () => {
  it('says that nothing is wrong when nothing changed', () => {
    expect(reasonFromTraces(incident(HEALTHY), NO_CPU)).toEqual({ verdict: 'nothing-wrong', ranking: [] });
  });

  it('names the service whose own work grew, not those that wait for it', () => {
    const { verdict, ranking } = reasonFromTraces(SLOW_STOCK, NO_CPU);
    expect(verdict).toBe('cause');
    expect(ranking.map((one) => one.target)).toEqual(['stock']);
    expect(ranking[0]?.kind).toBe('cpu');
  });

  it('calls it the program’s doing when the processor had time to spare', () => {
    const calm = new Map([['stock', { now: 12, before: 11 }]]);
    expect(reasonFromTraces(SLOW_STOCK, calm).ranking[0]?.kind).toBe('application');
  });

  it('tells a delayed way from slow work', () => {
    const rows = incident({ ...HEALTHY, way: { stock: 102, price: 2 } });
    expect(reasonFromTraces(rows, NO_CPU).ranking[0]).toMatchObject({ target: 'stock', kind: 'network' });
  });

  it('blames the caller when everything that it calls seems slow', () => {
    const rows = incident({ work: { ...HEALTHY.work, shop: 200 }, way: { stock: 42, price: 42 } });
    const full = new Map([['shop', { now: 98, before: 30 }]]);
    expect(reasonFromTraces(rows, full).ranking[0]).toMatchObject({ target: 'shop', kind: 'cpu' });
  });

  it('finds where requests are given up without a status to tell it', () => {
    const rows = incident(HEALTHY).map((row) =>
      row.window === 'incident' && row.operation.startsWith('price')
        ? { ...row, count: 20, totalMs: row.totalMs / 10 }
        : row,
    );
    expect(reasonFromTraces(rows, NO_CPU)).toMatchObject({
      verdict: 'cause',
      ranking: [{ target: 'shop', kind: 'errors' }],
    });
  });

  it('does not take one slow call among few for a slow operation', () => {
    const rows = incident(HEALTHY, 8).map((row) =>
      row.window === 'incident' && row.operation === 'stock' ? { ...row, totalMs: row.totalMs + 800 } : row,
    );
    const whole = rows.map((row) =>
      row.window === 'incident' && (row.operation === 'stock call' || row.operation === 'GET /')
        ? { ...row, totalMs: row.totalMs + 800 }
        : row,
    );
    expect(reasonFromTraces(whole, NO_CPU).verdict).toBe('nothing-wrong');
  });

  it('is undetermined without a baseline or without requests', () => {
    expect(reasonFromTraces(traffic('incident', HEALTHY), NO_CPU).verdict).toBe('undetermined');
    expect(reasonFromTraces([], NO_CPU).verdict).toBe('undetermined');
  });

  it('stands a baseline window that holds a fault of its own', () => {
    const faulty = traffic('baseline-3', { ...HEALTHY, work: { ...HEALTHY.work, stock: 500 } });
    expect(reasonFromTraces([...SLOW_STOCK, ...faulty], NO_CPU).ranking[0]?.target).toBe('stock');
  });

  const times = fc.record({
    work: fc.record({
      shop: fc.double({ min: 1, max: 500, noNaN: true }),
      stock: fc.double({ min: 1, max: 500, noNaN: true }),
      price: fc.double({ min: 1, max: 500, noNaN: true }),
    }),
    way: fc.record({
      stock: fc.double({ min: 0, max: 500, noNaN: true }),
      price: fc.double({ min: 0, max: 500, noNaN: true }),
    }),
  });
  const order = (rows: readonly CallAggregate[]) => {
    const { verdict, ranking } = reasonFromTraces(rows, NO_CPU);
    return { verdict, ranking: ranking.map(({ target, kind }) => ({ target, kind })) };
  };

  test.prop([times, fc.constantFrom(0.25, 4, 1024)])(
    'scaling all times changes no answer',
    (slow, factor) => {
      const scale = (row: CallAggregate): CallAggregate => ({
        ...row,
        totalMs: row.totalMs * factor,
        p10: row.p10 * factor,
        p50: row.p50 * factor,
        p95: row.p95 * factor,
      });
      expect(order(incident(slow).map(scale))).toEqual(order(incident(slow)));
    },
  );

  test.prop([times, fc.integer({ min: 0, max: 1_000 })])(
    'the order of the rows changes nothing',
    (slow, seed) => {
      const rows = incident(slow);
      const shuffled = rows.toSorted((a, b) => hash(a, seed) - hash(b, seed));
      expect(reasonFromTraces(shuffled, NO_CPU)).toEqual(reasonFromTraces(rows, NO_CPU));
    },
  );

  test.prop([times])('renaming services renames the answer', (slow) => {
    const rename = (name: string | null) => (name === null ? null : `x-${name}`);
    const rows = incident(slow).map((row) => ({
      ...row,
      service: `x-${row.service}`,
      parentService: rename(row.parentService),
    }));
    const renamed = order(incident(slow));
    expect(order(rows)).toEqual({
      ...renamed,
      ranking: renamed.ranking.map((one) => ({ ...one, target: `x-${one.target}` })),
    });
  });

  test.prop([times])('a service that has nothing to do with it changes no ranking', (slow) => {
    const other = [...BASELINES, 'incident'].map(
      (window): CallAggregate => ({
        window,
        service: 'unrelated',
        operation: 'tick',
        parentService: null,
        parentOperation: null,
        count: 50,
        totalMs: 500,
        p10: 9,
        p50: 10,
        p95: 12,
        parent: null,
      }),
    );
    expect(order([...incident(slow), ...other])).toEqual(order(incident(slow)));
  });

  const nonsense = fc.double();
  test.prop([
    fc.array(
      fc.record({
        window: fc.constantFrom('incident', 'baseline-0', 'baseline-1'),
        service: fc.constantFrom('a', 'b', 'c'),
        operation: fc.constantFrom('x', 'y'),
        parentService: fc.constantFrom('a', 'b', null),
        parentOperation: fc.constantFrom('x', 'y', null),
        count: nonsense,
        totalMs: nonsense,
        p10: nonsense,
        p50: nonsense,
        p95: nonsense,
        parent: fc.option(fc.record({ totalMs: nonsense, p10: nonsense, p50: nonsense })),
      }),
      { maxLength: 40 },
    ),
  ])('nonsense gives an answer, and never a NaN', (rows) => {
    for (const { score } of reasonFromTraces(rows, NO_CPU).ranking) expect(Number.isFinite(score)).toBe(true);
  });
});

function hash(row: CallAggregate, seed: number): number {
  let value = seed;
  for (const character of JSON.stringify(row)) value = (value * 31 + character.charCodeAt(0)) % 1_000_003;
  return value;
}
