import { groupBy } from '../grouping.ts';
import { type CpuUse, cpuDegree } from './cpu-use.ts';
import type { OperationGraph } from './operations.ts';
import type { Place } from './places.ts';

export interface Suspect {
  readonly service: string;
  /** Milliseconds of the incident laid at its door, weighted by how sure each of them is. */
  readonly weight: number;
  /** Of these, on the way to it or from it, and in its own work. */
  readonly onTheWay: number;
  readonly ownWork: number;
  /** Of the time on the way, the part that every call lost alike, 0…1. */
  readonly everyCall: number;
  /** 0…1: how far its CPU speaks for a lack of it. */
  readonly cpu: number;
}

/** A full processor is a cause by itself, seen apart from the traces: it counts twice what they say. */
const CPU_COUNTS = 2;
/** Places with fewer spans than this count by their number. */
const FULL_COUNT = 20;
/** Own work that gained less than this part of a request tells nothing about which end of a call is slow. */
const TELLING = 0.02;

/**
 * Lays lost time at the door of services. Own work is the service's. Time on the way between two belongs to the end
 * all of whose calls got slower: a callee slow to all its callers, or a caller slow towards everything it calls.
 */
export function blame(
  graph: OperationGraph,
  places: readonly Place[],
  cpu: ReadonlyMap<string, CpuUse>,
): readonly Suspect[] {
  const ends = endsOf(places, cpu);
  const sums = new Map(graph.services.map((service) => [service, { onTheWay: 0, ownWork: 0, alike: 0 }]));
  for (const place of places) {
    const lost = place.lost * place.degree;
    if (lost <= 0) continue;
    const caller = sums.get(place.operation.service);
    if (place.callee === null) {
      if (caller) caller.ownWork += lost;
      continue;
    }
    const callee = sums.get(place.callee);
    const part = calleesPart(ends, place.operation.service, place.callee);
    for (const [end, share] of [
      [callee, part],
      [caller, 1 - part],
    ] as const) {
      if (end === undefined) continue;
      end.onTheWay += lost * share;
      end.alike += lost * share * (place.everyCall ?? 0);
    }
  }
  return [...sums]
    .map(([service, sum]) => {
      const full = cpuDegree(cpu.get(service));
      const everyCall = sum.onTheWay > 0 ? sum.alike / sum.onTheWay : 0;
      const { onTheWay, ownWork } = sum;
      return {
        service,
        onTheWay,
        ownWork,
        everyCall,
        cpu: full,
        weight: (sum.onTheWay + sum.ownWork) * (1 + CPU_COUNTS * full),
      };
    })
    .filter((suspect) => suspect.weight > 0)
    .sort((a, b) => b.weight - a.weight || (a.service < b.service ? -1 : 1));
}

/** How well "this service is slow" explains the calls that leave it and those that reach it. */
interface End {
  readonly asCaller: number;
  readonly asCallee: number;
}

/** Part of the time on the way from one service to another, 0…1, that is laid at the callee's door; the rest is the caller's. */
function calleesPart(ends: ReadonlyMap<string, End>, caller: string, callee: string): number {
  const atCaller = ends.get(caller)?.asCaller ?? 0;
  const atCallee = ends.get(callee)?.asCallee ?? 0;
  return atCaller + atCallee > 0 ? atCallee / (atCaller + atCallee) : 0.5;
}

/** By service. One that no place begins or ends at has none. */
function endsOf(places: readonly Place[], cpu: ReadonlyMap<string, CpuUse>): ReadonlyMap<string, End> {
  const from = groupBy(places, (place) => place.operation.service);
  const to = groupBy(places, (place) => place.callee);
  const services = new Set([...from.keys(), ...to.keys()].filter((service) => service !== null));
  return new Map(
    [...services].map((service) => {
      const here = from.get(service) ?? [];
      const out = here.filter((place) => place.callee !== null);
      const ownWork = here
        .filter((place) => place.callee === null && place.material >= TELLING)
        .reduce((most, place) => Math.max(most, place.degree), 0);
      const support = 1 + ownWork + CPU_COUNTS * cpuDegree(cpu.get(service));
      // One call out says as little about the caller as about the callee; what is called is then the nearer cause.
      const alone = new Set(out.map((place) => place.callee)).size > 1 ? 1 : 0.5;
      return [
        service,
        {
          asCaller: (alone * meanDegree(out)) ** 2 * support,
          asCallee: meanDegree(to.get(service) ?? []) ** 2 * support,
        },
      ];
    }),
  );
}

function meanDegree(places: readonly Place[]): number {
  const weightOf = (place: Place): number => Math.min(1, place.count / FULL_COUNT);
  const total = places.reduce((sum, place) => sum + weightOf(place), 0);
  return total === 0 ? 0 : places.reduce((sum, place) => sum + weightOf(place) * place.degree, 0) / total;
}
