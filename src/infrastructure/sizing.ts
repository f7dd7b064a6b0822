import { nextSize, smallestSize, type TaskSize } from './fargate.ts';

/**
 * Utilisation that a new size is chosen for, percent. Waiting grows as ρ / (1 − ρ): at 65 % a request waits about
 * 1.9 times its own work, at 90 % nine times; a third of the task stays free for bursts and for a lost neighbour.
 */
export const TARGET_UTILISATION = 65;

/** From here on (percent) a task is held back, so that utilisation says how much it got, not how much it wanted. */
export const SATURATED_UTILISATION = 95;

export interface SizingStep {
  readonly size: TaskSize;
  /** Percent of the new reservation that the measured use would be; null when the true demand is unknown. */
  readonly expectedUtilisation: number | null;
  readonly reasoning: readonly string[];
}

/** The smallest Fargate size that brings CPU down to the target, or null when there is no larger one. */
export function sizeForCpu(current: TaskSize, utilisationPercent: number): SizingStep | null {
  const used = (current.cpuUnits * utilisationPercent) / 100;
  const saturated = utilisationPercent >= SATURATED_UTILISATION;
  const wanted = (used * 100) / TARGET_UTILISATION;
  const size = nextSize(current, saturated ? Math.max(wanted, 2 * current.cpuUnits) : wanted);
  if (size === null) return null;
  const expected = (used * 100) / size.cpuUnits;
  const reasoning = [
    `Measured use is ${Math.round(used)} of ${current.cpuUnits} CPU units (${Math.round(utilisationPercent)} %).`,
    saturated
      ? `At ${SATURATED_UTILISATION} % and more the task is held back and its true demand is unknown, so the reservation is at least doubled.`
      : `${size.cpuUnits} units would put the same use at ${Math.round(expected)} %; the target is at most ${TARGET_UTILISATION} %.`,
  ];
  if (size.memoryMiB > current.memoryMiB) {
    reasoning.push(
      `Fargate's smallest memory for ${size.cpuUnits} units is ${size.memoryMiB} MiB, so memory rises with it.`,
    );
  }
  return { size, expectedUtilisation: saturated ? null : expected, reasoning };
}

/** The next size whose memory is at least half as large again, keeping CPU where Fargate allows; null at the top. */
export function sizeForMemory(current: TaskSize, utilisationPercent: number): SizingStep | null {
  const used = (current.memoryMiB * utilisationPercent) / 100;
  const wanted = Math.max(current.memoryMiB * 1.5, (used * 100) / TARGET_UTILISATION);
  const size = smallestSize({ cpuUnits: current.cpuUnits, memoryMiB: wanted });
  if (size === null) return null;
  return {
    size,
    expectedUtilisation: (used * 100) / size.memoryMiB,
    reasoning: [
      `Memory use is ${Math.round(used)} of ${current.memoryMiB} MiB (${Math.round(utilisationPercent)} %).`,
      `${size.memoryMiB} MiB would put the same use at ${Math.round((used * 100) / size.memoryMiB)} %.`,
    ],
  };
}
