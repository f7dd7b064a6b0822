import type { CallRow, SymptomOperation } from '../gather/gathered.ts';
import { groupBy } from './grouping.ts';
import { compareText } from './order.ts';
import { isPlausible } from './statistics.ts';
import { isBaseline } from './windows.ts';

/** The baseline windows are taken together here. */
type Period = 'incident' | 'baseline';

/** What one operation below one parent cost in one window, per request of the symptom's operation. Milliseconds. */
export interface PerRequest {
  /** Spans in the window, not per request. */
  readonly count: number;
  readonly calls: number;
  readonly total: number;
  /** Time not spent in children. */
  readonly exclusive: number;
  readonly p50: number;
  readonly p95: number;
  readonly errors: number;
}

export interface CallNode {
  readonly key: string;
  readonly service: string;
  readonly operation: string;
  /** Null for the symptom's own operation. */
  readonly parentKey: string | null;
  readonly parentService: string | null;
  readonly parentOperation: string | null;
  readonly depth: number;
  readonly spanKind: string | null;
  readonly peer: string | null;
  readonly address: string | null;
  readonly before: PerRequest | null;
  readonly after: PerRequest | null;
}

export interface CallTree {
  /** Parents before their children, siblings by the time they take in the incident, longest first. */
  readonly nodes: readonly CallNode[];
  /** Requests of the symptom's operation in each window. */
  readonly requests: { readonly incident: number; readonly baseline: number };
  /** Part of the incident's span time, 0…1, whose parents are missing from the data. */
  readonly orphanShare: number;
}

interface Edge {
  readonly service: string;
  readonly operation: string;
  readonly parentService: string | null;
  readonly parentOperation: string | null;
  readonly windows: Partial<Record<Period, CallRow>>;
  readonly rows: readonly CallRow[];
}

/** Deeper than any honest call tree; what loops beyond it is a loop of names. */
const DEEPEST = 64;

/**
 * Builds the tree of operations below the symptom's from counts and sums per (operation, parent operation).
 * Exclusive time is an operation's sum less its direct children's. Children that ran side by side can sum to more
 * than their parent took: its exclusive time is then held at 0, which is rough; the critical path would be exact.
 */
export function buildCallTree(rows: readonly CallRow[], symptom: SymptomOperation): CallTree {
  const edges = collectEdges(ofSymptom(rows.filter(isUsable), symptom));
  const isSymptom = (edge: Edge): boolean =>
    edge.service === symptom.service && edge.operation === symptom.operation;
  const entrances = edges.filter((edge) => isSymptom(edge) && !isOwnParent(edge));
  const requests = { incident: countOf(entrances, 'incident'), baseline: countOf(entrances, 'baseline') };
  const sums = operationSums(edges);

  const below = groupBy(edges, (edge) => operationKey(edge.parentService ?? '', edge.parentOperation ?? ''));
  const nodes: CallNode[] = [];
  const visited = new Set<string>();
  const visit = (key: string, parentKey: string | null, depth: number, group: readonly Edge[]): void => {
    const [edge] = group;
    if (edge === undefined) return;
    const rowsOf = group.flatMap((one) => one.rows);
    nodes.push({
      key,
      service: edge.service,
      operation: edge.operation,
      parentKey,
      parentService: parentKey === null ? null : edge.parentService,
      parentOperation: parentKey === null ? null : edge.parentOperation,
      depth,
      spanKind: commonest(rowsOf, (row) => row.spanKind),
      peer: commonest(rowsOf, (row) => row.peer),
      address: commonest(rowsOf, (row) => row.address),
      before: perRequest(group, 'baseline', requests.baseline, sums),
      after: perRequest(group, 'incident', requests.incident, sums),
    });
    if (depth >= DEEPEST || visited.has(operationKey(edge.service, edge.operation))) return;
    visited.add(operationKey(edge.service, edge.operation));
    const children = (below.get(operationKey(edge.service, edge.operation)) ?? [])
      .filter((child) => !isOwnParent(child) && !isSymptom(child))
      .sort((a, b) => totalOf(b) - totalOf(a) || compareText(edgeKey(a), edgeKey(b)));
    for (const child of children) visit(edgeKey(child), key, depth + 1, [child]);
  };
  visit(operationKey(symptom.service, symptom.operation), null, 0, entrances);

  const operations = new Set(edges.map((edge) => operationKey(edge.service, edge.operation)));
  const orphans = edges.filter(
    (edge) =>
      !isSymptom(edge) &&
      (edge.parentService === null ||
        edge.parentOperation === null ||
        !operations.has(operationKey(edge.parentService, edge.parentOperation))),
  );
  const all = edges.reduce((sum, edge) => sum + totalOf(edge), 0);
  const orphaned = orphans.reduce((sum, edge) => sum + totalOf(edge), 0);
  return { nodes, requests, orphanShare: symptom.isRoot && all > 0 ? orphaned / all : 0 };
}

const LOOP_ROUNDS = 32;
const DEEPEST_CHAIN = 1_000;

/**
 * The part of each row that belongs to the symptom's requests, where the rows are of all requests: an operation that
 * several entrances reach is dealt out by how often each reaches it.
 */
export function ofSymptom(rows: readonly CallRow[], symptom: SymptomOperation): readonly CallRow[] {
  const start = operationKey(symptom.service, symptom.operation);
  const isForeign = (row: CallRow): boolean =>
    row.parentService === null && operationKey(row.service, row.operation) !== start;
  if (!rows.some(isForeign)) return rows;
  const totals = new Map<string, number>();
  const keyed = rows.map((row) => ({
    row,
    key: operationKey(row.service, row.operation),
    parentKey: operationKey(row.parentService ?? '', row.parentOperation ?? ''),
  }));
  for (const { row, key } of keyed) totals.set(key, (totals.get(key) ?? 0) + row.count);
  let parts = new Map([[start, 1]]);
  const partOf = ({ row, parentKey }: { readonly row: CallRow; readonly parentKey: string }): number =>
    row.parentService === null ? (isForeign(row) ? 0 : 1) : (parts.get(parentKey) ?? 0);
  // A round passes one level down, and no chain is longer than there are operations; loops of names shrink to nothing.
  const rounds = Math.min(totals.size, DEEPEST_CHAIN) + LOOP_ROUNDS;
  for (let round = 0; round < rounds; round++) {
    const next = new Map<string, number>();
    for (const one of keyed) {
      const share = (partOf(one) * one.row.count) / (totals.get(one.key) ?? 1);
      next.set(one.key, (next.get(one.key) ?? 0) + share);
    }
    next.set(start, 1);
    const settled = [...next].every(([key, part]) => Math.abs(part - (parts.get(key) ?? 0)) < 1e-9);
    parts = next;
    if (settled) break;
  }
  return keyed.flatMap((one) => {
    const { row } = one;
    const part = one.key === start ? 1 : partOf(one);
    return part > 1e-6
      ? [{ ...row, count: row.count * part, totalMs: row.totalMs * part, errors: row.errors * part }]
      : [];
  });
}

/** Rows of one edge differ by kind, peer and address; they are one operation below one parent. */
function collectEdges(rows: readonly CallRow[]): Edge[] {
  return [...groupBy(rows, edgeKey)]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, group]) => {
      const first = group[0] as CallRow;
      const windows: Partial<Record<Period, CallRow>> = {};
      for (const window of ['baseline', 'incident'] as const) {
        const merged = mergeRows(group.filter((row) => isBaseline(row.window) === (window === 'baseline')));
        if (merged !== null) windows[window] = merged;
      }
      const { service, operation, parentService, parentOperation } = first;
      return { service, operation, parentService, parentOperation, windows, rows: group };
    });
}

function mergeRows(rows: readonly CallRow[]): CallRow | null {
  const ordered = [...rows].sort((a, b) => b.count - a.count || b.totalMs - a.totalMs);
  const [largest] = ordered;
  if (largest === undefined) return null;
  const count = ordered.reduce((sum, row) => sum + row.count, 0);
  const mean = (pick: (row: CallRow) => number): number =>
    ordered.reduce((sum, row) => sum + pick(row) * row.count, 0) / count;
  return {
    ...largest,
    count,
    totalMs: ordered.reduce((sum, row) => sum + row.totalMs, 0),
    errors: ordered.reduce((sum, row) => sum + row.errors, 0),
    p10: mean((row) => row.p10),
    p50: mean((row) => row.p50),
    p95: mean((row) => row.p95),
    p99: mean((row) => row.p99),
  };
}

type Sums = Readonly<Record<Period, ReadonlyMap<string, { own: number; children: number }>>>;

/** Per operation and window: its own time in all places it is called from, and that of its direct children. */
function operationSums(edges: readonly Edge[]): Sums {
  const sums = { incident: new Map<string, { own: number; children: number }>(), baseline: new Map() };
  for (const window of ['incident', 'baseline'] as const) {
    const entry = (key: string): { own: number; children: number } => {
      const known = sums[window].get(key) ?? { own: 0, children: 0 };
      sums[window].set(key, known);
      return known;
    };
    for (const edge of edges) {
      const total = edge.windows[window]?.totalMs ?? 0;
      entry(operationKey(edge.service, edge.operation)).own += total;
      if (edge.parentService !== null && edge.parentOperation !== null) {
        entry(operationKey(edge.parentService, edge.parentOperation)).children += total;
      }
    }
  }
  return sums;
}

function perRequest(group: readonly Edge[], window: Period, requests: number, sums: Sums): PerRequest | null {
  const row = mergeRows(group.flatMap((edge) => edge.windows[window] ?? []));
  if (row === null || requests === 0) return null;
  const { own, children } = sums[window].get(operationKey(row.service, row.operation)) ?? {
    own: 0,
    children: 0,
  };
  // Aggregates don't say below which parent a grandchild ran, so children's time is dealt out by duration.
  const childTime = own > 0 ? children * (row.totalMs / own) : 0;
  return {
    count: row.count,
    calls: row.count / requests,
    total: row.totalMs / requests,
    exclusive: Math.max(0, row.totalMs - childTime) / requests,
    p50: row.p50,
    p95: row.p95,
    errors: row.errors,
  };
}

function isUsable(row: CallRow): boolean {
  return (
    row.count > 0 &&
    [row.count, row.totalMs, row.p10, row.p50, row.p95, row.p99, row.errors].every(isPlausible)
  );
}

function commonest(rows: readonly CallRow[], pick: (row: CallRow) => string | null): string | null {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const value = pick(row);
    if (value !== null && value !== '') counts.set(value, (counts.get(value) ?? 0) + row.count);
  }
  const [best] = [...counts.entries()].sort(([a, x], [b, y]) => y - x || compareText(a, b));
  return best?.[0] ?? null;
}

function isOwnParent(edge: Edge): boolean {
  return edge.parentService === edge.service && edge.parentOperation === edge.operation;
}

function countOf(edges: readonly Edge[], window: Period): number {
  return edges.reduce((sum, edge) => sum + (edge.windows[window]?.count ?? 0), 0);
}

function totalOf(edge: Edge): number {
  return edge.windows.incident?.totalMs ?? 0;
}

function operationKey(service: string, operation: string): string {
  return JSON.stringify([service, operation]);
}

function edgeKey(edge: Pick<CallRow, 'service' | 'operation' | 'parentService' | 'parentOperation'>): string {
  return JSON.stringify([edge.service, edge.operation, edge.parentService, edge.parentOperation]);
}
