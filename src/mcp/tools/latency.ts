import { type Attributes, findAttributes } from '../../diagnosis/gather/attributes.ts';
import { FIELD, failedField } from '../../diagnosis/gather/queries.ts';
import { Problem } from '../../problem.ts';
import type { Filter, QueryAnswer, QuerySpec, Row, TelemetryStore } from '../../telemetry/query.ts';
import { iso, line, rounded } from '../answer.ts';

/** Columns that a store has only once something wrote them; it refuses a query that names one it has not. */
export type Optional = Pick<Attributes, 'error' | 'annotationType'>;

export async function optionalColumns(
  store: TelemetryStore,
  dataset: string,
  signal: AbortSignal,
): Promise<Optional> {
  try {
    return (await findAttributes(store, dataset, signal)).attributes;
  } catch (thrown) {
    // Nothing was ever written: the query says so with no rows.
    if (thrown instanceof Problem && thrown.code === 'empty') return { error: null, annotationType: null };
    throw thrown;
  }
}

/** Points of a series: enough to see an onset, few enough to read. */
const POINTS = 30;

/** Latency by the columns given, slowest first; all in one query. */
export function latencySpec(
  breakdowns: readonly string[],
  only: { readonly service?: string | undefined; readonly operation?: string | undefined },
  granularitySeconds: number,
  optional: Optional,
): QuerySpec {
  const filters: Filter[] = [{ column: 'trace.span_id', op: 'exists' }];
  if (optional.annotationType !== null) {
    filters.push({ column: optional.annotationType, op: 'does-not-exist' });
  }
  if (only.service !== undefined) filters.push({ column: 'service.name', op: '=', value: only.service });
  if (only.operation !== undefined) filters.push({ column: 'name', op: '=', value: only.operation });
  return {
    calculated_fields: failedField(optional),
    breakdowns,
    calculations: [
      { op: 'COUNT' },
      { op: 'P50', column: 'duration_ms' },
      { op: 'P95', column: 'duration_ms' },
      { op: 'P99', column: 'duration_ms' },
      ...(optional.error === null ? [] : [{ op: 'SUM', column: FIELD.failed, name: 'errors' } as const]),
    ],
    filters,
    orders: [{ op: 'P95', column: 'duration_ms', order: 'descending' }],
    limit: 200,
    granularity: granularitySeconds,
  };
}

/** Seconds a point, so that a window has at most POINTS of them. */
export function granularity(lookbackMinutes: number): number {
  return Math.max(10, Math.ceil((lookbackMinutes * 60) / POINTS));
}

export function latencyRow(row: Row, breakdowns: readonly string[]) {
  const group = Object.fromEntries(
    breakdowns.map((column) => {
      const value = row[column] ?? null;
      return [line(column, 80), typeof value === 'string' ? line(value, 160) : value];
    }),
  );
  return { group, ...percentiles(row) };
}

export function percentiles(row: Row) {
  return {
    count: number(row['COUNT']),
    errors: number(row['errors']),
    p50: number(row['P50(duration_ms)']),
    p95: number(row['P95(duration_ms)']),
    p99: number(row['P99(duration_ms)']),
  };
}

export function seriesOf(answer: QueryAnswer) {
  return answer.series
    .filter((point) => number(point.data['COUNT']) > 0)
    .slice(-POINTS)
    .map((point) => ({ time: iso(point.time), ...percentiles(point.data) }));
}

function number(cell: Row[string] | undefined): number {
  return typeof cell === 'number' && Number.isFinite(cell) ? rounded(cell) : 0;
}
