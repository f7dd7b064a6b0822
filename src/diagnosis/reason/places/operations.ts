import { groupBy } from '../grouping.ts';
import { compareText } from '../order.ts';
import { type CallAggregate, INCIDENT, usableCalls } from './calls.ts';
import { type Ways, waysOf } from './ways.ts';

/** One operation in one window, over all its callers. Milliseconds. */
export interface OperationWindow {
  readonly count: number;
  readonly errors: number;
  readonly totalMs: number;
  /** Percentiles: exact for one caller; for several the mean of theirs, weighted by calls. */
  readonly p10: number;
  readonly p50: number;
  readonly p95: number;
  /** Sum of the durations of its direct children. */
  readonly childrenMs: number;
}

export interface Operation {
  readonly service: string;
  readonly operation: string;
  /** It starts traces. */
  readonly isEntry: boolean;
  readonly windows: ReadonlyMap<string, OperationWindow>;
  /** How often each child is called, per window. */
  readonly children: ReadonlyMap<Operation, ReadonlyMap<string, number>>;
  readonly parents: ReadonlySet<Operation>;
  /** The ways to other services, of an operation that does nothing but call one of them (a client span); else empty. */
  readonly ways: Ways;
}

export interface OperationGraph {
  readonly operations: readonly Operation[];
  readonly services: readonly string[];
  readonly baselines: readonly string[];
  /** Requests (spans without a parent) per window. */
  readonly requests: ReadonlyMap<string, number>;
}

interface Building {
  service: string;
  operation: string;
  isEntry: boolean;
  windows: Map<string, { -readonly [K in keyof OperationWindow]: OperationWindow[K] }>;
  children: Map<Building, Map<string, number>>;
  parents: Set<Building>;
  ways: Ways;
}

/** Joins the rows to operations. Order of the rows has no effect. Rows with impossible numbers are left out. */
export function joinOperations(rows: readonly CallAggregate[]): OperationGraph {
  const usable = usableCalls(rows);
  const operations = new Map<string, Building>();
  for (const row of usable) {
    const operation = obtain(operations, row.service, row.operation);
    if (row.parentService === null) operation.isEntry = true;
    const sum = operation.windows.get(row.window) ?? {
      count: 0,
      errors: 0,
      totalMs: 0,
      p10: 0,
      p50: 0,
      p95: 0,
      childrenMs: 0,
    };
    for (const percentile of ['p10', 'p50', 'p95'] as const) {
      const known = sum[percentile] * sum.count + row[percentile] * row.count;
      sum[percentile] = known / (sum.count + row.count);
    }
    sum.count += row.count;
    sum.errors += row.errors;
    sum.totalMs += row.totalMs;
    operation.windows.set(row.window, sum);
  }
  for (const row of usable) {
    if (row.parentService === null || row.parentOperation === null) continue;
    const parent = operations.get(keyOf(row.parentService, row.parentOperation));
    const child = operations.get(keyOf(row.service, row.operation));
    // A span below one of its own kind is a step of the same work.
    if (parent === undefined || child === undefined || parent === child) continue;
    const window = parent.windows.get(row.window);
    if (window !== undefined) window.childrenMs += row.totalMs;
    const calls = parent.children.get(child) ?? new Map<string, number>();
    calls.set(row.window, (calls.get(row.window) ?? 0) + row.count);
    parent.children.set(child, calls);
    child.parents.add(parent);
  }
  const all = [...operations.values()];
  const byParent = groupBy(usable, (row) => keyOf(row.parentService ?? '', row.parentOperation ?? ''));
  for (const operation of all) {
    operation.ways = waysOf(operation, byParent.get(keyOf(operation.service, operation.operation)) ?? []);
  }
  const requests = new Map<string, number>();
  for (const row of usable) {
    if (row.parentService === null) requests.set(row.window, (requests.get(row.window) ?? 0) + row.count);
  }
  const baselines = new Set(usable.map((row) => row.window).filter((window) => window !== INCIDENT));
  return {
    operations: all,
    services: [...new Set(all.map((operation) => operation.service))],
    baselines: [...baselines].sort(compareText),
    requests,
  };
}

function obtain(operations: Map<string, Building>, service: string, operation: string): Building {
  const key = keyOf(service, operation);
  const known = operations.get(key);
  if (known !== undefined) return known;
  const made: Building = {
    service,
    operation,
    isEntry: false,
    windows: new Map(),
    children: new Map(),
    parents: new Set(),
    ways: new Map(),
  };
  operations.set(key, made);
  return made;
}

function keyOf(service: string, operation: string): string {
  return JSON.stringify([service, operation]);
}
