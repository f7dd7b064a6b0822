import type { Bin } from './bins.ts';
import { absoluteCost, median, rankTest, robustSpread } from './statistics.ts';

/** Which number of a bin is looked at. Latencies are compared as logarithms (ratios), error shares as they are. */
export type Level = 'p50' | 'p95' | 'errors';

/** A boundary in a row of values: the right side starts at `index`, which could as well lie in [earliest, latest]. */
export interface Boundary {
  readonly index: number;
  readonly earliest: number;
  readonly latest: number;
}

/** Bins [from, to) that share one level. */
export interface Regime {
  readonly from: number;
  readonly to: number;
  /** Median over the bins, in the level's own unit. */
  readonly level: number;
  readonly requests: number;
  /** The boundary at its start; null for the first. */
  readonly boundary: Boundary | null;
}

/** Two points are a level too easily; three that agree are the least that a median can defend against one outlier. */
const LEAST_BINS = 3;
/** Family-wise, over all places where the series could be cut. */
const SIGNIFICANCE = 0.05;
/** Half of the 95 % point of χ² with one degree of freedom: how much log-likelihood a boundary may lose and still be believed. */
const LIKELIHOOD_DROP = 1.92;
/** Steps below this are not worth a boundary: a fifth for latencies, two points for error shares. */
const LEAST_STEP: Readonly<Record<Level, number>> = { p50: Math.log(1.2), p95: Math.log(1.2), errors: 0.02 };
/** A step must stand clear of the scatter on both sides. */
const STEP_TO_SPREAD = 2;

/** The bins' values on the scale they are compared on. */
export function levelValues(bins: readonly Bin[], level: Level): readonly number[] {
  if (level === 'errors') return bins.map((bin) => Math.min(1, bin.errors / bin.count));
  const positive = bins.map((bin) => bin[level]).filter((value) => value > 0);
  // A duration of 0 was below the clock's resolution: it counts as the smallest that was seen.
  const smallest = positive.length > 0 ? Math.min(...positive) : 1;
  return bins.map((bin) => Math.log(Math.max(bin[level], smallest)));
}

/**
 * Cuts a series into regimes by binary segmentation: the cut (or the stretch) that leaves the least absolute deviation
 * from the medians on its sides, kept when ranks differ significantly and the step is material; then each part again.
 */
export function findRegimes(bins: readonly Bin[], level: Level): readonly Regime[] {
  const values = levelValues(bins, level);
  const boundaries = segment(values, 0, level).sort((a, b) => a.index - b.index);
  const starts: (Boundary | null)[] = [null, ...boundaries];
  return starts.map((boundary, position) => {
    const from = boundary?.index ?? 0;
    const to = boundaries[position]?.index ?? bins.length;
    const middle = median(values.slice(from, to));
    return {
      from,
      to,
      level: level === 'errors' ? middle : Math.exp(middle),
      requests: bins.slice(from, to).reduce((sum, bin) => sum + bin.count, 0),
      boundary,
    };
  });
}

function segment(values: readonly number[], offset: number, level: Level): Boundary[] {
  // Medians lie within the values: no step can be larger than all of them span.
  if (Math.max(...values) - Math.min(...values) < LEAST_STEP[level]) return [];
  const one = bestCut(values, level);
  const cuts = one === null ? bestInterlude(values, level) : [one];
  const [first] = cuts;
  if (first === undefined) return [];
  const edges = [0, ...cuts.map((cut) => cut.index), values.length];
  return [
    ...cuts.map((cut) => shifted(cut, offset)),
    ...edges.slice(1).flatMap((to, position) => {
      const from = edges[position] ?? 0;
      return segment(values.slice(from, to), offset + from, level);
    }),
  ];
}

interface Cut {
  readonly index: number;
  readonly cost: number;
}

/** The one place where the series is best cut in two. */
function bestCut(values: readonly number[], level: Level): Boundary | null {
  const cuts: Cut[] = [];
  for (let index = LEAST_BINS; index <= values.length - LEAST_BINS; index++) {
    cuts.push({ index, cost: absoluteCost(values.slice(0, index)) + absoluteCost(values.slice(index)) });
  }
  const best = cheapest(cuts);
  if (best === null) return null;
  if (!isStep(values.slice(0, best.index), values.slice(best.index), cuts.length, level)) return null;
  return believed(best, cuts, values.length);
}

/**
 * A stretch in the middle that differs from what is before and after it. A single cut can't find it: with one level on
 * both ends, each cut leaves equal medians on its sides.
 */
function bestInterlude(values: readonly number[], level: Level): readonly Boundary[] {
  const places = [...pairsAround(values.length, INTERLUDE_GRID)];
  const rough = cheapest(places.map((pair) => stretch(values, pair)));
  if (rough === null) return [];
  // Costs change little from one bin to the next: a coarse look finds the region, a fine one the ends.
  const step = gridStep(values.length, INTERLUDE_GRID);
  const pairs = [...pairsAround(values.length, values.length)]
    .filter(({ from, to }) => Math.abs(from - rough.index) <= step && Math.abs(to - rough.to) <= step)
    .map((pair) => stretch(values, pair));
  const best = cheapest(pairs);
  if (best === null) return [];
  const { index: from, to } = best;
  const outside = [...values.slice(0, from), ...values.slice(to)];
  const tried = (values.length * (values.length + 1)) / 2;
  if (!isStep(outside, values.slice(from, to), tried, level)) return [];
  const ends = pairs
    .filter((pair) => pair.index === from)
    .map((pair) => ({ index: pair.to, cost: pair.cost }));
  return [
    believed(
      best,
      pairs.filter((pair) => pair.to === to),
      values.length,
    ),
    believed({ index: to, cost: best.cost }, ends, values.length),
  ];
}

/** Places at which ends of a stretch are looked for at first. */
const INTERLUDE_GRID = 20;

interface Stretch extends Cut {
  readonly to: number;
}

function gridStep(length: number, grid: number): number {
  return Math.max(1, Math.floor(length / grid));
}

function* pairsAround(
  length: number,
  grid: number,
): Generator<{ readonly from: number; readonly to: number }> {
  const step = gridStep(length, grid);
  for (let from = LEAST_BINS; from <= length - 2 * LEAST_BINS; from += step) {
    for (let to = from + LEAST_BINS; to <= length - LEAST_BINS; to += step) yield { from, to };
  }
}

function stretch(
  values: readonly number[],
  { from, to }: { readonly from: number; readonly to: number },
): Stretch {
  const outside = [...values.slice(0, from), ...values.slice(to)];
  return { index: from, to, cost: absoluteCost(outside) + absoluteCost(values.slice(from, to)) };
}

function cheapest<C extends Cut>(cuts: readonly C[]): C | null {
  return cuts.reduce<C | null>((least, one) => (least === null || one.cost < least.cost ? one : least), null);
}

function isStep(one: readonly number[], other: readonly number[], places: number, level: Level): boolean {
  const step = Math.abs(median(other) - median(one));
  const spread = Math.max(scatter(one), scatter(other));
  if (step < LEAST_STEP[level] || step < STEP_TO_SPREAD * spread) return false;
  // Bonferroni over the places: too strict, since neighbouring places are alike, and strict is the safe side here.
  return rankTest(one, other) * places <= SIGNIFICANCE;
}

/**
 * How much values wander about their level, or about the slope that they lie on: a leak rises without a step, and its
 * rise is no scatter. Differences of neighbours scatter by √2 times as much as the values themselves.
 */
function scatter(values: readonly number[]): number {
  const steps = values.slice(1).map((value, index) => value - (values[index] ?? value));
  return Math.min(robustSpread(values), robustSpread(steps) / Math.SQRT2);
}

/** Deviations taken as Laplace-distributed: log-likelihood falls by (cost − best) / scale. */
function believed(best: Cut, cuts: readonly Cut[], length: number): Boundary {
  const scale = best.cost / length;
  const near = cuts.filter(({ cost }) => cost - best.cost <= LIKELIHOOD_DROP * scale);
  return {
    index: best.index,
    earliest: Math.min(best.index, ...near.map(({ index }) => index)),
    latest: Math.max(best.index, ...near.map(({ index }) => index)),
  };
}

function shifted(cut: Boundary, offset: number): Boundary {
  return { index: cut.index + offset, earliest: cut.earliest + offset, latest: cut.latest + offset };
}
