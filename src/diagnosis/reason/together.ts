import type { CaseFile } from './case-file.ts';

/** Parts that all grew by this factor of the whole's growth, or less apart, grew together. */
const TOGETHER = 1.3;
/** Parts below this share of a request's time say nothing about growing together. */
const LEAST_PART = 0.05;

/** True when own work and at least one dependency slowed by about one factor: not one part, but the time itself. */
export function grewTogether(file: CaseFile): boolean {
  const whole = (file.before?.mean ?? 0) > 0 ? file.after.mean / (file.before?.mean ?? 1) : null;
  const parts = [...file.parts.processes, ...file.parts.dependencies, ...file.parts.calls].filter(
    (part) => part.before !== null && part.before >= LEAST_PART * (file.before?.mean ?? 0) && part.before > 0,
  );
  if (whole === null || parts.length < 2 || file.parts.dependencies.length === 0) return false;
  return parts.every((part) => {
    const ratio = part.after / (part.before ?? 1) / whole;
    return ratio <= TOGETHER && ratio >= 1 / TOGETHER;
  });
}
