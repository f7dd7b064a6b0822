import type { TimeWindow } from './query.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Honeycomb answers for windows of whole steps: up to 6 h of 1 min, up to 2 days of 5 min, beyond of 30 min. */
export function snapWindow(window: TimeWindow): TimeWindow {
  const length = window.end - window.start;
  const step = length <= 6 * HOUR ? MINUTE : length <= 48 * HOUR ? 5 * MINUTE : 30 * MINUTE;
  return { start: Math.floor(window.start / step) * step, end: Math.ceil(window.end / step) * step };
}
