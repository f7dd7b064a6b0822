import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FieldValue } from '../../src/collector/event.ts';
import { onlyRow, openStore, T0, type TestStore } from './open-store.ts';

let opened: TestStore;
beforeEach(async () => {
  opened = await openStore();
});
afterEach(() => opened.close());

/** Linear interpolation over a list in which each value stands as often as its weight says. */
function percentile(values: readonly (readonly [value: number, weight: number])[], q: number): number | null {
  const sorted = values.flatMap(([value, weight]) => Array<number>(weight).fill(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const position = q * (sorted.length - 1);
  const low = sorted[Math.floor(position)] ?? 0;
  const high = sorted[Math.ceil(position)] ?? 0;
  return low + (high - low) * (position - Math.floor(position));
}

const durations = (values: readonly number[]) => values.map((ms) => ({ fields: { duration_ms: ms } }));

describe('percentiles', () => {
  it.each([
    [[126, 57, 82, 23], 119.4],
    [[57, 234], 225.15],
    [[5], 5],
  ])('P95 of %j is %d', async (values, expected) => {
    await opened.append(durations(values));
    const row = onlyRow(await opened.query({ calculations: [{ op: 'P95', column: 'duration_ms' }] }));
    expect(row['P95(duration_ms)']).toBeCloseTo(expected, 9);
  });

  it('agree with the plain model, weighted by sample rate, in every group', async () => {
    const event = fc.record({
      ms: fc.double({ min: 0, max: 1e6, noNaN: true }),
      group: fc.constantFrom('a', 'b', 'c'),
      rate: fc.integer({ min: 1, max: 6 }),
    });
    let dataset = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 40 }),
        fc.boolean(),
        async (events, sampled) => {
          const name = `run-${dataset++}`;
          const weighted = events.map((e) => ({ ...e, rate: sampled ? e.rate : 1 }));
          await opened.append(
            weighted.map((e) => ({
              dataset: name,
              sampleRate: e.rate,
              fields: { duration_ms: e.ms, group: e.group },
            })),
          );
          const { results } = await opened.query(
            {
              breakdowns: ['group'],
              calculations: [
                { op: 'COUNT' },
                { op: 'AVG', column: 'duration_ms' },
                { op: 'P50', column: 'duration_ms' },
                { op: 'P99', column: 'duration_ms' },
                { op: 'P001', column: 'duration_ms' },
              ],
            },
            name,
          );
          expect(results.length).toBe(new Set(weighted.map((e) => e.group)).size);
          for (const { data } of results) {
            const mine = weighted.filter((e) => e.group === data['group']);
            const pairs = mine.map((e) => [e.ms, e.rate] as const);
            const n = mine.reduce((sum, e) => sum + e.rate, 0);
            expect(data['COUNT']).toBe(n);
            expect(data['AVG(duration_ms)']).toBeCloseTo(
              mine.reduce((sum, e) => sum + e.ms * e.rate, 0) / n,
              3,
            );
            for (const [op, q] of [
              ['P50', 0.5],
              ['P99', 0.99],
              ['P001', 0.001],
            ] as const) {
              expect(data[`${op}(duration_ms)`]).toBeCloseTo(percentile(pairs, q) ?? Number.NaN, 3);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('aggregates', () => {
  it('skip rows that lack the column', async () => {
    await opened.append([
      { fields: { duration_ms: 10, x: 4n } },
      { fields: { duration_ms: 20 } },
      { fields: { x: 8n } },
    ]);
    const row = onlyRow(
      await opened.query({
        calculations: [
          { op: 'COUNT' },
          { op: 'AVG', column: 'x' },
          { op: 'SUM', column: 'x' },
          { op: 'MIN', column: 'x' },
          { op: 'MAX', column: 'duration_ms' },
          { op: 'COUNT_DISTINCT', column: 'duration_ms' },
          { op: 'P50', column: 'x', name: 'middle' },
        ],
      }),
    );
    expect(row).toEqual({
      COUNT: 3,
      'AVG(x)': 6,
      'SUM(x)': 12,
      'MIN(x)': 4,
      'MAX(duration_ms)': 20,
      'COUNT_DISTINCT(duration_ms)': 2,
      middle: 6,
    });
  });

  it('give one row with nothing in it when nothing matches', async () => {
    await opened.append(durations([1]));
    const row = onlyRow(
      await opened.query({
        filters: [{ column: 'name', op: '=', value: 'none' }],
        calculations: [{ op: 'COUNT' }, { op: 'P95', column: 'duration_ms' }],
      }),
    );
    expect(row).toEqual({ COUNT: 0, 'P95(duration_ms)': null });
  });

  it('count spans that overlap', async () => {
    await opened.append([
      { time: T0, fields: { duration_ms: 1000 } },
      { time: T0 + 0.5, fields: { duration_ms: 1000 } },
      { time: T0 + 0.6, fields: { duration_ms: 100 } },
      { time: T0 + 5, fields: { duration_ms: 1000 } },
    ]);
    expect(onlyRow(await opened.query({ calculations: [{ op: 'CONCURRENCY' }] }))).toEqual({
      CONCURRENCY: 3,
    });
  });

  it('give the rate of a counter from point to point', async () => {
    await opened.append(
      [0, 60, 120].map((s, i) => ({ time: T0 + s, fields: { requests: [10, 40, 100][i] ?? 0 } })),
    );
    const outcome = await opened.query(
      { calculations: [{ op: 'RATE_MAX', column: 'requests' }], granularity: 60 },
      'd',
      true,
    );
    expect(onlyRow(outcome)).toEqual({ 'RATE_MAX(requests)': 45 });
    expect(outcome.series.map((point) => point.data['RATE_MAX(requests)'])).toEqual([null, 30, 60]);
  });

  it('refuse HEATMAP by name', async () => {
    await opened.append(durations([1]));
    await expect(
      opened.query({ calculations: [{ op: 'HEATMAP', column: 'duration_ms' }] }),
    ).rejects.toMatchObject({
      status: 422,
      faults: [{ field: 'calculations[0].op' }],
    });
  });
});

describe('filters', () => {
  const rows: { fields: Record<string, FieldValue> }[] = [
    { fields: { id: 1n, s: 'alpha', n: 1.5, ok: true, status: 200n } },
    { fields: { id: 2n, s: 'beta', n: 10, ok: false, status: 404n } },
    { fields: { id: 3n } },
  ];
  it.each([
    ['s', '=', 'alpha', [1]],
    ['s', '!=', 'alpha', [2]],
    ['s', 'starts-with', 'al', [1]],
    ['s', 'does-not-start-with', 'al', [2]],
    ['s', 'ends-with', 'a', [1, 2]],
    ['s', 'does-not-end-with', 'pha', [2]],
    ['s', 'contains', 'et', [2]],
    ['s', 'does-not-contain', 'et', [1]],
    ['s', 'exists', undefined, [1, 2]],
    ['s', 'does-not-exist', undefined, [3]],
    ['s', 'in', ['alpha', 'gamma'], [1]],
    ['s', 'not-in', ['alpha', 'gamma'], [2]],
    ['s', '=', "' OR 1=1 --", []],
    ['s', 'contains', '%', []],
    ['n', '>', 1.5, [2]],
    ['n', '>=', '1.5', [1, 2]],
    ['n', '=', 'text', []],
    ['n', '!=', 'text', [1, 2]],
    ['status', '=', '404', [2]],
    ['status', '<', 300.5, [1]],
    ['status', 'starts-with', '4', [2]],
    ['ok', '=', 'true', [1]],
    ['ok', '!=', true, [2]],
  ])('%s %s %j', async (column, op, value, expected) => {
    await opened.append(rows);
    const { results } = await opened.query({
      breakdowns: ['id'],
      filters: [{ column, op, ...(value !== undefined && { value }) }],
      orders: [{ column: 'id' }],
    });
    expect(results.map((row) => row.data['id'])).toEqual(expected);
  });

  it.each([
    ['=', 'first', [1]],
    ['!=', 'first', [2]],
    ['in', ['second', 'third'], [2]],
    ['not-in', ['second', 'third'], [1]],
    ['exists', undefined, [1, 2]],
    ['does-not-exist', undefined, [3]],
    ['starts-with', 'sec', [2]],
  ])('see a calculated choice of texts: %s %j', async (op, value, expected) => {
    await opened.append(rows);
    const { results } = await opened.query({
      breakdowns: ['id', 'choice'],
      filters: [{ column: 'choice', op, ...(value !== undefined && { value }) }],
      calculated_fields: [
        { name: 'choice', expression: 'IF(EQUALS($s, "alpha"), "first", EQUALS($n, 10), "second")' },
      ],
      orders: [{ column: 'id' }],
    });
    expect(results.map((row) => row.data['id'])).toEqual(expected);
  });

  it('are joined by OR when asked', async () => {
    await opened.append(rows);
    const { results } = await opened.query({
      breakdowns: ['id'],
      filter_combination: 'OR',
      filters: [
        { column: 's', op: '=', value: 'beta' },
        { column: 's', op: 'does-not-exist' },
      ],
      orders: [{ column: 'id', order: 'descending' }],
    });
    expect(results.map((row) => row.data['id'])).toEqual([3, 2]);
  });
});

describe('results', () => {
  it('are ordered, filtered by having, and cut at the limit', async () => {
    const counts: Readonly<Record<string, number>> = { a: 5, b: 3, c: 3, d: 1 };
    await opened.append(
      Object.entries(counts).flatMap(([name, n]) => Array.from({ length: n }, () => ({ fields: { name } }))),
    );
    const names = async (spec: object) =>
      (await opened.query({ breakdowns: ['name'], calculations: [{ op: 'COUNT' }], ...spec })).results.map(
        (row) => row.data['name'],
      );
    expect(await names({})).toEqual(['a', 'b', 'c', 'd']);
    expect(await names({ orders: [{ op: 'COUNT' }] })).toEqual(['d', 'b', 'c', 'a']);
    expect(await names({ limit: 2 })).toEqual(['a', 'b']);
    expect(await names({ havings: [{ calculate_op: 'COUNT', op: '<', value: 4 }] })).toEqual(['b', 'c', 'd']);
  });

  it('have series of the same groups only', async () => {
    await opened.append([
      { time: T0, fields: { name: 'a' } },
      { time: T0 + 60, fields: { name: 'a' } },
      { time: T0 + 61, fields: { name: 'a' } },
      { time: T0, fields: { name: 'b' } },
    ]);
    const { series } = await opened.query(
      { breakdowns: ['name'], calculations: [{ op: 'COUNT' }], limit: 1, granularity: 60 },
      'd',
      true,
    );
    expect(series.map((point) => ({ ...point.data }))).toEqual([
      { name: 'a', COUNT: 1 },
      { name: 'a', COUNT: 2 },
    ]);
    expect(Date.parse(series[1]?.time ?? '') - Date.parse(series[0]?.time ?? '')).toBe(60_000);
  });

  it('cover a half-open interval', async () => {
    await opened.append([
      { time: T0, fields: { name: 'start' } },
      { time: T0 + 10, fields: { name: 'end' } },
    ]);
    const { results } = await opened.query({ breakdowns: ['name'], start_time: T0, end_time: T0 + 10 });
    expect(results.map((row) => row.data['name'])).toEqual(['start']);
  });
});

describe('relations', () => {
  const trace = { 'trace.trace_id': 'ab'.repeat(16), 'meta.signal_type': 'trace' };
  beforeEach(() =>
    opened.append([
      {
        dataset: 'web',
        fields: { ...trace, 'trace.span_id': '0'.repeat(15).concat('1'), name: 'page', tier: 'gold' },
      },
      {
        dataset: 'api',
        fields: {
          ...trace,
          'trace.span_id': '2'.padStart(16, '0'),
          'trace.parent_id': '1'.padStart(16, '0'),
          name: 'call',
        },
      },
      {
        dataset: 'api',
        fields: {
          ...trace,
          'trace.span_id': '3'.padStart(16, '0'),
          'trace.parent_id': '2'.padStart(16, '0'),
          name: 'query',
        },
      },
      {
        dataset: 'api',
        fields: {
          ...trace,
          'meta.annotation_type': 'span_event',
          'trace.parent_id': '3'.padStart(16, '0'),
          name: 'log line',
        },
      },
      {
        dataset: 'api',
        fields: {
          'meta.signal_type': 'trace',
          'trace.trace_id': 'cd'.repeat(16),
          'trace.span_id': '9',
          'trace.parent_id': '1'.padStart(16, '0'),
          name: 'orphan',
        },
      },
    ]),
  );

  it('find the parent and the root across datasets, and never mix traces', async () => {
    const { results } = await opened.query(
      {
        breakdowns: ['name', 'parent.name', 'root.name', 'root.tier', 'is_root'],
        orders: [{ column: 'name' }],
      },
      '__all__',
    );
    expect(results.map(({ data }) => Object.values(data).slice(0, 5))).toEqual([
      ['call', 'page', 'page', 'gold', false],
      ['log line', 'query', 'page', 'gold', false],
      ['orphan', null, null, null, false],
      ['page', null, 'page', 'gold', true],
      ['query', 'call', 'page', 'gold', false],
    ]);
  });

  it('work in filters and calculations', async () => {
    const spec = {
      filters: [{ column: 'parent.name', op: '=', value: 'page' }],
      calculations: [{ op: 'COUNT' }, { op: 'COUNT_DISTINCT', column: 'root.name' }],
    };
    expect(onlyRow(await opened.query(spec, 'api'))).toEqual({ COUNT: 1, 'COUNT_DISTINCT(root.name)': 1 });
  });

  it('other than root and parent are refused by name', async () => {
    await expect(opened.query({ breakdowns: ['child.name'] }, 'api')).rejects.toThrow(
      /child\. is not supported/,
    );
  });

  it('count a child once when its parent was delivered twice', async () => {
    await opened.append([
      {
        dataset: 'web',
        fields: { ...trace, 'trace.span_id': '0'.repeat(15).concat('1'), name: 'page', tier: 'gold' },
      },
    ]);
    const { results } = await opened.query(
      { breakdowns: ['parent.name'], filters: [{ column: 'name', op: '=', value: 'call' }] },
      'api',
    );
    expect(results.map(({ data }) => ({ ...data }))).toEqual([{ 'parent.name': 'page', COUNT: 1 }]);
  });
});

describe('refusals', () => {
  it.each([
    [{ breakdowns: ['timestamp'] }, 'breakdowns[0]', /timestamp/],
    [{ breakdowns: ['duration'] }, 'breakdowns[0]', /nearest are "duration_ms"/],
    [{ calculations: [{ op: 'P95' }] }, 'calculations[0].column', /needs a column/],
    [{ calculations: [{ op: 'COUNT', column: 'name' }] }, 'calculations[0].column', /takes no column/],
    [{ calculations: [{ op: 'P42', column: 'name' }] }, 'calculations[0].op', /./],
    [{ filters: [{ column: 'name', op: '=' }] }, 'filters[0].value', /needs a value/],
    [{ filters: [{ column: 'duration_ms', op: '>', value: 'fast' }] }, 'filters[0].value', /needs a number/],
    [
      { orders: [{ op: 'COUNT' }], calculations: [{ op: 'MAX', column: 'duration_ms' }] },
      'orders[0]',
      /not among/,
    ],
    [{ time_range: 60 }, 'time_range', /two of/],
    [{ start_time: T0, end_time: T0 }, 'end_time', /after/],
    [{ granularity: 1 }, 'granularity', /between/],
    [{ limit: 1001 }, 'limit', /./],
    [
      { calculated_fields: [{ name: 'f', expression: 'IF(' }] },
      'calculated_fields[0].expression',
      /character 4/,
    ],
    [
      { breakdowns: ['f'], calculated_fields: [{ name: 'f', expression: '$f + 1' }] },
      'calculated_fields.f',
      /itself/,
    ],
    [
      { breakdowns: ['f'], calculated_fields: [{ name: 'f', expression: 'NOPE(1)' }] },
      'calculated_fields.f',
      /no function NOPE/,
    ],
  ])('%j names %s', async (spec, field, message) => {
    await opened.append(durations([1]));
    await expect(opened.query(spec)).rejects.toMatchObject({
      status: 422,
      message: expect.stringMatching(message),
      faults: [{ field }],
    });
  });

  it('an invalid regular expression is a 422, not a crash', async () => {
    await opened.append(durations([1]));
    const spec = {
      breakdowns: ['f'],
      calculated_fields: [{ name: 'f', expression: 'REG_MATCH(STRING($duration_ms), "(")' }],
    };
    await expect(opened.query(spec)).rejects.toMatchObject({ status: 422 });
  });
});
