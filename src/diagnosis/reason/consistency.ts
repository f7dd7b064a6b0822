import type { Gap } from '../diagnosis.ts';
import type { CaseFile } from './case-file.ts';
import { INCIDENT } from './places/calls.ts';
import type { Operation } from './places/operations.ts';
import { LEAST_REQUESTS } from './symptom.ts';
import { LEAST_CONFIDENCE } from './thresholds.ts';

/** Clocks of one network agree to milliseconds, and sums of durations to a few percent. */
const LONGER = 1.1;
/** A retry now and then is still one call at a time. */
const ONE_AT_A_TIME = 1.2;
/** Below this part of the time it is an oddity of one operation, not of the data. */
const MOST_INCONSISTENT = 0.1;
/** Just no answer. */
export const UNSURE = LEAST_CONFIDENCE - 0.01;

/**
 * True for an operation that lasts longer than all that called it, one call at a time: nobody can have waited for it.
 * It runs on after its caller has answered, or their clocks don't agree.
 */
export function outlivesCallers(operation: Operation): boolean {
  const own = operation.windows.get(INCIDENT);
  const parents = [...operation.parents].filter((parent) => parent !== operation);
  if (own === undefined || operation.isEntry || parents.length === 0) return false;
  let calls = 0;
  let time = 0;
  for (const parent of parents) {
    const window = parent.windows.get(INCIDENT);
    calls += window?.count ?? 0;
    time += window?.totalMs ?? 0;
  }
  return calls > 0 && own.count <= ONE_AT_A_TIME * calls && own.totalMs > LONGER * time;
}

/** Part of the incident's time, 0…1, in operations that nobody can have waited for. */
function inconsistentShare({ culprits }: CaseFile): number {
  let all = 0;
  let odd = 0;
  for (const operation of culprits.graph.operations) {
    const time = operation.windows.get(INCIDENT)?.totalMs ?? 0;
    all += time;
    if (outlivesCallers(operation)) odd += time;
  }
  return all > 0 ? odd / all : 0;
}

export function inconsistencyGap(file: CaseFile): Gap | null {
  const share = inconsistentShare(file);
  if (share <= MOST_INCONSISTENT) return null;
  return {
    what: 'Times that fit together',
    why: `${Math.round(share * 100)} % of the spans' time lies in operations that last longer than what called them: work that goes on after the answer, or clocks that don't agree.`,
    nextStep:
      'Check that hosts keep their time (NTP), and mark asynchronous work as producer and consumer spans.',
  };
}

/** Requests that conclusions rest on: the symptom's, or all there are where all were looked at. `before`: null without a baseline. */
export function requestsSeen(file: CaseFile): {
  readonly before: number | null;
  readonly after: number;
} {
  const { gathered, culprits, before, after } = file;
  if (gathered.scope === 'symptom') return { before: before?.requests ?? null, after: after.requests };
  const { requests, baselines } = culprits.graph;
  return {
    before:
      gathered.windows.baselines.length === 0
        ? null
        : baselines.reduce((sum, window) => sum + (requests.get(window) ?? 0), 0),
    after: requests.get(INCIDENT) ?? 0,
  };
}

/** Fewer requests before are no level at all (the places ask for as many). A few more let the absence of trouble be told. */
const NO_LEVEL = 5;

/** Whether there are enough requests on both sides for any answer at all. */
export function isEnough(file: CaseFile): boolean {
  const { before, after } = requestsSeen(file);
  return after >= LEAST_REQUESTS && (before === null || before >= NO_LEVEL);
}

/** The most that an answer may claim, 0…1: with too few requests on either side it is none, whatever the numbers say. */
export function mostConfidence(file: CaseFile): number {
  const { before, after } = requestsSeen(file);
  return Math.min(after, before ?? after) < LEAST_REQUESTS ? UNSURE : 1;
}
