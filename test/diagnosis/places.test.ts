import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { CallAggregate } from '../../src/diagnosis/reason/places/calls.ts';
import type { CpuUse } from '../../src/diagnosis/reason/places/cpu-use.ts';
import { findCulprits } from '../../src/diagnosis/reason/places/culprits.ts';

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
    errors: 0,
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

/** Services in the order of the blame; empty when no request would feel anything. */
function blamed(rows: readonly CallAggregate[], cpu = NO_CPU): readonly string[] {
  const { isFelt, suspects } = findCulprits(rows, cpu, 'open');
  return isFelt ? suspects.map(({ service }) => service) : [];
}

const SLOW_STOCK = incident({ ...HEALTHY, work: { ...HEALTHY.work, stock: 120 } });

describe('Places', () => {
  it('are as fast as ever when nothing changed', () => {
    expect(blamed(incident(HEALTHY))).toEqual([]);
  });

  it('accuse the service whose own work grew, not those that wait for it', () => {
    expect(blamed(SLOW_STOCK)).toEqual(['stock']);
  });

  it('tell a delayed way from slow work', () => {
    const rows = incident({ ...HEALTHY, way: { stock: 102, price: 2 } });
    const [first] = findCulprits(rows, NO_CPU, 'open').suspects;
    expect(first).toMatchObject({ service: 'stock', ownWork: 0 });
    expect(first?.everyCall).toBeGreaterThan(0.8);
  });

  it('accuse the caller when everything that it calls seems slow', () => {
    const rows = incident({ work: { ...HEALTHY.work, shop: 200 }, way: { stock: 42, price: 42 } });
    expect(blamed(rows, new Map([['shop', { now: 98, before: 30 }]]))[0]).toBe('shop');
  });

  it('do not accuse a full processor whose own steps are as fast as ever', () => {
    const rows = incident({ ...HEALTHY, way: { stock: 102, price: 2 } });
    expect(blamed(rows, new Map([['shop', { now: 99, before: 30 }]]))[0]).toBe('stock');
  });

  it('show where requests are given up without a status to tell it', () => {
    const rows = incident(HEALTHY).map((row) =>
      row.window === 'incident' && row.operation.startsWith('price')
        ? { ...row, count: 20, totalMs: row.totalMs / 10 }
        : row,
    );
    const { breakers } = findCulprits(rows, NO_CPU, 'open');
    expect(breakers.map(({ service, isGone }) => [service, isGone])).toEqual([['shop', false]]);
  });

  it('name a service that fell silent while its callers still call it', () => {
    const rows = incident(HEALTHY).filter((row) => row.window !== 'incident' || row.service !== 'price');
    const { breakers } = findCulprits(rows, NO_CPU, 'open');
    expect(breakers[0]).toMatchObject({ service: 'price', isGone: true });
  });

  it('show calls that are made again and again', () => {
    const rows = incident(HEALTHY).map((row) =>
      row.window === 'incident' && row.operation.startsWith('price')
        ? { ...row, count: row.count * 12, totalMs: row.totalMs * 12 }
        : row.window === 'incident' && row.operation === 'GET /'
          ? { ...row, totalMs: row.totalMs + 110 * row.count, p50: row.p50 + 110 }
          : row,
    );
    const { isFelt, suspects } = findCulprits(rows, NO_CPU, 'open');
    expect(isFelt).toBe(true);
    expect(suspects[0]).toMatchObject({ service: 'shop' });
    expect(suspects[0]?.moreCalls).toBeGreaterThan(0);
  });

  it('count only as far as their caller waits for them', () => {
    // The slow call was started and left alone: the request is as fast as ever.
    const rows = incident({ ...HEALTHY, work: { ...HEALTHY.work, stock: 400 } }).map((row) =>
      row.window === 'incident' && row.operation === 'GET /'
        ? { ...row, totalMs: 42 * row.count, p50: 42 }
        : row,
    );
    expect(blamed(rows)).toEqual([]);
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
    expect(blamed(whole)).toEqual([]);
  });

  it('say nothing without a baseline or without requests', () => {
    expect(blamed(traffic('incident', HEALTHY))).toEqual([]);
    expect(blamed([])).toEqual([]);
  });

  it('stand a baseline window that holds a fault of its own', () => {
    const faulty = traffic('baseline-3', { ...HEALTHY, work: { ...HEALTHY.work, stock: 500 } });
    expect(blamed([...SLOW_STOCK, ...faulty])[0]).toBe('stock');
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
      expect(blamed(incident(slow).map(scale))).toEqual(blamed(incident(slow)));
    },
  );

  test.prop([times, fc.integer({ min: 0, max: 1_000 })])(
    'the order of the rows changes nothing',
    (slow, seed) => {
      const rows = incident(slow);
      const shuffled = rows.toSorted((a, b) => hash(a, seed) - hash(b, seed));
      expect(findCulprits(shuffled, NO_CPU, 'open').suspects).toEqual(
        findCulprits(rows, NO_CPU, 'open').suspects,
      );
    },
  );

  test.prop([times])('renaming services renames the answer', (slow) => {
    const rename = (name: string | null) => (name === null ? null : `x-${name}`);
    const rows = incident(slow).map((row) => ({
      ...row,
      service: `x-${row.service}`,
      parentService: rename(row.parentService),
    }));
    expect(blamed(rows)).toEqual(blamed(incident(slow)).map((service) => `x-${service}`));
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
        errors: 0,
        totalMs: 500,
        p10: 9,
        p50: 10,
        p95: 12,
        parent: null,
      }),
    );
    expect(blamed([...incident(slow), ...other])).toEqual(blamed(incident(slow)));
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
        errors: nonsense,
        totalMs: nonsense,
        p10: nonsense,
        p50: nonsense,
        p95: nonsense,
        parent: fc.option(fc.record({ totalMs: nonsense, p10: nonsense, p50: nonsense })),
      }),
      { maxLength: 40 },
    ),
  ])('nonsense gives an answer, and never a NaN', (rows) => {
    for (const { weight } of findCulprits(rows, NO_CPU, 'open').suspects)
      expect(Number.isFinite(weight)).toBe(true);
  });
});

function hash(row: CallAggregate, seed: number): number {
  let value = seed;
  for (const character of JSON.stringify(row)) value = (value * 31 + character.charCodeAt(0)) % 1_000_003;
  return value;
}
