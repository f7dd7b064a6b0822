/** All spans of one operation below one parent operation in one window, as one row of the calls query gives them. */
export interface CallAggregate {
  /** `incident`, or the name of one of several baseline windows. */
  readonly window: string;
  readonly service: string;
  readonly operation: string;
  readonly parentService: string | null;
  readonly parentOperation: string | null;
  readonly count: number;
  readonly totalMs: number;
  readonly p10: number;
  readonly p50: number;
  readonly p95: number;
  /** The same spans' parents: the sum of their durations and two percentiles. Null where the store cannot tell. */
  readonly parent: { readonly totalMs: number; readonly p10: number; readonly p50: number } | null;
}

export const INCIDENT = 'incident';

/** One operation in one window, over all its callers. Milliseconds. */
export interface OperationWindow {
  readonly count: number;
  readonly totalMs: number;
  /** Percentiles: exact for one caller; for several the mean of theirs, weighted by calls. */
  readonly p10: number;
  readonly p50: number;
  /** Sum of the durations of its direct children. */
  readonly childrenMs: number;
}

/** The calls of one operation to one other service in one window, less the time that service itself took. */
export interface WayWindow {
  readonly count: number;
  readonly totalMs: number;
  /** Percentile of the call less that of the service's own span. */
  readonly p10: number;
  readonly p50: number;
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
  readonly ways: ReadonlyMap<string, ReadonlyMap<string, WayWindow>>;
}

export interface CallTree {
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
  windows: Map<string, { count: number; totalMs: number; p10: number; p50: number; childrenMs: number }>;
  children: Map<Building, Map<string, number>>;
  parents: Set<Building>;
  ways: Map<string, Map<string, { count: number; totalMs: number; p10: number; p50: number }>>;
}

/** Joins the rows to operations. Order of the rows has no effect. Rows with impossible numbers are left out. */
export function buildTree(rows: readonly CallAggregate[]): CallTree {
  const usable = rows
    .map((row) =>
      row.parent !== null && !Object.values(row.parent).every(isTime) ? { ...row, parent: null } : row,
    )
    .filter(({ count, totalMs, p10, p50 }) => count > 0 && [count, totalMs, p10, p50].every(isTime))
    .toSorted((a, b) => compareText(keyOfRow(a), keyOfRow(b)));
  const operations = new Map<string, Building>();
  for (const row of usable) {
    const operation = obtain(operations, row.service, row.operation);
    if (row.parentService === null) operation.isEntry = true;
    const sum = operation.windows.get(row.window) ?? { count: 0, totalMs: 0, p10: 0, p50: 0, childrenMs: 0 };
    sum.p10 = (sum.p10 * sum.count + row.p10 * row.count) / (sum.count + row.count);
    sum.p50 = (sum.p50 * sum.count + row.p50 * row.count) / (sum.count + row.count);
    sum.count += row.count;
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
  for (const operation of all) {
    if (isClient(operation)) addWays(operation, usable);
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

/** More children than this a call: it is no single call to another service. A retry now and then is. */
const ONE_CALL = 1.2;

function isClient(operation: Building): boolean {
  const children = [...operation.children];
  if (children.length === 0 || children.some(([child]) => child.service === operation.service)) return false;
  const calls = children.reduce((sum, [, counts]) => sum + total(counts.values()), 0);
  return calls <= ONE_CALL * total([...operation.windows.values()].map((window) => window.count));
}

/** Of several callees behind one name each has a way of its own where parents' durations are known; else only a sole one has. */
function addWays(operation: Building, rows: readonly CallAggregate[]): void {
  const below = rows.filter(
    (row) => row.parentService === operation.service && row.parentOperation === operation.operation,
  );
  const callees = new Set(below.map((row) => row.service));
  if (callees.size > 1 && below.some((row) => row.parent === null)) return;
  for (const row of below) {
    const whole = operation.windows.get(row.window);
    if (whole === undefined) continue;
    // Without them, the operation as a whole stands for its calls: right as long as it calls one service.
    const share =
      row.count /
      Math.max(1, total(below.filter((one) => one.window === row.window).map((one) => one.count)));
    const parent = row.parent ?? { totalMs: whole.totalMs * share, p10: whole.p10, p50: whole.p50 };
    const windows = operation.ways.get(row.service) ?? new Map();
    operation.ways.set(row.service, windows);
    const sum = windows.get(row.window) ?? { count: 0, totalMs: 0, p10: 0, p50: 0 };
    const count = sum.count + row.count;
    windows.set(row.window, {
      count,
      totalMs: sum.totalMs + Math.max(0, parent.totalMs - row.totalMs),
      p10: (sum.p10 * sum.count + (parent.p10 - row.p10) * row.count) / count,
      p50: (sum.p50 * sum.count + (parent.p50 - row.p50) * row.count) / count,
    });
  }
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
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

function isTime(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
