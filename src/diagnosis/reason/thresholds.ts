import { clamp } from './statistics.ts';

/** Explaining less than this part of a slowdown is no cause: removing it would go unnoticed. */
export const LEAST_SHARE = 0.2;
/** An answer that is right less often than a coin is not given as one. */
export const LEAST_CONFIDENCE = 0.5;
/** No diagnosis from aggregates is certain. */
export const MOST_CONFIDENCE = 0.95;

/** Weight of what was there and may have done it: behind every mechanism that was measured. */
export const SUSPECT = 1e-3;

/** Few requests make every number softer: full weight from 50 on, where a median's standard error is under a fifth of the spread. */
export function weightOfCount(requests: number): number {
  return 0.6 + 0.4 * clamp(requests / 50, 0, 1);
}

export function confident(value: number): number {
  return Number(clamp(value, 0.05, MOST_CONFIDENCE).toFixed(2));
}

/** Part of the growth, held to 0…1 and cut to two digits. */
export function shareOf(part: number, growth: number | null): number | null {
  if (growth === null || !(growth > 0) || !Number.isFinite(part)) return null;
  return Number(clamp(part / growth, 0, 1).toFixed(2));
}
