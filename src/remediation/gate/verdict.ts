import type { LatencySummary, VerificationVerdict } from '../proposal.ts';

/** Percentiles that a verification asks for beside those it shows: what an interval is read from. */
export const QUANTILES: readonly {
  readonly op: 'P50' | 'P75' | 'P90' | 'P95' | 'P99' | 'P999' | 'MAX' | 'MIN' | 'P25';
  readonly at: number;
}[] = [
  { op: 'MIN', at: 0 },
  { op: 'P25', at: 0.25 },
  { op: 'P50', at: 0.5 },
  { op: 'P75', at: 0.75 },
  { op: 'P90', at: 0.9 },
  { op: 'P95', at: 0.95 },
  { op: 'P99', at: 0.99 },
  { op: 'P999', at: 0.999 },
  { op: 'MAX', at: 1 },
];

/** One side of the comparison: the summary and the known points of its distribution, ascending, milliseconds. */
export interface Side {
  readonly summary: LatencySummary;
  readonly quantiles: readonly { readonly at: number; readonly value: number }[];
}

/** Below this a change would not be felt, whatever the statistics say. */
const RATIO = 1.1;
/**
 * Requests of one moment queue behind each other, so spans are not independent, and a service near saturation drifts:
 * with nothing changed, two windows of 30 s differed by a third in P95. In windows shorter than this (seconds) a
 * difference below this ratio is therefore not called an effect.
 */
const SHORT_WINDOW = 120;
const SHORT_RATIO = 1.6;
/** With fewer spans the 95th percentile has no upper bound by order statistics at 95 %: 0.95ⁿ < 0.05 wants n ≥ 59. */
export const ENOUGH = 59;
/** Loads that differ by less are called alike. */
const LOAD_FACTOR = 1.5;
/** Normal quantile of a two-sided 95 % interval. */
const Z = 1.96;

export interface Judgement {
  readonly verdict: VerificationVerdict;
  readonly sameLoad: boolean | null;
  readonly notes: readonly string[];
}

/**
 * Whether latency changed, by the P95. It must have moved by more than 10 %, and the intervals of both sides (ranks by
 * order statistics, n·q ± 1.96·√(n·q·(1−q)), read between the known percentiles) must not overlap. A load that differs
 * the wrong way, a share of errors that rose, or a P95 that was as good already in the incident for which the change was
 * proposed, can take "improved" back.
 * @param p95WhenProposed milliseconds, in that incident; null where it is not known
 */
export function judge(
  before: Side | null,
  after: Side | null,
  p95WhenProposed: number | null = null,
): Judgement {
  if (!before || !after || before.summary.count === 0 || after.summary.count === 0) {
    const missing = !before || before.summary.count === 0 ? 'before' : 'after';
    return {
      verdict: 'undetermined',
      sameLoad: null,
      notes: [`There are no spans ${missing} the deployment to compare with.`],
    };
  }
  const notes: string[] = [];
  const load = after.summary.rate / before.summary.rate;
  const sameLoad = load < LOAD_FACTOR && load > 1 / LOAD_FACTOR;
  notes.push(
    `Load: ${rate(before)} a second before, ${rate(after)} after (${sameLoad ? 'alike' : 'not alike'}: within a factor of ${LOAD_FACTOR}).`,
  );
  const ratio = after.summary.p95 / before.summary.p95;
  const a = interval(before);
  const b = interval(after);
  notes.push(
    `P95 ${ms(before.summary.p95)} (95 % interval ${ms(a.low)} to ${ms(a.high)}) before, ${ms(after.summary.p95)} (${ms(b.low)} to ${ms(b.high)}) after.`,
  );
  const small = Math.min(before.summary.count, after.summary.count);
  if (small < ENOUGH) notes.push(`Only ${small} spans on one side: a difference must be large to be seen.`);

  let verdict: VerificationVerdict = 'unchanged';
  if (ratio < 1 / RATIO && b.high < a.low) verdict = 'improved';
  else if (ratio > RATIO && b.low > a.high) verdict = 'worse';
  else if (small < ENOUGH) verdict = 'undetermined';
  else if (ratio < 1 / RATIO || ratio > RATIO) {
    notes.push('The P95 differs, but not by more than chance allows.');
  }

  const large = ratio < 1 / SHORT_RATIO || ratio > SHORT_RATIO;
  if ((verdict === 'improved' || verdict === 'worse') && isShort(before) && !large) {
    verdict = 'undetermined';
    notes.push('In windows this short the P95 moves by as much without any change: measure longer to tell.');
  }

  if (verdict === 'improved' && load <= 1 / LOAD_FACTOR) {
    verdict = 'undetermined';
    notes.push('It is faster under less load: that may be why.');
  } else if (verdict === 'worse' && load >= LOAD_FACTOR) {
    verdict = 'undetermined';
    notes.push('It is slower under more load: that may be why.');
  }
  const errors = errorRise(before.summary, after.summary);
  if (errors !== null) {
    notes.push(errors);
    if (verdict !== 'undetermined') verdict = 'worse';
  } else if (
    verdict === 'improved' &&
    p95WhenProposed !== null &&
    wasAsGood(p95WhenProposed, before, after)
  ) {
    verdict = 'undetermined';
    notes.push(
      `When the change was proposed the P95 was ${ms(p95WhenProposed)}: it had risen since without the change, and may have fallen without it.`,
    );
  }
  if (verdict === 'unchanged') notes.push('The change did not help.');
  return { verdict, sameLoad, notes };
}

/** Better than right before the update, and no worse than it is now by as much as would be called an effect. */
function wasAsGood(proposed: number, before: Side, after: Side): boolean {
  const needed = isShort(before) ? SHORT_RATIO : RATIO;
  return proposed > 0 && proposed < before.summary.p95 / RATIO && proposed < after.summary.p95 * needed;
}

function isShort({ summary }: Side): boolean {
  return summary.count / summary.rate < SHORT_WINDOW;
}

/** A rise of the share of errors that is more than chance (two proportions, z > 1.96) and more than one point. */
function errorRise(before: LatencySummary, after: LatencySummary): string | null {
  const p = before.errors / before.count;
  const q = after.errors / after.count;
  const pooled = (before.errors + after.errors) / (before.count + after.count);
  const spread = Math.sqrt(pooled * (1 - pooled) * (1 / before.count + 1 / after.count));
  if (q - p <= 0.01 || spread === 0 || (q - p) / spread <= Z) return null;
  return `Errors rose from ${(p * 100).toFixed(1)} % to ${(q * 100).toFixed(1)} %.`;
}

/** Interval of the 95th percentile. Where a rank lies outside of the sample the bound is the sample's end. */
function interval({ summary, quantiles }: Side): { low: number; high: number } {
  const q = 0.95;
  const spread = Z * Math.sqrt((q * (1 - q)) / summary.count);
  const high = q + spread;
  return {
    low: at(quantiles, Math.max(0, q - spread)),
    high: high >= 1 ? Math.max(at(quantiles, 1), summary.p95) : at(quantiles, high),
  };
}

/** Linear between the known points. */
function at(quantiles: Side['quantiles'], q: number): number {
  const upper = quantiles.find((point) => point.at >= q) ?? quantiles.at(-1);
  const lower = quantiles.findLast((point) => point.at <= q) ?? quantiles[0];
  if (!upper || !lower) return Number.NaN;
  if (upper.at === lower.at) return upper.value;
  return lower.value + ((upper.value - lower.value) * (q - lower.at)) / (upper.at - lower.at);
}

function ms(value: number): string {
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ms`;
}

function rate(side: Side): string {
  return side.summary.rate.toFixed(2);
}
