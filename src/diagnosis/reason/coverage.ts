import type { Gap } from '../diagnosis.ts';
import type { CaseFile } from './case-file.ts';
import { inconsistencyGap, requestsSeen } from './consistency.ts';
import { fewerRequests, misfitsOf } from './misfits.ts';
import { findShift, LEAST_REQUESTS } from './symptom.ts';

/** Orphans above this part of the spans' time make the tree a guess. */
const MOST_ORPHANS = 0.1;

/** What is too thin or missing in what was read, for conclusions to rest on. */
export function gapsOf(file: CaseFile): readonly Gap[] {
  const { gathered, tree, after, silence } = file;
  const gaps: Gap[] = [];
  const seen = requestsSeen(file).after;
  if (seen < LEAST_REQUESTS) {
    gaps.push({
      what: `Requests of ${gathered.symptom.operation}: only ${Math.round(seen)}`,
      why: `Fewer than ${LEAST_REQUESTS} requests carry no conclusion.`,
      nextStep: 'Look back further, or wait for more traffic.',
    });
  }
  gaps.push(...misfitsOf(file));
  const fewer = fewerRequests(file);
  if (fewer !== null) gaps.push(fewer);
  const { origin } = gathered.windows;
  if ((origin === 'none' || origin === 'slices') && !file.isSlow && after.requests >= LEAST_REQUESTS) {
    gaps.push({
      what: 'What was before',
      why: 'Latency stayed on one level for as far back as was asked, so only what is absolute (a machine at its limit, failing requests) can be told.',
      nextStep: 'If it has been slow for longer, look back to a time when it was not.',
    });
  }
  const inconsistency = inconsistencyGap(file);
  if (inconsistency !== null) gaps.push(inconsistency);
  if (silence !== null) {
    const length = (silence.window.end - silence.window.start) / 1000;
    gaps.push({
      what: `Requests since ${new Date(silence.window.start).toISOString()}`,
      why: `Nothing of ${gathered.symptom.operation} came in during the last ${Math.round(length)} s, where some ${Math.round(silence.expected)} requests were to be expected: nobody asked, or what answers hangs, is gone, or can’t report.`,
      nextStep: 'Check that its tasks run and that its exporter reaches the store.',
    });
  }
  const passed = origin === 'shift' || origin === 'asked' ? null : findShift(file.bins).passed;
  if (passed !== null) {
    gaps.push({
      what: 'A slow period that is over',
      why: `It lasted from ${new Date(passed.start).toISOString()} to ${new Date(passed.end).toISOString()}; this answer is about now.`,
      nextStep: 'Ask again with a time range that ends before it was over.',
    });
  }
  if (tree.orphanShare > MOST_ORPHANS) {
    gaps.push({
      what: 'Parents of some spans',
      why: `${Math.round(tree.orphanShare * 100)} % of the spans' time hangs below spans that were never received.`,
      nextStep: 'Check that every service on the way exports its spans and samples alike.',
    });
  }
  return gaps;
}
