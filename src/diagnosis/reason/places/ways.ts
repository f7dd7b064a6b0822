import type { CallAggregate } from './calls.ts';

/** The calls of one operation to one other service in one window, less the time that service itself took. */
export interface WayWindow {
  readonly count: number;
  readonly totalMs: number;
  /** Percentile of the call less that of the service's own span. */
  readonly p10: number;
  readonly p50: number;
}

/** By callee, then by window. */
export type Ways = ReadonlyMap<string, ReadonlyMap<string, WayWindow>>;

/** What has to be known of an operation to tell whether it does nothing but call another service. */
interface Caller {
  readonly service: string;
  readonly operation: string;
  readonly windows: ReadonlyMap<
    string,
    { readonly count: number; readonly totalMs: number; readonly p10: number; readonly p50: number }
  >;
  readonly children: ReadonlyMap<{ readonly service: string }, ReadonlyMap<string, number>>;
}

/** More children than this a call: it is no single call to another service. A retry now and then is. */
const ONE_CALL = 1.2;

function isClient(operation: Caller): boolean {
  const children = [...operation.children];
  if (children.length === 0 || children.some(([child]) => child.service === operation.service)) return false;
  const calls = children.reduce((sum, [, counts]) => sum + total(counts.values()), 0);
  return calls <= ONE_CALL * total([...operation.windows.values()].map((window) => window.count));
}

/**
 * `below`: the rows of its direct children. Of several callees behind one name each has a way of its own where parents' durations are known; else only a sole one
 * has. Empty for an operation that does more than call one other service.
 */
export function waysOf(operation: Caller, below: readonly CallAggregate[]): Ways {
  const ways = new Map<string, Map<string, WayWindow>>();
  if (!isClient(operation)) return ways;
  const callees = new Set(below.map((row) => row.service));
  if (callees.size > 1 && below.some((row) => row.parent === null)) return ways;
  for (const row of below) {
    const whole = operation.windows.get(row.window);
    if (whole === undefined) continue;
    // Without them, the operation as a whole stands for its calls: right as long as it calls one service.
    const share =
      row.count /
      Math.max(1, total(below.filter((one) => one.window === row.window).map((one) => one.count)));
    const parent = row.parent ?? { totalMs: whole.totalMs * share, p10: whole.p10, p50: whole.p50 };
    const windows = ways.get(row.service) ?? new Map<string, WayWindow>();
    ways.set(row.service, windows);
    const sum = windows.get(row.window) ?? { count: 0, totalMs: 0, p10: 0, p50: 0 };
    const count = sum.count + row.count;
    windows.set(row.window, {
      count,
      totalMs: sum.totalMs + Math.max(0, parent.totalMs - row.totalMs),
      p10: (sum.p10 * sum.count + (parent.p10 - row.p10) * row.count) / count,
      p50: (sum.p50 * sum.count + (parent.p50 - row.p50) * row.count) / count,
    });
  }
  return ways;
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
