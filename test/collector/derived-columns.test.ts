import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FieldValue } from '../../src/collector/event.ts';
import { type ParsedRow, readRows } from './compiled-rows.ts';
import { openStore, T0, type TestStore } from './open-store.ts';

let opened: TestStore;
beforeEach(async () => {
  opened = await openStore();
});
afterEach(() => opened.close());

interface Row {
  readonly fields: Record<string, FieldValue>;
  readonly time: number;
  readonly dataset: string;
  readonly sampleRate: number;
}

let run = 0;
const hex = (n: number, length: number): string => n.toString(16).padStart(length, '0');
/** Each run of a property has a dataset and traces of its own, in the same store. */
const traceId = (n: number): string => hex(1_000 * run + n + 1, 32);
const spanId = (n: number): string => hex(n + 1, 16);

/** Spans of a few traces: parents may be missing, themselves, in a circle, or come twice; some rows are no spans. */
const forest = fc
  .array(
    fc.record({
      trace: fc.integer({ min: 0, max: 2 }),
      // Index of the parent among all; beyond them nobody.
      parent: fc.option(fc.integer({ min: 0, max: 30 }), { nil: null, freq: 4 }),
      name: fc.constantFrom('a', 'b', 'c'),
      tier: fc.option(fc.constantFrom('gold', 'tin'), { nil: null }),
      ms: fc.option(
        fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.double({ min: 0, max: 5, noNaN: true })),
        {
          nil: null,
        },
      ),
      annotation: fc.option(fc.constant('span_event'), { nil: null, freq: 6 }),
      twice: fc.boolean(),
      rate: fc.constantFrom(1, 1, 1, 3),
      order: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((spans) => {
    run++;
    const rows = spans.flatMap((span, index): { row: Row; order: number }[] => {
      const fields: Record<string, FieldValue> = {
        id: BigInt(index),
        name: span.name,
        'service.name': `s${span.trace}`,
        'meta.signal_type': 'trace',
        'trace.trace_id': traceId(span.trace),
        ...(span.parent !== null && { 'trace.parent_id': spanId(span.parent) }),
        ...(span.annotation === null
          ? { 'trace.span_id': spanId(index) }
          : { 'meta.annotation_type': span.annotation }),
        ...(span.tier !== null && { tier: span.tier }),
        ...(span.ms !== null && { duration_ms: span.ms }),
      };
      // Each has a time of its own, so that one root is the earliest.
      const row = { fields, time: T0 + ((index * 7) % 29), dataset: `run-${run}`, sampleRate: 1 };
      const once = [{ row, order: span.order }];
      return span.twice ? [...once, { row, order: 1 - span.order }] : once;
    });
    // One row has every column, so that each may be asked about.
    const every = { id: 99n, name: 'z', tier: 'iron', duration_ms: 1, status: 1n };
    const ordered = rows.toSorted((a, b) => a.order - b.order).map(({ row }) => row);
    return [...ordered, { fields: every, time: T0, dataset: `run-${run}`, sampleRate: 1 }];
  });

/** What the columns of a row's parent and root should be, by looking through all rows. */
function naive(row: Row, rows: readonly Row[]): { parent: Row | undefined; root: Row | undefined } {
  const spans = rows.filter(
    (one) =>
      one.fields['meta.signal_type'] === 'trace' &&
      one.fields['meta.annotation_type'] === undefined &&
      one.fields['trace.trace_id'] === row.fields['trace.trace_id'],
  );
  const roots = spans.filter((one) => one.fields['trace.parent_id'] === undefined);
  return {
    parent: spans.find(
      (one) =>
        row.fields['trace.parent_id'] !== undefined &&
        one.fields['trace.span_id'] === row.fields['trace.parent_id'],
    ),
    root: roots.toSorted((a, b) => a.time - b.time)[0],
  };
}

const relational = [
  'id',
  'parent.name',
  'parent.service.name',
  'parent.tier',
  'parent.duration_ms',
  'root.name',
  'root.tier',
];

describe('parents and roots', () => {
  it('are those of a look through all spans, in whatever order and batches they come', async () => {
    await fc.assert(
      fc.asyncProperty(forest, fc.integer({ min: 1, max: 8 }), async (rows, batch) => {
        for (let from = 0; from < rows.length; from += batch) {
          await opened.append(rows.slice(from, from + batch));
          await opened.store.prepareToRead();
        }
        expect(opened.store.derived).toBeDefined();
        const { results } = await opened.query(
          {
            breakdowns: relational,
            calculations: [{ op: 'COUNT' }, { op: 'MAX', column: 'parent.duration_ms' }],
            limit: 1_000,
          },
          rows[0]?.dataset ?? '',
        );
        const found = results.map(({ data }) => data).toSorted((a, b) => Number(a['id']) - Number(b['id']));
        const ids = [...new Set(rows.map((row) => Number(row.fields['id'])))].toSorted((a, b) => a - b);
        expect(found.map((data) => data['id'])).toEqual(ids);
        for (const data of found) {
          const mine = rows.filter((row) => Number(row.fields['id']) === data['id']);
          const [row] = mine;
          if (row === undefined) throw new Error('no such row');
          const { parent, root } = naive(row, rows);
          expect(data['COUNT']).toBe(mine.length);
          expect(data['parent.name']).toBe(parent?.fields['name'] ?? null);
          expect(data['parent.service.name']).toBe(parent?.fields['service.name'] ?? null);
          expect(data['parent.tier'] ?? null).toBe(parent?.fields['tier'] ?? null);
          expect(data['parent.duration_ms']).toBe(parent?.fields['duration_ms'] ?? null);
          expect(data['MAX(parent.duration_ms)']).toBe(parent?.fields['duration_ms'] ?? null);
          expect(data['root.name']).toBe(root?.fields['name'] ?? null);
          expect(data['root.tier'] ?? null).toBe(root?.fields['tier'] ?? null);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('are found when they come after their children were asked about', async () => {
    const span = (
      id: number,
      parent: number | null,
      time: number,
    ): { fields: Record<string, FieldValue>; time: number } => ({
      time,
      fields: {
        'meta.signal_type': 'trace',
        'trace.trace_id': traceId(0),
        'trace.span_id': spanId(id),
        ...(parent !== null && { 'trace.parent_id': spanId(parent) }),
        name: `span ${id}`,
        duration_ms: id,
      },
    });
    const asked = async () =>
      (
        await opened.query({
          breakdowns: ['parent.name', 'root.name'],
          calculations: [{ op: 'P50', column: 'parent.duration_ms' }],
          filters: [{ column: 'name', op: '=', value: 'span 3' }],
        })
      ).results.map(({ data }) => Object.values(data));
    await opened.append([span(3, 2, T0 + 3)]);
    expect(await asked()).toEqual([[null, null, null]]);
    await opened.append([span(2, 1, T0 + 2)]);
    expect(await asked()).toEqual([['span 2', null, 2]]);
    await opened.append([span(5, null, T0 + 1)]);
    expect(await asked()).toEqual([['span 2', 'span 5', 2]]);
    await opened.append([span(1, null, T0)]);
    expect(await asked()).toEqual([['span 2', 'span 1', 2]]);
  });
});

describe('answers from derived columns', () => {
  const filter = fc.constantFrom(
    { column: 'tier', op: '=', value: 'gold' },
    { column: 'tier', op: 'does-not-exist' },
    { column: 'name', op: 'in', value: ['a', 'b'] },
    { column: 'duration_ms', op: 'exists' },
    { column: 'duration_ms', op: '>', value: 3 },
    { column: 'trace.parent_id', op: 'does-not-exist' },
    { column: 'meta.annotation_type', op: 'does-not-exist' },
    { column: 'parent.name', op: '!=', value: 'a' },
    { column: 'parent.name', op: 'does-not-exist' },
    { column: 'root.tier', op: '=', value: 'gold' },
    { column: 'mixed', op: '=', value: 'gold a' },
    { column: 'is_root', op: '=', value: true },
    { column: 'window', op: '!=', value: 'incident' },
    { column: 'window', op: 'in', value: ['incident', 'before'] },
  );
  const query = fc.record({
    breakdowns: fc.uniqueArray(
      fc.constantFrom(
        'name',
        'tier',
        'window',
        'mixed',
        'parent.name',
        'parent.tier',
        'root.name',
        'kin',
        'own',
        'status',
        'is_root',
        'nothing',
      ),
      { maxLength: 4 },
    ),
    calculations: fc.uniqueArray(
      fc.constantFrom(
        ...['SUM', 'AVG', 'MIN', 'MAX', 'P10', 'P50', 'P99'].flatMap((op) => [
          { op, column: 'duration_ms' },
          { op, column: 'parent.duration_ms' },
          { op, column: 'failed' },
        ]),
        { op: 'COUNT' },
        { op: 'COUNT_DISTINCT', column: 'tier' },
        { op: 'COUNT_DISTINCT', column: 'parent.name' },
        { op: 'COUNT_DISTINCT', column: 'duration_ms' },
        { op: 'MAX', column: 'root.duration_ms' },
        { op: 'RATE_MAX', column: 'duration_ms' },
        { op: 'CONCURRENCY' },
      ),
      { minLength: 1, maxLength: 6, selector: (one) => JSON.stringify(one) },
    ),
    filters: fc.array(filter, { maxLength: 3 }),
    filter_combination: fc.constantFrom('AND', 'OR'),
    havings: fc.constantFrom([], [{ calculate_op: 'COUNT', op: '>', value: 1 }]),
    granularity: fc.constant(10),
  });
  const within = (from: number, to: number): string =>
    `AND(GTE(EVENT_TIMESTAMP(), ${T0 + from}), LT(EVENT_TIMESTAMP(), ${T0 + to}))`;
  const calculated_fields = [
    { name: 'failed', expression: 'IF(EQUALS($status, 2), 1, 0)' },
    {
      name: 'window',
      expression: `IF(${within(5, 12)}, "incident", IF(${within(12, 20)}, "before", ${within(20, 22)}, null, "incident"))`,
    },
    { name: 'mixed', expression: 'IF(GT($duration_ms, 3), CONCAT($tier, " ", $parent.name), $name)' },
    { name: 'kin', expression: 'CONCAT($name, "/", $root.name)' },
    { name: 'own', expression: 'IF(EQUALS($name, "a"), COALESCE($tier, "none"), null)' },
    { name: 'nothing', expression: 'IF(EQUALS($name, "a"), null, null)' },
  ];

  it('are those from the events themselves', async () => {
    await fc.assert(
      fc.asyncProperty(forest, query, fc.boolean(), fc.boolean(), async (rows, asked, sampled, even) => {
        const stored = rows.map((row, index) => ({
          ...row,
          sampleRate: sampled ? 1 + (index % 3) : 1,
          fields: {
            status: BigInt(index % 3),
            ...row.fields,
            ...(even &&
              typeof row.fields['duration_ms'] === 'number' && {
                duration_ms: Math.round(row.fields['duration_ms']),
              }),
          },
        }));
        await opened.append(stored);
        const spec = { ...asked, calculated_fields, start_time: T0 - 60, end_time: T0 + 60 };
        const { derived, plain } = await readRows(opened.store, spec, rows[0]?.dataset ?? '');
        expect(derived.length).toBe(plain.length);
        for (const [index, row] of derived.entries()) expectAlike(row, plain[index] ?? []);
      }),
      { numRuns: 60 },
    );
  });

  it('stay right when a column gets too many values, and when it gets another type', async () => {
    const names = async () =>
      (
        await opened.query({ breakdowns: ['user', 'kind'], orders: [{ column: 'user' }], limit: 3 })
      ).results.map(({ data }) => Object.values(data));
    await opened.append([{ fields: { user: '1', kind: 1n } }]);
    expect(await names()).toEqual([['1', 1, 1]]);
    await opened.append(Array.from({ length: 3_000 }, (_, n) => ({ fields: { user: `u${n}`, kind: 2n } })));
    expect(await names()).toEqual([
      ['1', 1, 1],
      ['u0', 2, 1],
      ['u1', 2, 1],
    ]);
    expect(opened.store.derived?.sets.has('user')).toBe(false);
    expect(opened.store.derived?.sets.has('kind')).toBe(true);
    await opened.append([{ fields: { user: '0', kind: 'text' } }]);
    expect(await names()).toEqual([
      ['0', 'text', 1],
      ['1', '1', 1],
      ['u0', '2', 1],
    ]);
  });

  it('outlive the removal of old events', async () => {
    await opened.close();
    opened = await openStore({ retentionHours: 1 });
    const now = Date.now();
    const at = (hours: number, name: string) => ({ time: now / 1000 - hours * 3_600, fields: { name } });
    await opened.append([at(0.9, 'older'), at(0.2, 'newer')]);
    await opened.store.prepareToRead();
    const sets = async () =>
      (await opened.store.read('SELECT name FROM attribute_sets ORDER BY plumbline_set', [])).rows.flat();
    expect(await sets()).toEqual([null, 'older', 'newer']);
    await opened.store.retain(now + 0.5 * 3_600_000);
    expect(await sets()).toEqual([null, 'older', 'newer']);
    await opened.append([at(0.1, 'newest')]);
    await opened.store.prepareToRead();
    await opened.store.retain(now + 0.79 * 3_600_000 + 3_600_000);
    expect(await sets()).toEqual([null]);
  });
});

function expectAlike(a: ParsedRow, b: ParsedRow): void {
  expect(a.length).toBe(b.length);
  a.forEach((cell, index) => {
    const other = b[index];
    if (typeof cell === 'number' && typeof other === 'number') expect(cell).toBeCloseTo(other, 6);
    else expect(cell).toEqual(other);
  });
}
