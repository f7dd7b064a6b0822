import { clamp, median, robustSpread } from '../../../src/diagnosis/reason/statistics.ts';
import { type CallTree, INCIDENT, type Operation } from './operations.ts';

/**
 * One place where time may be lost: the own work of an operation (its time less its children's), or the way between
 * two services (the caller's client span less the callee's server span).
 */
export interface Place {
  readonly operation: Operation;
  /** The service at the other end; null for own work. */
  readonly callee: string | null;
  /** Spans in the incident. */
  readonly count: number;
  /** How surely it is slower than before: 0 not at all, 1 at least four times as slow and beyond its usual wandering. */
  readonly degree: number;
  /** Milliseconds gained by a call. */
  readonly gain: number;
  /** Milliseconds lost by all calls of the incident. */
  readonly lost: number;
  /** The gain as a part of a typical request that passes here. */
  readonly material: number;
  /** How much of the gain the fastest tenth of the calls has: 1 when all of them lose the same time. Null for own work. */
  readonly everyCall: number | null;
}

/** Fewer spans than this in a window say nothing about it. */
const LEAST_SPANS = 5;
/** Own time below this part of a typical request is clock resolution and garbage collection, not a level to compare with. */
const FLOOR = 0.005;
/**
 * Ratios of two windows of healthy traffic scatter by about a quarter around one (their mix of requests differs);
 * a spread that a handful of baseline windows shows by chance below that is not believed.
 */
const LEAST_SPREAD = 0.25;
const STEPS_BEYOND_SPREAD = 2.5;
/** Twice as slow happens by a different mix of requests; four times does not. Degrees run between them. */
const NOT_YET = Math.log(2);
const SURELY = Math.log(4);
/**
 * Up to this many calls one slow call moves the mean, so the median call has to be slower too, by a third of what the
 * mean gained at least.
 */
const FEW_CALLS = 50;
const MEDIAN_FOLLOWS = 0.3;

/** Every place that can be compared, slower or not. Robust over several baseline windows: some may hold faults of their own. */
export function placesOf(tree: CallTree): readonly Place[] {
  const typical = typicalRequests(tree);
  const places: Place[] = [];
  for (const operation of tree.operations) {
    const now = operation.windows.get(INCIDENT);
    const windows = tree.baselines.filter(
      (window) => (operation.windows.get(window)?.count ?? 0) >= LEAST_SPANS,
    );
    const request = typical.get(operation) ?? 0;
    if (now === undefined || now.count < LEAST_SPANS || windows.length === 0 || request <= 0) continue;
    const floor = FLOOR * request;
    const before = windows.map((window) => Math.log(ownPerCall(operation, window) + floor));
    const level = median(before);
    const rise = Math.log(ownPerCall(operation, INCIDENT) + floor) - level;
    const spread = Math.max(LEAST_SPREAD, before.length > 2 ? robustSpread(before) : 0);
    const gain = ownPerCall(operation, INCIDENT) - (Math.exp(level) - floor);
    const beyond = rise >= STEPS_BEYOND_SPREAD * spread;
    const degree = beyond
      ? clamp((rise - NOT_YET) / (SURELY - NOT_YET), 0, 1) * medianFollows(operation, windows, gain)
      : 0;
    places.push({
      operation,
      callee: operation.callee,
      count: now.count,
      degree,
      gain,
      lost: Math.max(0, gain) * now.count,
      material: gain / request,
      everyCall: operation.callee === null || gain <= 0 ? null : everyCall(operation, windows, gain),
    });
  }
  return places;
}

function ownPerCall(operation: Operation, window: string): number {
  const found = operation.windows.get(window);
  if (found === undefined) return 0;
  // Children that run side by side, or outlive the parent, add up to more than it took.
  return Math.max(0, found.totalMs - found.childrenMs) / found.count;
}

/** 1 when calls are many, or when the median call gained as well once what its children gained is taken off. */
function medianFollows(operation: Operation, windows: readonly string[], gain: number): number {
  const now = operation.windows.get(INCIDENT);
  if (now === undefined || now.count >= FEW_CALLS) return 1;
  const p50 = median(windows.map((window) => operation.windows.get(window)?.p50 ?? 0));
  const children = (window: string): number => {
    const found = operation.windows.get(window);
    return found === undefined ? 0 : found.childrenMs / found.count;
  };
  const inherited = Math.max(0, children(INCIDENT) - median(windows.map(children)));
  return clamp((now.p50 - p50 - inherited) / (MEDIAN_FOLLOWS * gain), 0, 1);
}

/** A delayed way delays each call by the same; a starved processor lets some through at once. */
function everyCall(operation: Operation, windows: readonly string[], gain: number): number {
  const [child] = [...operation.children].toSorted(
    ([, a], [, b]) => (b.get(INCIDENT) ?? 0) - (a.get(INCIDENT) ?? 0),
  );
  const fastest = (window: string): number =>
    (operation.windows.get(window)?.p10 ?? 0) - (child?.[0].windows.get(window)?.p10 ?? 0);
  return clamp((fastest(INCIDENT) - median(windows.map(fastest))) / gain, 0, 1);
}

/** Mean duration before the incident of the requests that reach an operation, the shortest kind of them where there are several. */
function typicalRequests(tree: CallTree): ReadonlyMap<Operation, number> {
  const typical = new Map<Operation, number>();
  for (const entry of tree.operations) {
    if (!entry.isEntry) continue;
    const means = tree.baselines
      .map((window) => entry.windows.get(window))
      .filter((found) => found !== undefined && found.count >= LEAST_SPANS)
      .map((found) => (found === undefined ? 0 : found.totalMs / found.count));
    if (means.length === 0) continue;
    const duration = median(means);
    const reached = new Set<Operation>([entry]);
    for (const operation of reached) {
      typical.set(operation, Math.min(typical.get(operation) ?? Number.POSITIVE_INFINITY, duration));
      for (const child of operation.children.keys()) reached.add(child);
    }
  }
  return typical;
}
