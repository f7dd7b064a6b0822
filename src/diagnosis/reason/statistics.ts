/** Robust statistics: medians and ranks, which a few wild points can't move. All functions ignore nothing: callers pass finite numbers. */

/** Linear interpolation between order statistics (Hyndman & Fan type 7), as Honeycomb's percentiles do. NaN for no values. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Median absolute deviation, scaled by 1.4826 so that it estimates σ for a normal distribution. 0 for fewer than two values. */
export function robustSpread(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = median(values);
  return 1.4826 * median(values.map((value) => Math.abs(value - centre)));
}

/** Sum of absolute deviations from the median: the cost of calling all these values one level. */
export function absoluteCost(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const centre = median(values);
  return values.reduce((sum, value) => sum + Math.abs(value - centre), 0);
}

/**
 * Two-sided p-value of the Wilcoxon–Mann–Whitney test by its normal approximation, with continuity and tie
 * correction. 1 when either side is empty or all values are equal.
 */
export function rankTest(left: readonly number[], right: readonly number[]): number {
  const n1 = left.length;
  const n2 = right.length;
  const n = n1 + n2;
  if (n1 === 0 || n2 === 0) return 1;
  const all = [
    ...left.map((value) => ({ value, side: 0 })),
    ...right.map((value) => ({ value, side: 1 })),
  ].sort((a, b) => a.value - b.value);
  let rankSum = 0;
  let ties = 0;
  for (let i = 0; i < n; ) {
    let j = i;
    while (j < n && all[j]?.value === all[i]?.value) j++;
    const size = j - i;
    const rank = (i + 1 + j) / 2;
    for (let k = i; k < j; k++) if (all[k]?.side === 0) rankSum += rank;
    ties += size ** 3 - size;
    i = j;
  }
  const u = rankSum - (n1 * (n1 + 1)) / 2;
  const variance = ((n1 * n2) / 12) * (n + 1 - ties / (n * Math.max(1, n - 1)));
  if (variance <= 0) return 1;
  const z = Math.max(0, Math.abs(u - (n1 * n2) / 2) - 0.5) / Math.sqrt(variance);
  return 2 * upperTail(z);
}

/** P(Z > z) for z ≥ 0: Abramowitz & Stegun 26.2.17, absolute error < 7.5e-8. */
export function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return Math.min(0.5, Math.max(0, (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial));
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** Four significant digits: enough for every sentence, and equal input stays equal text. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : 0;
}

/** 30,000 years in milliseconds, and more spans than any store holds: what is beyond was not measured. */
const MOST_PLAUSIBLE = 1e15;

/** True for a count, a duration or a percentage that can have been measured. */
export function isPlausible(value: number): boolean {
  return Number.isFinite(value) && value >= 0 && value <= MOST_PLAUSIBLE;
}
