import { clamp, median, robustSpread } from '../statistics.ts';
import { INCIDENT } from './calls.ts';
import type { Operation, OperationGraph } from './operations.ts';
import { partsWaitedFor } from './waited-for.ts';
import type { WayWindow } from './ways.ts';

/**
 * One place where time may be lost: the own work of an operation (its time less its children's), or the way between
 * two services (the caller's client span less the callee's server span).
 */
export interface Place {
  readonly operation: Operation;
  /** The service or dependency at the other end; null for own work. */
  readonly callee: string | null;
  /** Spans in the incident. */
  readonly count: number;
  /** Milliseconds of a call: mean in the incident, usual mean before, and medians. */
  readonly now: number;
  readonly before: number;
  readonly p50: number;
  readonly p50Before: number;
  /** How surely it is slower than before, 0…1: not at all, or by the factor that `Prior` asks for and beyond its usual wandering. */
  readonly degree: number;
  /** Milliseconds gained by a call. */
  readonly gain: number;
  /** Milliseconds lost by all calls of the incident, as far as requests had to wait for them. */
  readonly lost: number;
  /** Milliseconds of a typical request that passes here, before. */
  readonly request: number;
  /** The gain as a part of it. */
  readonly material: number;
  /** How much of the gain the fastest tenth of the calls has: 1 when all of them lose the same time. Null for own work. */
  readonly everyCall: number | null;
}

/**
 * What is known before the places are looked at. `open`: nothing, so that only what different mixes of requests can't
 * do counts. `slow`: requests did become slower at a moment that was found, so some place has to be, and the question
 * is which.
 */
export type Prior = 'open' | 'slow';

/** Fewer spans than this in a window say nothing about it. */
const LEAST_SPANS = 5;
/** Own time below this part of a typical request is clock resolution and garbage collection, not a level to compare with. */
const FLOOR = 0.005;
/**
 * Ratios of two windows of healthy traffic scatter by about a quarter around one (their mix of requests differs);
 * a spread that a handful of baseline windows shows by chance below that is not believed.
 */
const LEAST_SPREAD = 0.25;
const STEPS_BEYOND_SPREAD: Readonly<Record<Prior, number>> = { open: 2.5, slow: 1 };
/**
 * Degrees run between them. Twice as slow happens by a different mix of requests; four times does not. Where requests
 * are known to be slower, a fifth is what medians of a few dozen calls wander, and twice is plain.
 */
const FACTORS: Readonly<Record<Prior, { readonly notYet: number; readonly surely: number }>> = {
  open: { notYet: Math.log(2), surely: Math.log(4) },
  slow: { notYet: Math.log(1.2), surely: Math.log(2) },
};
/**
 * Up to this many calls one slow call moves the mean, so the median call has to be slower too, by a third of what the
 * mean gained at least; or several calls are slow, as where one of several copies is.
 */
const FEW_CALLS = 50;
const MEDIAN_FOLLOWS = 0.3;
const SEVERAL_CALLS = 5;

/** What is compared between windows, of own work and of ways alike. */
interface Measured {
  readonly count: number;
  /** Milliseconds a call. */
  readonly mean: number;
  readonly p50: number;
  /** Null where it can't be told. */
  readonly p95: number | null;
  /** What its children take of a call, and is in `p50` still. */
  readonly inherited: number;
}

type Compared = Omit<Place, 'operation' | 'callee' | 'everyCall'>;

/** Every place that can be compared, slower or not. Robust over several baseline windows: some may hold faults of their own. */
export function placesOf(
  graph: OperationGraph,
  typical: ReadonlyMap<Operation, number>,
  prior: Prior,
): readonly Place[] {
  const waitedFor = partsWaitedFor(graph);
  return graph.operations.flatMap((operation): readonly Place[] => {
    const request = typical.get(operation) ?? 0;
    if (request <= 0) return [];
    const look = (measure: (window: string) => Measured | null): readonly Compared[] =>
      compare(graph, request, prior, measure).map((found) => ({
        ...found,
        lost: found.lost * (waitedFor.get(operation) ?? 1),
        material: found.material * (waitedFor.get(operation) ?? 1),
      }));
    if (operation.ways.size === 0) {
      return look((window) => ownWork(operation, window)).map((found) => ({
        ...found,
        operation,
        callee: null,
        everyCall: null,
      }));
    }
    return [...operation.ways].flatMap(([callee, ways]) =>
      look((window) => onTheWay(ways, window)).map((found) => ({
        ...found,
        operation,
        callee,
        everyCall: everyCall(ways, graph.baselines, found.gain),
      })),
    );
  });
}

/** None when there are too few spans to compare, else one. */
function compare(
  graph: OperationGraph,
  request: number,
  prior: Prior,
  measure: (window: string) => Measured | null,
): readonly Compared[] {
  const now = measure(INCIDENT);
  const windows = graph.baselines.map(measure).filter((found) => found !== null);
  const full = windows.filter((found) => found.count >= LEAST_SPANS);
  // What is rare may be too thin in every window, and enough in all of them together.
  const before = full.length > 0 ? full : pooled(windows).filter((found) => found.count >= LEAST_SPANS);
  if (now === null || now.count < LEAST_SPANS || before.length === 0) return [];
  const floor = FLOOR * request;
  const levels = before.map((found) => Math.log(found.mean + floor));
  const level = median(levels);
  const rise = Math.log(now.mean + floor) - level;
  const spread = Math.max(LEAST_SPREAD, levels.length > 2 ? robustSpread(levels) : 0);
  const gain = now.mean - (Math.exp(level) - floor);
  const { notYet, surely } = FACTORS[prior];
  const degree =
    rise >= STEPS_BEYOND_SPREAD[prior] * spread ? clamp((rise - notYet) / (surely - notYet), 0, 1) : 0;
  // One slow call among few moves the mean; the median call has to follow it, less what its children gained.
  const usual = (of: (found: Measured) => number): number => median(before.map(of));
  const inherited = Math.max(0, now.inherited - usual((found) => found.inherited));
  const p50Before = usual((found) => found.p50);
  const medianGain = now.p50 - p50Before - inherited;
  // Several slow calls among few are also what another mix of requests looks like, unless requests did become slower.
  const several = prior === 'slow' && slowCalls(now, before, gain) >= SEVERAL_CALLS;
  const follows =
    degree === 0 || now.count >= FEW_CALLS || several ? 1 : clamp(medianGain / (MEDIAN_FOLLOWS * gain), 0, 1);
  return [
    {
      count: now.count,
      now: now.mean,
      before: Math.max(0, Math.exp(level) - floor),
      p50: now.p50,
      p50Before,
      degree: degree * follows,
      gain,
      lost: Math.max(0, gain) * now.count,
      request,
      material: gain / request,
    },
  ];
}

/**
 * How many calls share the gain if some are slow and the others are as ever: the mean gains their part of what the tail
 * gains. A single slow call is beyond the P95, or moves it by much more than the mean.
 */
function slowCalls(now: Measured, before: readonly Measured[], gain: number): number {
  const usual = before.map(({ p95 }) => p95).filter((p95) => p95 !== null);
  const tailGain = now.p95 === null || usual.length === 0 ? 0 : now.p95 - median(usual);
  return tailGain > gain ? (now.count * gain) / tailGain : 0;
}

function pooled(windows: readonly Measured[]): readonly Measured[] {
  const count = windows.reduce((sum, found) => sum + found.count, 0);
  if (count === 0) return [];
  const mean = (pick: (found: Measured) => number): number =>
    windows.reduce((sum, found) => sum + pick(found) * found.count, 0) / count;
  return [
    {
      count,
      mean: mean((found) => found.mean),
      p50: mean((found) => found.p50),
      p95: null,
      inherited: mean((found) => found.inherited),
    },
  ];
}

function ownWork(operation: Operation, window: string): Measured | null {
  const found = operation.windows.get(window);
  if (found === undefined) return null;
  const children = found.childrenMs / found.count;
  return {
    count: found.count,
    // Children that run side by side, or outlive the parent, add up to more than it took.
    mean: Math.max(0, found.totalMs / found.count - children),
    p50: found.p50,
    p95: found.p95,
    inherited: children,
  };
}

function onTheWay(ways: ReadonlyMap<string, WayWindow>, window: string): Measured | null {
  const found = ways.get(window);
  return found === undefined
    ? null
    : { count: found.count, mean: found.totalMs / found.count, p50: found.p50, p95: null, inherited: 0 };
}

/** A delayed way delays each call by the same; a starved processor lets some through at once. */
function everyCall(ways: ReadonlyMap<string, WayWindow>, baselines: readonly string[], gain: number): number {
  const now = ways.get(INCIDENT)?.p10 ?? 0;
  const before = baselines.map((window) => ways.get(window)?.p10).filter((value) => value !== undefined);
  return gain > 0 && before.length > 0 ? clamp((now - median(before)) / gain, 0, 1) : 0;
}

/** Mean duration before the incident of the requests that reach an operation, the shortest kind of them where there are several. */
export function typicalRequests(graph: OperationGraph): ReadonlyMap<Operation, number> {
  const typical = new Map<Operation, number>();
  for (const entry of graph.operations) {
    if (!entry.isEntry) continue;
    const means = graph.baselines
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
