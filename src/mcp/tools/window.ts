import { z } from 'zod';
import type { TimeWindow } from '../../telemetry/query.ts';

/** Inputs that several tools share. */
export const lookbackInput = z
  .int()
  .min(1)
  .max(7 * 24 * 60)
  .optional();

export const cursorInput = z.string().max(32).optional();

export const nameInput = z.string().min(1).max(200);

export function windowBefore(end: number, lookbackMinutes: number): TimeWindow {
  return { start: end - lookbackMinutes * 60_000, end };
}
