import type { Gathered } from '../gather/gathered.ts';
import { compareText } from './order.ts';
import { clamp, isPlausible } from './statistics.ts';

/**
 * The same facts in one order, without what can't have been measured: sources answer in any order, and an answer must
 * not depend on it. Times that are no times, and sizes that are no sizes, are left out.
 */
export function canonical(gathered: Gathered): Gathered {
  const { calls, instances, exemplars, metrics } = gathered;
  return {
    ...gathered,
    entries: { ...gathered.entries, rows: inOrder(gathered.entries.rows) },
    calls:
      calls === null
        ? null
        : {
            ...calls,
            rows: inOrder(calls.rows).map((row) =>
              row.errors > row.count ? { ...row, errors: clamp(row.errors, 0, row.count) } : row,
            ),
          },
    instances: instances === null ? null : { ...instances, rows: inOrder(instances.rows) },
    exemplars:
      exemplars === null
        ? null
        : { ...exemplars, rows: inOrder(exemplars.rows).toSorted((a, b) => b.durationMs - a.durationMs) },
    workloads: inOrder(
      gathered.workloads.filter(({ cpuUnits, memoryMiB, desiredCount }) =>
        [cpuUnits, memoryMiB, desiredCount].every(isPlausible),
      ),
    ),
    metrics:
      metrics === null
        ? null
        : {
            ...metrics,
            series: inOrder(metrics.series).map((series) => ({
              ...series,
              points: series.points
                .filter(({ time }) => isTime(time))
                .toSorted((a, b) => a.time - b.time || a.value - b.value),
            })),
          },
    endpoints: inOrder(gathered.endpoints),
    updates: inOrder(gathered.updates).filter(
      ({ update }) => isTime(update.start) && isTime(update.end ?? update.start),
    ),
    markers: inOrder(gathered.markers).filter(({ time }) => isTime(time)),
  };
}

/** Milliseconds that are a date; beyond it there is nothing that could be written down. */
function isTime(time: number): boolean {
  return !Number.isNaN(new Date(time).getTime());
}

function inOrder<T>(rows: readonly T[]): readonly T[] {
  const keyed = rows.map((row) => [JSON.stringify(row), row] as const);
  return keyed.sort(([a], [b]) => compareText(a, b)).map(([, row]) => row);
}
