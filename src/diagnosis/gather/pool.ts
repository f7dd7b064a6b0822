import type { LatencyStatistics } from './gathered.ts';

/** Halvings of the interval that a percentile lies in: to a millionth of it. */
const STEPS = 20;

/** Requests of one kind; `above`: what all of them took longer than, where they were chosen by that. Milliseconds. */
export interface Group extends LatencyStatistics {
  readonly above?: number;
}

/**
 * Statistics of groups taken together. Counts and errors add up; a percentile is that of the mixture, each group's
 * distribution being drawn through its own percentiles, exponentially thinning out between them. Means of percentiles
 * would not do: groups that were split by how long their requests took differ by definition.
 */
export function pool(groups: readonly Group[]): LatencyStatistics {
  const [only] = groups;
  if (groups.length === 1 && only !== undefined) return statisticsOf(only);
  const filled = groups.filter((group) => group.count > 0);
  const sum = (pick: (group: Group) => number): number =>
    groups.reduce((total, group) => total + pick(group), 0);
  return {
    count: sum((group) => group.count),
    errors: sum((group) => group.errors),
    p50: percentile(filled, 0.5),
    p95: percentile(filled, 0.95),
    p99: percentile(filled, 0.99),
  };
}

function statisticsOf({ count, errors, p50, p95, p99 }: Group): LatencyStatistics {
  return { count, errors, p50, p95, p99 };
}

function percentile(groups: readonly Group[], share: number): number {
  const wanted = share * groups.reduce((total, group) => total + group.count, 0);
  let low = Math.min(...groups.map(least));
  let high = Math.max(0, ...groups.map((group) => group.p99));
  if (!(low < high)) return high;
  const below = (value: number): number =>
    groups.reduce((total, group) => total + group.count * shareBelow(group, value), 0);
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (below(middle) >= wanted) high = middle;
    else low = middle;
  }
  return high;
}

/** The lower end is not asked for: as many times below the median as the P95 lies above it, as durations spread. */
function least({ p50, p95, above }: Group): number {
  const mirrored = p95 > 0 ? p50 * (p50 / p95) : 0;
  return Math.min(p50, Math.max(mirrored, above ?? 0));
}

function shareBelow(group: Group, value: number): number {
  const ends = [
    [least(group), 0],
    [group.p50, 0.5],
    [group.p95, 0.95],
    [group.p99, 0.99],
  ] as const;
  if (value >= group.p99) return 1;
  if (value < ends[0][0]) return 0;
  const above = ends.findIndex(([end]) => value < end);
  const [to, upper] = ends[above] ?? ends[3];
  const [from, lower] = ends[above - 1] ?? ends[0];
  const part = (value - from) / (to - from);
  return 1 - (1 - lower) ** (1 - part) * (1 - upper) ** part;
}
