import { compareText } from '../order.ts';
import { isPlausible } from '../statistics.ts';

/** All spans of one operation below one parent operation in one window, as one row of the calls query gives them. */
export interface CallAggregate {
  /** `incident`, or the name of one of several baseline windows. */
  readonly window: string;
  readonly service: string;
  readonly operation: string;
  readonly parentService: string | null;
  readonly parentOperation: string | null;
  readonly count: number;
  /** Failed among them; 0 where the telemetry has no status. */
  readonly errors: number;
  readonly totalMs: number;
  readonly p10: number;
  readonly p50: number;
  readonly p95: number;
  /** The same spans' parents: the sum of their durations and two percentiles. Null where the store cannot tell. */
  readonly parent: { readonly totalMs: number; readonly p10: number; readonly p50: number } | null;
}

/** Name of the window that is asked about; all others are its baselines. */
export const INCIDENT = 'incident';

/** Rows with possible numbers alone, in an order of their own; a row whose parents' numbers are impossible has none. */
export function usableCalls(rows: readonly CallAggregate[]): readonly CallAggregate[] {
  return rows
    .map((row) =>
      row.parent !== null && !Object.values(row.parent).every(isPlausible) ? { ...row, parent: null } : row,
    )
    .filter(({ count, totalMs, p10, p50 }) => count > 0 && [count, totalMs, p10, p50].every(isPlausible))
    .map((row) => (isPlausible(row.errors) && row.errors <= row.count ? row : { ...row, errors: 0 }))
    .map((row) => (isPlausible(row.p95) ? row : { ...row, p95: row.p50 }))
    .toSorted((a, b) => compareText(keyOfRow(a), keyOfRow(b)));
}

function keyOfRow(row: CallAggregate): string {
  return JSON.stringify([
    row.service,
    row.operation,
    row.parentService,
    row.parentOperation,
    row.window,
    row.count,
    row.totalMs,
  ]);
}
