import type { CalculationOp } from '../telemetry/query.ts';
import { invalidField } from './api-error.ts';
import type { TypedSql } from './typed-sql.ts';
import { asNumber } from './typed-sql.ts';

/** Shares of the percentile operations. */
const QUANTILES: Readonly<Partial<Record<CalculationOp, number>>> = {
  P001: 0.001,
  P01: 0.01,
  P05: 0.05,
  P10: 0.1,
  P20: 0.2,
  P25: 0.25,
  P50: 0.5,
  P75: 0.75,
  P80: 0.8,
  P90: 0.9,
  P95: 0.95,
  P99: 0.99,
  P999: 0.999,
};

/**
 * How one calculation is computed: by an aggregate in the one grouping of the statement, or by a grouping of its own
 * (`side`) over the same rows that is joined to it. `side` gets the grouping columns and yields them and `v`.
 */
export type AggregatePlan =
  | { readonly kind: 'aggregate'; readonly sql: string }
  | { readonly kind: 'side'; readonly side: (groups: readonly string[]) => string };

export interface AggregateContext {
  /** Some event stands for several: everything is weighted by `w`, the sample rate. */
  readonly weighted: boolean;
  /** All quantiles asked of a column, so that one sorted pass answers them. */
  readonly quantilesOf: (column: string) => readonly number[];
}

/** What a calculation needs in the rows; its result is to be divided by `unit`. */
export interface CalculationInput {
  readonly sql: string;
  readonly unit: number;
}

/** Text for COUNT_DISTINCT as it is, else a number: whole nanoseconds where they are at hand, as integers sort faster. */
export function calculationInput(op: CalculationOp, column: TypedSql, weighted: boolean): CalculationInput {
  if (op === 'COUNT_DISTINCT') return { sql: column.nanoseconds?.sql ?? column.sql, unit: 1 };
  if ((op === 'MIN' || op === 'MAX') && column.type === 'integer') return { sql: column.sql, unit: 1 };
  if (column.nanoseconds !== undefined && !weighted && !op.startsWith('RATE_')) return column.nanoseconds;
  return { sql: asNumber(column), unit: 1 };
}

export function quantileOf(op: CalculationOp): number | undefined {
  return QUANTILES[op];
}

/**
 * @param input name of the rows' column that holds the value; undefined for COUNT and CONCURRENCY
 * @param unit what its values are counted in
 */
export function planAggregate(
  op: CalculationOp,
  input: string | undefined,
  unit: number,
  context: AggregateContext,
  field: string,
): AggregatePlan {
  const plan = planInUnits(op, input, context, field);
  return unit === 1 || plan.kind === 'side'
    ? plan
    : { kind: 'aggregate', sql: `(${plan.sql}) / ${unit}::DOUBLE` };
}

function planInUnits(
  op: CalculationOp,
  input: string | undefined,
  context: AggregateContext,
  field: string,
): AggregatePlan {
  const c = input ?? '';
  const { weighted } = context;
  const quantile = QUANTILES[op];
  if (quantile !== undefined) {
    if (weighted) return { kind: 'side', side: (groups) => weightedQuantile(c, quantile, groups) };
    const all = context.quantilesOf(c);
    return {
      kind: 'aggregate',
      sql: `quantile_cont(${c}, [${all.join(', ')}])[${all.indexOf(quantile) + 1}]`,
    };
  }
  switch (op) {
    case 'COUNT':
      return { kind: 'aggregate', sql: weighted ? 'coalesce(sum(w), 0)' : 'count(*)' };
    case 'SUM':
      return { kind: 'aggregate', sql: weighted ? `sum(${c} * w)` : `sum(${c})` };
    case 'AVG':
      return {
        kind: 'aggregate',
        sql: weighted ? `sum(${c} * w) / sum(w) FILTER (WHERE ${c} IS NOT NULL)` : `avg(${c})`,
      };
    case 'COUNT_DISTINCT':
      return { kind: 'aggregate', sql: `count(DISTINCT ${c})` };
    case 'MAX':
      return { kind: 'aggregate', sql: `max(${c})` };
    case 'MIN':
      return { kind: 'aggregate', sql: `min(${c})` };
    case 'CONCURRENCY':
      return { kind: 'side', side: concurrency };
    case 'RATE_AVG':
      return {
        kind: 'side',
        side: (groups) => rate(weighted ? `sum(${c} * w) / sum(w)` : `avg(${c})`, c, groups),
      };
    case 'RATE_SUM':
      return { kind: 'side', side: (groups) => rate(weighted ? `sum(${c} * w)` : `sum(${c})`, c, groups) };
    case 'RATE_MAX':
      return { kind: 'side', side: (groups) => rate(`max(${c})`, c, groups) };
    default:
      throw invalidField(field, `${op} is not supported by the local collector; percentiles are`);
  }
}

/**
 * Linear interpolation over the events that the rows stand for: with N = sum of weights, the value at
 * position q·(N-1) of the list in which each value is repeated by its weight.
 */
function weightedQuantile(c: string, q: number, groups: readonly string[]): string {
  const keys = groups.map((group) => `${group}, `).join('');
  const partition = groups.length > 0 ? `PARTITION BY ${groups.join(', ')}` : '';
  return `SELECT ${keys}low + (high - low) * (position - floor(position)) AS v FROM (
    SELECT ${keys}any_value(${q} * (total - 1)) AS position,
      min(${c}) FILTER (WHERE upto > floor(${q} * (total - 1))) AS low,
      min(${c}) FILTER (WHERE upto > ceil(${q} * (total - 1))) AS high
    FROM (SELECT ${keys}${c}, sum(w) OVER (${partition} ORDER BY ${c} ROWS UNBOUNDED PRECEDING) AS upto,
        sum(w) OVER (${partition}) AS total FROM rows WHERE ${c} IS NOT NULL)
    ${groupBy(groups)})`;
}

/** The most spans under way at once: a sweep over starts and ends. */
function concurrency(groups: readonly string[]): string {
  const timeless = groups.filter((group) => group !== 't');
  const keys = timeless.map((group) => `${group}, `).join('');
  const partition = timeless.length > 0 ? `PARTITION BY ${timeless.join(', ')}` : '';
  const bucket = groups.includes('t') ? 'ts // step AS t, ' : '';
  const outer = groups.map((group) => `${group}, `).join('');
  return `SELECT ${outer}max(running) AS v FROM (
    SELECT ${keys}${bucket}sum(change) OVER (${partition} ORDER BY ts, change ROWS UNBOUNDED PRECEDING) AS running
    FROM (SELECT ${keys}ts, step, w AS change FROM rows WHERE ms IS NOT NULL
      UNION ALL SELECT ${keys}ts + CAST(ms * 1e6 AS BIGINT), step, -w FROM rows WHERE ms IS NOT NULL))
    ${groupBy(groups)}`;
}

/** The mean difference between subsequent points of the series; in the series, each point's difference to the one before. */
function rate(aggregate: string, c: string, groups: readonly string[]): string {
  const timeless = groups.filter((group) => group !== 't');
  const keys = timeless.map((group) => `${group}, `).join('');
  const partition = timeless.length > 0 ? `PARTITION BY ${timeless.join(', ')}` : '';
  const points = `SELECT ${keys}ts // step AS t, ${aggregate} AS a FROM rows WHERE ${c} IS NOT NULL GROUP BY ${keys}ts // step`;
  if (groups.includes('t'))
    return `SELECT ${keys}t, a - lag(a) OVER (${partition} ORDER BY t) AS v FROM (${points})`;
  return `SELECT ${keys}(arg_max(a, t) - arg_min(a, t)) / nullif(count(a) - 1, 0) AS v FROM (${points}) ${groupBy(timeless)}`;
}

function groupBy(groups: readonly string[]): string {
  return groups.length > 0 ? `GROUP BY ${groups.join(', ')}` : '';
}
