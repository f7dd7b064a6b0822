import type { CaseFile } from './case-file.ts';
import { clamp } from './statistics.ts';
import { confident, weightOfCount } from './thresholds.ts';

/** A suspect blamed for twice as much as another is this power of two likelier to be the culprit. */
const SHARPNESS = 1.5;
/** What the kind rests on beside the right target: all that tells was read; most of it; or only the shape of the times. */
export type KindCertainty = 'sure' | 'likely' | 'guess';
const BY_CERTAINTY: Readonly<Record<KindCertainty, number>> = { sure: 0.97, likely: 0.88, guess: 0.45 };
/** One baseline window alone can't show how much healthy windows differ. */
const BY_BASELINES = [0, 0.85, 0.92, 0.97, 1] as const;

/** What each of several blamed is to be taken for the culprit, 0…1, from what they are blamed for. They add up to 1. */
export function likelihoods(weights: readonly number[]): readonly number[] {
  const most = Math.max(0, ...weights);
  if (most === 0) return weights.map(() => 0);
  const powers = weights.map((weight) => (weight / most) ** SHARPNESS);
  const total = powers.reduce((sum, one) => sum + one, 0);
  return powers.map((power) => power / total);
}

/** How sure an accusation is, 0…1. */
export function confidenceIn(
  file: CaseFile,
  found: { readonly likelihood: number; readonly certainty: KindCertainty; readonly share: number },
): number {
  const { baselines } = file.gathered.windows;
  const thin = weightOfCount(Math.min(file.after.requests, file.before?.requests ?? 0));
  const byBaselines = BY_BASELINES[Math.min(baselines.length, BY_BASELINES.length - 1)] ?? 1;
  const kind = BY_CERTAINTY[found.certainty];
  // What explains little of the slowdown leaves room for a culprit that was not seen.
  const explains = clamp(0.6 + found.share, 0, 1);
  return confident(found.likelihood * kind * thin * byBaselines * explains);
}
