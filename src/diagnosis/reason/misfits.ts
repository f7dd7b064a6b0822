import type { Gap } from '../diagnosis.ts';
import type { CaseFile } from './case-file.ts';
import { requestsSeen } from './consistency.ts';
import { formatRate } from './evidence.ts';
import { LEAST_REQUESTS } from './symptom.ts';
import { baselineOf } from './windows.ts';

/** Past a quarter of a day another hour's mix of requests is compared with; past a day, another day's. */
const ANOTHER_HOUR_MS = 6 * 3_600_000;
const ANOTHER_DAY_MS = 24 * 3_600_000;
/** At half the load queues, caches and connection pools behave differently. */
const ANOTHER_LOAD = 2;

/** Why the baseline is not what the incident should be compared with; each lowers the confidence. */
export function misfitsOf(file: CaseFile): readonly Gap[] {
  const { windows } = file.gathered;
  const { before } = requestsSeen(file);
  const baseline = baselineOf(windows);
  if (baseline === null || before === null) return [];
  const gaps: Gap[] = [];
  const distance = Math.max(windows.incident.start - baseline.end, baseline.start - windows.incident.end);
  if (distance >= ANOTHER_HOUR_MS) {
    const far =
      distance >= ANOTHER_DAY_MS
        ? `${Math.round(distance / ANOTHER_DAY_MS)} days`
        : `${Math.round(distance / 3_600_000)} hours`;
    gaps.push({
      what: 'A baseline of about the same time',
      why: `The good time lies ${far} away: versions, data and the mix of requests may differ for other reasons.`,
      nextStep: 'Compare with the time right before it became slow, or with the same hour of another day.',
    });
  }
  if (before < LEAST_REQUESTS) {
    gaps.push({
      what: 'A baseline with enough requests',
      why: `${Math.round(before)} requests carry no level to compare with; ${LEAST_REQUESTS} is the least.`,
      nextStep: 'Look back further.',
    });
  }
  return gaps;
}

/** Fewer requests than before lower no confidence: whoever waits for an answer asks less. But it may be the fault itself. */
export function fewerRequests({ gathered, before, after }: CaseFile): Gap | null {
  if (gathered.windows.baselines.length === 0 || before === null || before.requests < LEAST_REQUESTS)
    return null;
  if (!(before.rate > 0) || after.rate > before.rate / ANOTHER_LOAD) return null;
  return {
    what: 'A baseline under the same load',
    why: `Requests came at ${formatRate(after.rate)}, at ${formatRate(before.rate)} before: fewer people asked, or what is slow lets fewer through.`,
    nextStep: 'Compare what callers sent with what arrived, if that matters here.',
  };
}
