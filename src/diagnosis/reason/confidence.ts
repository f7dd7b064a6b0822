import { FELT } from './places/culprits.ts';
import { clamp } from './statistics.ts';
import { confident } from './thresholds.ts';

/** What the kind rests on beside the right target: all that tells was read; most of it; or only the shape of the times. */
export type KindCertainty = 'sure' | 'likely' | 'guess';

/** What is known about an accusation when its confidence is asked for. */
export interface Signs {
  /** How the blame is divided: this suspect's part among all, 0…1. */
  readonly likelihood: number;
  readonly certainty: KindCertainty;
  /** The largest gain at its places as a part of a typical request. */
  readonly material: number;
  readonly baselines: number;
  /** Spans in the incident at the place that most rests on. */
  readonly spans: number;
  /** Ways in which the baseline is not what the incident should be compared with. */
  readonly misfits: number;
}

/** One weight for each of `features`. */
export type Weights = readonly number[];

/**
 * Fitted by logistic regression to the public incident data and to versions of it with less to go by (one or two
 * baseline windows, no metrics, no parents' durations); `npm run bench -- calibration` fits them anew and prints how
 * often answers are right that say so, cross-validated over cases.
 */
export const WEIGHTS: Weights = [-1.19, 0.9, 1.1, -0.46];

/** Half a chance in a hundred at either end: blame is never undivided. */
const MOST_EVEN = 0.005;

/** What confidence is made of, each about −2…3: a constant, how the blame is divided, the gain, few baselines. */
export function features(signs: Signs): readonly number[] {
  const part = clamp(signs.likelihood, MOST_EVEN, 1 - MOST_EVEN);
  return [
    1,
    Math.log(part / (1 - part)) / 2,
    clamp(Math.log(Math.max(signs.material, 1e-3) / FELT), -2, 3),
    signs.baselines >= 3 ? 0 : 1 - 0.5 * Math.max(0, signs.baselines - 1),
  ];
}

/**
 * What is known to make an answer softer and is too rare among the cases at hand to be fitted: a kind that something
 * speaks against (a machine that is not quite at its limit, or was not read), few spans, a baseline of another time or
 * load. Small, for that reason.
 */
export function knownDoubts(signs: Signs): number {
  const byKind = signs.certainty === 'likely' ? LIKELY : 0;
  return byKind + FEW_SPANS * (1 - clamp(signs.spans / 50, 0, 1)) + MISFIT * signs.misfits;
}

/**
 * A kind guessed from the shape of the times alone is right no more often than not. The public data say better, but
 * they hold only two kinds of slowness, so that guessing is easier there than elsewhere.
 */
const GUESSED = 0.5;
const LIKELY = -0.4;
const FEW_SPANS = -0.5;
const MISFIT = -0.4;

/** Chance that target and kind are both right, 0…1. */
export function chanceOf(signs: Signs, weights: Weights = WEIGHTS): number {
  const sum = features(signs).reduce((total, value, index) => total + value * (weights[index] ?? 0), 0);
  const kind = signs.certainty === 'guess' ? GUESSED : 1;
  return kind / (1 + Math.exp(-sum - knownDoubts(signs)));
}

/** How sure an accusation is, 0…1. What explains little of the slowdown leaves room for a culprit that was not seen. */
export function confidenceOf(signs: Signs, share: number): number {
  return confident(chanceOf(signs) * clamp(0.6 + share, 0, 1));
}

/** A suspect blamed for twice as much as another is this power of two likelier to be the culprit. */
const SHARPNESS = 1.5;

/** What each of several blamed is to be taken for the culprit, 0…1, from what they are blamed for. They add up to 1. */
export function likelihoods(weights: readonly number[]): readonly number[] {
  const most = Math.max(0, ...weights);
  if (most === 0) return weights.map(() => 0);
  const powers = weights.map((weight) => (weight / most) ** SHARPNESS);
  const total = powers.reduce((sum, one) => sum + one, 0);
  return powers.map((power) => power / total);
}
