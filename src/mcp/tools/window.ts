import { z } from 'zod';
import { Problem } from '../../problem.ts';
import type { TimeWindow } from '../../telemetry/query.ts';

/** Inputs that several tools share. */
export const lookbackInput = z
  .int()
  .min(1)
  .max(7 * 24 * 60)
  .optional();

export const cursorInput = z.string().max(32).optional();

export const nameInput = z.string().min(1).max(200);

/** A time interval as ISO 8601 writes it, `from/to`, with zones. */
export const intervalInput = z.string().max(80);

/** Epoch milliseconds. Throws a Problem for what is no interval. */
export function windowOf(interval: string): TimeWindow {
  const [start, end, ...more] = interval
    .split('/')
    .map((moment) => (ZONED.test(moment) ? Date.parse(moment) : Number.NaN));
  if (start !== undefined && end !== undefined && more.length === 0 && start < end) return { start, end };
  throw new Problem(
    'bad-input',
    'A time interval could not be read.',
    'Write it as from/to, like 2026-01-05T12:00Z/2026-01-05T12:30Z.',
  );
}

/** Without a zone a time means something else on each machine. */
const ZONED = /T.*(?:Z|[+-]\d\d:?\d\d)$/;

export function windowBefore(end: number, lookbackMinutes: number): TimeWindow {
  return { start: end - lookbackMinutes * 60_000, end };
}
