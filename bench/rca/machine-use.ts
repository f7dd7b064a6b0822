import { groupBy } from '../../src/diagnosis/reason/grouping.ts';
import { quantile } from '../../src/diagnosis/reason/statistics.ts';
import type { MachineUse, MetricPoint } from './engine.ts';

/** As it stands in a file. */
export type Reading = Omit<MetricPoint, 'use'>;
type Measurand = MachineUse['measurand'];

/** Use of the service's own reservation; the node's belongs to all on it, and what was reserved or held back is no use. */
const USE = /(?:^|[_.\- ])(?:cpu|mem|memory)$|util|usage|used|percent|working.?set|rss/i;
const NO_USE = /node|host|limit|request|reserv|quota|throttl/i;
const MEASURANDS: readonly (readonly [Measurand, RegExp])[] = [
  ['cpu', /cpu/i],
  ['memory', /mem/i],
];
const SAYS_PERCENT = /util|percent|pct|%/i;

/** A unit is read from the highest readings but for so few: a single odd one must not change what all others mean. */
const HIGHEST = 0.999;
/** Where it is left open whether a share or a percentage is meant: shares don't exceed this. */
const MOST_OF_A_SHARE = 1.5;
/** A name that says nothing of its unit means percent when the highest lies here: few processes use twenty cores. */
const LIKE_PERCENT = { above: 20, atMost: 102 } as const;
/**
 * Cores and bytes have no limit to compare with. The most that a copy ever used stands for it, if that is some times its
 * usual use: what never rose says nothing of where it ends.
 */
const ROOM = 3;
/** Of fewer readings nobody can say that they only ever rise. */
const FEW = 8;

interface Role {
  readonly measurand: Measurand;
  /** What the metric's values are multiplied with to be percent; null where no limit is known. */
  readonly factor: number | null;
}

/** Adds to each reading what it says of a machine's use. The whole of a file at once: a few quiet minutes tell no unit. */
export function withUse(readings: readonly Reading[]): readonly MetricPoint[] {
  const copies = [
    ...groupBy(readings, ({ service, instance, metric }) =>
      JSON.stringify([service, instance, metric]),
    ).values(),
  ];
  const roles = rolesOf(copies);
  const inPercent = new Set(
    copies.flatMap(([first]) => {
      const role = roles.get(first?.metric ?? '');
      return role === undefined || role.factor === null ? [] : [`${role.measurand} of ${first?.service}`];
    }),
  );
  return copies.flatMap((points): readonly MetricPoint[] => {
    const [first] = points;
    const role = roles.get(first?.metric ?? '');
    // Beside percentages the same in cores or bytes adds nothing.
    if (
      role === undefined ||
      (role.factor === null && inPercent.has(`${role.measurand} of ${first?.service}`))
    )
      return points.map((point) => ({ ...point, use: null }));
    const { measurand, factor } = role;
    const room = factor === null ? roomOf(points) : 0;
    return points.map((point) => ({
      ...point,
      use: { measurand, percent: factor === null ? (100 * point.value) / room : point.value * factor },
    }));
  });
}

/** By metric. */
function rolesOf(copies: readonly (readonly Reading[])[]): ReadonlyMap<string, Role> {
  const roles = new Map<string, Role>();
  for (const [metric, own] of groupBy(copies, ([first]) => first?.metric ?? '')) {
    const measurand = measurandOf(metric);
    if (measurand === null || isCounter(own)) continue;
    roles.set(metric, { measurand, factor: percentFactor(metric, own.flat()) });
  }
  return roles;
}

function measurandOf(metric: string): Measurand | null {
  if (!USE.test(metric) || NO_USE.test(metric)) return null;
  return MEASURANDS.find(([, name]) => name.test(metric))?.[0] ?? null;
}

/** What was used in all so far, as every copy's readings only ever rise: no use at a time. */
function isCounter(copies: readonly (readonly Reading[])[]): boolean {
  const long = copies.filter((points) => points.length >= FEW);
  return (
    long.length > 0 &&
    long.every((points) => {
      const values = points.toSorted((a, b) => a.time - b.time).map(({ value }) => value);
      return (
        values.every((value, index) => value >= (values[index - 1] ?? value)) &&
        (values.at(-1) ?? 0) > (values[0] ?? 0)
      );
    })
  );
}

function percentFactor(metric: string, points: readonly Reading[]): number | null {
  const highest = quantile(
    points.map(({ value }) => value),
    HIGHEST,
  );
  if (SAYS_PERCENT.test(metric)) return highest <= MOST_OF_A_SHARE ? 100 : 1;
  return highest > LIKE_PERCENT.above && highest <= LIKE_PERCENT.atMost ? 1 : null;
}

function roomOf(points: readonly Reading[]): number {
  const values = points.map(({ value }) => value);
  return Math.max(0, quantile(values, 1), ROOM * quantile(values, 0.5)) || 1;
}
