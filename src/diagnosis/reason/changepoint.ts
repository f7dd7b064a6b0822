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
 * Cuts a series into regimes by binary segmentation: the cut that leaves the least absolute deviation from the
 * medians on its sides, kept when ranks differ significantly and the step is material; then each side again.
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
  const cut = bestCut(values, level);
  if (cut === null) return [];
  return [
    ...segment(values.slice(0, cut.index), offset, level),
    { index: cut.index + offset, earliest: cut.earliest + offset, latest: cut.latest + offset },
    ...segment(values.slice(cut.index), offset + cut.index, level),
  ];
}

function bestCut(values: readonly number[], level: Level): Boundary | null {
  const costs: { index: number; cost: number }[] = [];
  for (let index = LEAST_BINS; index <= values.length - LEAST_BINS; index++) {
    costs.push({ index, cost: absoluteCost(values.slice(0, index)) + absoluteCost(values.slice(index)) });
  }
  const best = costs.reduce<{ index: number; cost: number } | null>(
    (least, one) => (least === null || one.cost < least.cost ? one : least),
    null,
  );
  if (best === null) return null;
  const left = values.slice(0, best.index);
  const right = values.slice(best.index);
  const step = Math.abs(median(right) - median(left));
  const spread = Math.max(robustSpread(left), robustSpread(right));
  if (step < LEAST_STEP[level] || step < STEP_TO_SPREAD * spread) return null;
  // Bonferroni over the cuts: too strict, since neighbouring cuts are alike, and strict is the safe side here.
  if (rankTest(left, right) * costs.length > SIGNIFICANCE) return null;
  // Deviations taken as Laplace-distributed: log-likelihood falls by (cost − best) / scale.
  const scale = best.cost / values.length;
  const believed = costs.filter(({ cost }) => cost - best.cost <= LIKELIHOOD_DROP * scale);
  return {
    index: best.index,
    earliest: Math.min(...believed.map(({ index }) => index)),
    latest: Math.max(...believed.map(({ index }) => index)),
  };
}
