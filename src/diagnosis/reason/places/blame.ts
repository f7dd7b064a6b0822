import { groupBy } from '../grouping.ts';
import type { MoreCalls } from './call-rates.ts';
import { type CpuUse, cpuDegree } from './cpu-use.ts';
import type { OperationGraph } from './operations.ts';
import type { Place } from './places.ts';

export interface Suspect {
  readonly service: string;
  /** Milliseconds of the incident laid at its door, weighted by how sure each of them is. */
  readonly weight: number;
  /** Of these, on the way to it or from it, in its own work, and in calls that it makes more often than it did. */
  readonly onTheWay: number;
  readonly ownWork: number;
  readonly moreCalls: number;
  /** All of the time on ways that it is blamed for more than their other end is, and of its own: what removing it would give back. */
  readonly explained: number;
  /** What that rests on, the largest part first. */
  readonly places: readonly { readonly place: Place; readonly lost: number }[];
  readonly repeated: readonly MoreCalls[];
  /** Of the time on the way, the part that every call lost alike, 0…1. */
  readonly everyCall: number;
  /** 0…1: how far its CPU speaks for a lack of it. */
  readonly cpu: number;
  /** Its own steps can be seen, and are as fast as ever. */
  readonly isCalm: boolean;
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
  repeated: readonly MoreCalls[],
  cpu: ReadonlyMap<string, CpuUse>,
  calm: ReadonlySet<string>,
): readonly Suspect[] {
  const degrees = new Map(
    graph.services.map((service) => [service, calm.has(service) ? 0 : cpuDegree(cpu.get(service))]),
  );
  const ends = endsOf(places, degrees);
  const sums = new Map(graph.services.map((service) => [service, nothing()]));
  for (const more of repeated) {
    const sum = sums.get(more.operation.service);
    if (sum === undefined) continue;
    sum.moreCalls += more.lost;
    sum.repeated.push(more);
  }
  for (const place of places) {
    const lost = place.lost * place.degree;
    if (lost <= 0) continue;
    const caller = sums.get(place.operation.service);
    if (place.callee === null) {
      if (caller) {
        caller.ownWork += lost;
        caller.places.push({ place, lost });
      }
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
      end.places.push({ place, lost: lost * share });
      end.alike += lost * share * (place.everyCall ?? 0);
    }
  }
  const found = [...sums]
    .map(([service, { alike, places: behind, ...sum }]) => {
      const full = degrees.get(service) ?? 0;
      return {
        service,
        ...sum,
        places: behind.toSorted((a, b) => b.lost - a.lost),
        everyCall: sum.onTheWay > 0 ? alike / sum.onTheWay : 0,
        cpu: full,
        isCalm: calm.has(service),
        weight: (sum.onTheWay + sum.ownWork) * (1 + CPU_COUNTS * full) + sum.moreCalls,
      };
    })
    .filter((suspect) => suspect.weight > 0)
    .map((suspect) => ({ ...suspect, explained: 0 }))
    .sort((a, b) => b.weight - a.weight || (a.service < b.service ? -1 : 1));
  const byService = new Map(found.map((suspect) => [suspect.service, suspect]));
  for (const place of places) {
    const lost = place.lost * place.degree;
    if (lost <= 0) continue;
    const caller = byService.get(place.operation.service);
    const callee = place.callee === null ? undefined : byService.get(place.callee);
    const end = (callee?.weight ?? 0) >= (caller?.weight ?? 0) ? (callee ?? caller) : caller;
    if (end !== undefined) end.explained += lost;
  }
  for (const suspect of found) suspect.explained += suspect.moreCalls;
  return found;
}

interface Sum {
  onTheWay: number;
  ownWork: number;
  moreCalls: number;
  alike: number;
  readonly places: { place: Place; lost: number }[];
  readonly repeated: MoreCalls[];
}

function nothing(): Sum {
  return { onTheWay: 0, ownWork: 0, moreCalls: 0, alike: 0, places: [], repeated: [] };
}

/** Own work of at least this part of a request would show a lack of CPU. */
const SHOWING = 0.02;
/** Own work that is not even this much slower does not lack it. */
const CALM = 1.2;

/** A process whose own steps can be seen and are as fast as ever is busy, not starved: its full processor explains nothing. */
export function calmServices(graph: OperationGraph, places: readonly Place[]): ReadonlySet<string> {
  const work = groupBy(
    places.filter((place) => place.callee === null && place.before >= SHOWING * place.request),
    (place) => place.operation.service,
  );
  return new Set(
    graph.services.filter((service) => {
      const shown = work.get(service) ?? [];
      return shown.length > 0 && shown.every((place) => place.now < CALM * place.before);
    }),
  );
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
function endsOf(places: readonly Place[], cpu: ReadonlyMap<string, number>): ReadonlyMap<string, End> {
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
      const support = 1 + ownWork + CPU_COUNTS * (cpu.get(service) ?? 0);
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
