import { groupBy } from '../../src/diagnosis/reason/grouping.ts';
import { median } from '../../src/diagnosis/reason/statistics.ts';
import type { MachineUse, MetricPoint } from './engine.ts';

type Reading = Omit<MetricPoint, 'use'>;
type Measurand = MachineUse['measurand'];

/** Use of the service's own reservation; the node's belongs to all on it, and what was reserved or held back is no use. */
const USE = /(?:^|[_.\- ])(?:cpu|mem|memory)$|util|usage|used|percent|working.?set|rss/i;
const NO_USE = /node|host|limit|request|reserv|quota|throttl/i;
const MEASURANDS: readonly (readonly [Measurand, RegExp])[] = [
  ['cpu', /cpu/i],
  ['memory', /mem/i],
];
const SAYS_PERCENT = /util|percent|pct|%/i;

/** Where it is left open whether a share or a percentage is meant: shares don't exceed this in all of the file. */
const MOST_OF_A_SHARE = 1.5;
/** A name that says nothing of its unit means percent when all of the file lies below the second and some above the first. */
const LIKE_PERCENT = { above: 5, atMost: 102 } as const;
/**
 * Cores and bytes have no limit to compare with. The most that a copy ever used stands for it, if that is some times its
 * usual use: what never rose says nothing of where it ends.
 */
const ROOM = 3;

/** Adds to each reading what it says of a machine's use. The whole of a file at once: a few quiet minutes tell no unit. */
export function withUse(readings: readonly Reading[]): readonly MetricPoint[] {
  const roles = new Map<string, { measurand: Measurand; factor: number | null }>();
  for (const [metric, points] of groupBy(readings, (one) => one.metric)) {
    const measurand = measurandOf(metric);
    if (measurand !== null) roles.set(metric, { measurand, factor: percentFactor(metric, points) });
  }
  const inPercent = new Set(
    [...roles.values()].filter(({ factor }) => factor !== null).map(({ measurand }) => measurand),
  );
  const copies = groupBy(readings, ({ service, instance, metric }) =>
    JSON.stringify([service, instance, metric]),
  );
  return [...copies.values()].flatMap((points): readonly MetricPoint[] => {
    const role = roles.get(points[0]?.metric ?? '');
    // Beside percentages the same in cores or bytes adds nothing.
    if (role === undefined || (role.factor === null && inPercent.has(role.measurand)))
      return points.map((point) => ({ ...point, use: null }));
    const { measurand, factor } = role;
    const room = factor === null ? roomOf(points) : 0;
    return points.map((point) => ({
      ...point,
      use: { measurand, percent: factor === null ? (100 * point.value) / room : point.value * factor },
    }));
  });
}

function measurandOf(metric: string): Measurand | null {
  if (!USE.test(metric) || NO_USE.test(metric)) return null;
  return MEASURANDS.find(([, name]) => name.test(metric))?.[0] ?? null;
}

/** What its values are multiplied with to be percent; null where no limit is known. */
function percentFactor(metric: string, points: readonly Reading[]): number | null {
  const highest = points.reduce((most, { value }) => Math.max(most, value), 0);
  if (SAYS_PERCENT.test(metric)) return highest <= MOST_OF_A_SHARE ? 100 : 1;
  return highest > LIKE_PERCENT.above && highest <= LIKE_PERCENT.atMost ? 1 : null;
}

function roomOf(points: readonly Reading[]): number {
  const values = points.map(({ value }) => value);
  const highest = values.reduce((most, value) => Math.max(most, value), 0);
  return Math.max(highest, ROOM * median(values)) || 1;
}
