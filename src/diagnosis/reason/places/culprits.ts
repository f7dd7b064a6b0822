import { blame, calmServices, type Suspect } from './blame.ts';
import { type Breaker, blameBreaks, findBroken } from './broken-calls.ts';
import { findMoreCalls, type MoreCalls } from './call-rates.ts';
import { type CallAggregate, INCIDENT } from './calls.ts';
import type { CpuUse } from './cpu-use.ts';
import { type Failing, findFailing } from './failing.ts';
import { joinOperations, type OperationGraph } from './operations.ts';
import { type Place, type Prior, placesOf, typicalRequests } from './places.ts';

/** Less than this part of a typical request is not felt: two healthy windows differ by as much. */
export const FELT = 0.15;
/** A place has to be slower rather than not. */
const LIKELY = 0.5;

/** Where time was lost or requests broke, and whom that speaks against. */
export interface Culprits {
  readonly graph: OperationGraph;
  readonly places: readonly Place[];
  /** Some place became so much slower that a request feels it, whatever the entrances show. */
  readonly isFelt: boolean;
  /** Services whose own steps can be seen, and are as fast as ever. */
  readonly calm: ReadonlySet<string>;
  /** Likeliest first; of no meaning unless requests are slower or `isFelt`. */
  readonly suspects: readonly Suspect[];
  readonly failing: readonly Failing[];
  /** Calls that are no longer made. */
  readonly breakers: readonly Breaker[];
}

/** Which services made requests slow or broke them, from the aggregates of one query and the CPU of the services. */
export function findCulprits(
  calls: readonly CallAggregate[],
  cpu: ReadonlyMap<string, CpuUse>,
  prior: Prior,
): Culprits {
  const graph = joinOperations(calls);
  const calmNone: ReadonlySet<string> = new Set();
  const nothing = {
    graph,
    calm: calmNone,
    places: [],
    isFelt: false,
    suspects: [],
    failing: [],
    breakers: [],
  };
  if (!graph.operations.some((operation) => operation.windows.has(INCIDENT))) return nothing;
  const failing = findFailing(graph);
  if (graph.baselines.length === 0) return { ...nothing, failing };
  const typical = typicalRequests(graph);
  const places = placesOf(graph, typical, prior);
  const calm = calmServices(graph, places);
  const repeated = findMoreCalls(graph, typical);
  return {
    graph,
    places,
    isFelt:
      places.some((place) => place.degree >= LIKELY && place.material >= FELT) ||
      repeated.some((more: MoreCalls) => more.material >= FELT),
    calm,
    suspects: blame(graph, places, repeated, cpu, calm),
    failing,
    breakers: blameBreaks(graph, findBroken(graph)),
  };
}
