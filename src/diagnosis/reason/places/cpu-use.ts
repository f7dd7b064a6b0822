import { clamp } from '../statistics.ts';

/** CPU of one service in per cent of what it may use: high in the incident, median before. */
export interface CpuUse {
  readonly now: number;
  readonly before: number;
}

/**
 * Waiting for a CPU grows with 1/(1 − utilisation): half as long again as the work at 60 %, six times at 85 %.
 * Degrees run between them.
 */
const CPU_WAITS = 60;
const CPU_FULL = 85;
/** A processor that was as busy before explains no change: from a fifth to a half more. */
const CPU_RISE = { least: 1.2, sure: 1.5 } as const;
/** 0…1: how far a processor's use speaks for a lack of it; 0 where it was not read. */
export function cpuDegree(use: CpuUse | undefined): number {
  if (use === undefined) return 0;
  const level = clamp((use.now - CPU_WAITS) / (CPU_FULL - CPU_WAITS), 0, 1);
  const rise = use.now / Math.max(use.before, 1);
  return level * clamp((rise - CPU_RISE.least) / (CPU_RISE.sure - CPU_RISE.least), 0, 1);
}
