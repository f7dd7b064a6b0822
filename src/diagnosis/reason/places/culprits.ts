import type { Answer } from '../answer.ts';
import { blame } from './blame.ts';
import { blameBreaks, findBroken } from './broken-calls.ts';
import { type CallAggregate, INCIDENT } from './calls.ts';
import type { CpuUse } from './cpu-use.ts';
import { kindOf } from './kind.ts';
import { joinOperations } from './operations.ts';
import { placesOf } from './places.ts';

/** Less than this part of a typical request is not felt: two healthy windows differ by as much. */
const FELT = 0.15;
/** A place has to be slower rather than not. */
const LIKELY = 0.5;

/** Which service made requests slow or broke them, from the aggregates of one query and the CPU of the services. Pure. */
export function reasonFromTraces(rows: readonly CallAggregate[], cpu: ReadonlyMap<string, CpuUse>): Answer {
  const graph = joinOperations(rows);
  if ((graph.requests.get(INCIDENT) ?? 0) === 0 || graph.baselines.length === 0) {
    return { verdict: 'undetermined', ranking: [] };
  }
  const places = placesOf(graph);
  const slow = places.some((place) => place.degree >= LIKELY && place.material >= FELT);
  const suspects = slow ? blame(graph, places, cpu) : [];
  const breaks = blameBreaks(findBroken(graph)).filter(
    ({ service }) => !suspects.some((suspect) => suspect.service === service),
  );
  if (suspects.length === 0 && breaks.length === 0) return { verdict: 'nothing-wrong', ranking: [] };
  const lost = suspects.reduce((sum, suspect) => sum + suspect.weight, 0);
  const given = breaks.reduce((sum, one) => sum + one.calls, 0);
  // What is slow was measured directly; what broke is told from what is missing, and stands behind it.
  const below = suspects.length > 0 ? (suspects.at(-1)?.weight ?? 0) / lost / 2 : 1;
  return {
    verdict: 'cause',
    ranking: [
      ...suspects.map((suspect) => ({
        target: suspect.service,
        kind: kindOf(suspect, cpu.has(suspect.service)),
        score: suspect.weight / lost,
      })),
      ...breaks.map((one) => ({
        target: one.service,
        kind: 'errors' as const,
        score: (below * one.calls) / given,
      })),
    ],
  };
}
