import type { CallRow, Gathered } from '../gather/gathered.ts';
import { groupBy } from './grouping.ts';
import { isPlausible, median, robustSpread } from './statistics.ts';
import { LEAST_REQUESTS, MATERIAL_RATIO, STEP_TO_NOISE } from './symptom.ts';
import { isBaseline } from './windows.ts';

/** Medians of healthy windows wander by an eighth where too few windows tell how much (logarithm). */
const LEAST_NOISE = 0.135;

/**
 * Whether the typical request of the symptom became slower between windows that were asked for: half as long again, and
 * by more than three times what the good windows differ by. In windows that were found it did, or they would be others.
 */
export function entranceShifted({ calls, symptom, windows }: Gathered): boolean {
  if (windows.origin !== 'asked') return windows.origin === 'shift';
  const entries = (calls?.rows ?? []).filter(
    (row) =>
      row.service === symptom.service &&
      row.operation === symptom.operation &&
      (row.parentService === null || !symptom.isRoot) &&
      row.count > 0 &&
      isPlausible(row.p50) &&
      row.p50 > 0,
  );
  const typical = [...groupBy(entries, (row) => row.window)].flatMap(([window, rows]) => {
    const level = typicalRequest(rows);
    return level === null ? [] : [{ window, level }];
  });
  const now = typical.find(({ window }) => !isBaseline(window))?.level;
  const before = typical.filter(({ window }) => isBaseline(window)).map(({ level }) => level);
  if (now === undefined || before.length === 0) return false;
  const rise = now - median(before);
  const noise = Math.max(LEAST_NOISE, before.length > 2 ? robustSpread(before) : 0);
  return rise >= Math.log(MATERIAL_RATIO.p50) && rise >= STEP_TO_NOISE * noise;
}

/** Logarithm of the median duration; null for too few requests. */
function typicalRequest(rows: readonly CallRow[]): number | null {
  const count = rows.reduce((sum, row) => sum + row.count, 0);
  if (count < LEAST_REQUESTS) return null;
  return Math.log(rows.reduce((sum, row) => sum + row.p50 * row.count, 0) / count);
}
