import type { CallRow } from '../../gather/gathered.ts';
import { compareText } from '../order.ts';
import type { CallAggregate } from './calls.ts';

/** Something that is called and sends no spans of its own: a model provider, a database. */
export interface Dependency {
  /** Stands for a service among the places; no service can have this name. */
  readonly key: string;
  /** What a person would call it: the provider, the database system, the host. */
  readonly label: string;
  readonly address: string | null;
}

export interface CallsWithDependencies {
  readonly calls: readonly CallAggregate[];
  readonly dependencies: ReadonlyMap<string, Dependency>;
}

/** Begins the key of a dependency, as no service's name does. */
const MARK = '\u0000\u0000';

/**
 * Gives every call that leads out of the telemetry a callee that took no time: so a caller that is slow towards
 * everything is told from one slow dependency by the same reasoning as between services. A call may be several spans
 * deep (a provider's span, its transport's): the outermost counts as a whole, since an answer that streams outlives the
 * transport's span.
 */
export function withDependencies(rows: readonly CallRow[]): CallsWithDependencies {
  const operations = collect(rows);
  const leadingOut = new Set(
    [...operations]
      .filter(([, operation]) => isCallOut(operation, operations, new Set()))
      .map(([key]) => key),
  );
  const dependencies = new Map<string, Dependency>();
  const calls = rows.flatMap((row): readonly CallAggregate[] => {
    const key = keyOf(row.service, row.operation);
    if (!leadingOut.has(key)) return [aggregateOf(row)];
    if (leadingOut.has(keyOf(row.parentService, row.parentOperation))) return [];
    const dependency = nameOf(row, below(key, operations));
    dependencies.set(dependency.key, dependency);
    const { window, count, totalMs, p10, p50 } = row;
    const answer: CallAggregate = {
      window,
      service: dependency.key,
      operation: 'answer',
      parentService: row.service,
      parentOperation: row.operation,
      count,
      errors: 0,
      totalMs: 0,
      p10: 0,
      p50: 0,
      p95: 0,
      parent: { totalMs, p10, p50 },
    };
    return [aggregateOf(row), answer];
  });
  return { calls, dependencies };
}

interface Collected {
  readonly rows: CallRow[];
  readonly children: Set<string>;
  leadsOut: boolean;
  callsServices: boolean;
}

function collect(rows: readonly CallRow[]): ReadonlyMap<string, Collected> {
  const operations = new Map<string, Collected>();
  const obtain = (key: string): Collected => {
    const known = operations.get(key) ?? {
      rows: [],
      children: new Set<string>(),
      leadsOut: false,
      callsServices: false,
    };
    operations.set(key, known);
    return known;
  };
  for (const row of rows) {
    const own = obtain(keyOf(row.service, row.operation));
    own.rows.push(row);
    const isCall = row.spanKind === 'client' || row.spanKind === 'producer' || row.peer !== null;
    if (isCall && row.parentService !== null) own.leadsOut = true;
    if (row.parentService === null || row.parentOperation === null) continue;
    const parent = obtain(keyOf(row.parentService, row.parentOperation));
    if (row.parentService === row.service) parent.children.add(keyOf(row.service, row.operation));
    else parent.callsServices = true;
  }
  return operations;
}

function isCallOut(
  operation: Collected,
  operations: ReadonlyMap<string, Collected>,
  seen: Set<Collected>,
): boolean {
  if (!operation.leadsOut || operation.callsServices || seen.has(operation)) return false;
  seen.add(operation);
  return [...operation.children].every((child) => {
    const inner = operations.get(child);
    return inner === operation || (inner !== undefined && isCallOut(inner, operations, seen));
  });
}

/** The rows of an operation and of all that is below it in its own service. */
function below(key: string, operations: ReadonlyMap<string, Collected>): readonly CallRow[] {
  const keys = new Set([key]);
  for (const one of keys) for (const child of operations.get(one)?.children ?? []) keys.add(child);
  return [...keys].flatMap((one) => operations.get(one)?.rows ?? []);
}

/** The outermost span carries the meaning (the provider), an inner one the address. */
function nameOf(row: CallRow, inside: readonly CallRow[]): Dependency {
  const peer = row.peer ?? commonest(inside, (one) => one.peer);
  const address = row.address ?? commonest(inside, (one) => one.address);
  const identity = address === null ? [row.service, peer, row.operation] : [peer, address];
  return { key: `${MARK}${JSON.stringify(identity)}`, label: peer ?? address ?? row.operation, address };
}

function commonest(rows: readonly CallRow[], pick: (row: CallRow) => string | null): string | null {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const value = pick(row);
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + row.count);
  }
  const [best] = [...counts].sort(([a, x], [b, y]) => y - x || compareText(a, b));
  return best?.[0] ?? null;
}

function aggregateOf(row: CallRow): CallAggregate {
  const { window, service, operation, parentService, parentOperation } = row;
  const { count, errors, totalMs, p10, p50, p95, parent } = row;
  return {
    window,
    service,
    operation,
    parentService,
    parentOperation,
    count,
    errors,
    totalMs,
    p10,
    p50,
    p95,
    parent,
  };
}

function keyOf(service: string | null, operation: string | null): string {
  return JSON.stringify([service, operation]);
}
