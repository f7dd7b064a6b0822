import type { TimeWindow } from '../../telemetry/query.ts';
import type { Bin } from './bins.ts';

/** Requests that should have come and did not. */
export interface Silence {
  readonly window: TimeWindow;
  readonly expected: number;
}

/**
 * Spans arrive late without anything being wrong: OpenTelemetry's batch processor sends every 5 s, and a collector on
 * the way may do the same once more. Three times as long is no batch.
 */
const LEAST_SILENCE_MS = 15_000;
/** Of 20 requests that come at random none comes by chance once in 500 million times (e⁻²⁰). */
const LEAST_EXPECTED = 20;
/** Traffic with pauses of its own: a silence is longer than the longest by this factor. */
const LONGER_THAN_PAUSES = 3;

/** The end of the look-back when nothing more came in though it should have: what is slow, or dead, may be silent. */
export function silenceAfter(bins: readonly Bin[], lookback: TimeWindow): Silence | null {
  const [first, last] = [bins[0], bins.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const window = { start: last.end, end: lookback.end };
  const silent = window.end - window.start;
  const requests = bins.reduce((sum, { count }) => sum + count, 0);
  const expected = (requests / (last.end - first.start)) * silent;
  const pauses = bins.slice(1).map(({ start }, index) => start - (bins[index]?.end ?? start));
  const isSilent =
    silent >= LEAST_SILENCE_MS &&
    expected >= LEAST_EXPECTED &&
    silent > LONGER_THAN_PAUSES * Math.max(0, ...pauses);
  return isSilent ? { window, expected } : null;
}
