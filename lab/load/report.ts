import type { Exchange, LoadShape } from './users.ts';

/** What happened in one interval; durations in milliseconds, null where nothing was measured. */
export interface LoadReport extends LoadShape {
  readonly seconds: number;
  readonly count: number;
  readonly errors: number;
  readonly p50: number | null;
  readonly p95: number | null;
  /** Turns that the answered questions carried on average: the shape's, unless that has just changed. */
  readonly meanHistory: number | null;
  /** CPU time the service used for one request, over all its tasks, as their Server-Timing headers tell. */
  readonly cpuMsPerRequest: number | null;
}

/** Sums up one interval's exchanges. Failed ones count, but their durations do not. */
export function report(exchanges: readonly Exchange[], shape: LoadShape, seconds: number): LoadReport {
  const durations = exchanges
    .filter((exchange) => exchange.ok)
    .map((exchange) => exchange.durationMs)
    .sort((one, other) => one - other);
  return {
    ...shape,
    seconds,
    count: exchanges.length,
    errors: exchanges.length - durations.length,
    p50: percentile(durations, 0.5),
    p95: percentile(durations, 0.95),
    meanHistory: mean(exchanges.map((exchange) => exchange.history)),
    cpuMsPerRequest: cpuPerRequest(exchanges),
  };
}

/** Linear interpolation between the neighbouring ranks of sorted values. */
export function percentile(sorted: readonly number[], share: number): number | null {
  const rank = share * (sorted.length - 1);
  const below = sorted[Math.floor(rank)];
  const above = sorted[Math.ceil(rank)];
  if (below === undefined || above === undefined) return null;
  return below + (above - below) * (rank - Math.floor(rank));
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Between the first and the last answer of a process lie all the others and their cost. */
function cpuPerRequest(exchanges: readonly Exchange[]): number | null {
  const totals = new Map<string, number[]>();
  for (const { processCpu } of exchanges) {
    if (processCpu === undefined) continue;
    const known = totals.get(processCpu.instance);
    if (known === undefined) totals.set(processCpu.instance, [processCpu.totalMs]);
    else known.push(processCpu.totalMs);
  }
  let spent = 0;
  let requests = 0;
  for (const values of totals.values()) {
    spent += Math.max(...values) - Math.min(...values);
    requests += values.length - 1;
  }
  return requests === 0 ? null : spent / requests;
}
