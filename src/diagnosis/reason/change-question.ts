import type { EvidenceId, RuledOut, Target } from '../diagnosis.ts';
import { type Candidate, type CaseFile, type Findings, instancesIn } from './case-file.ts';
import { formatMs } from './evidence.ts';
import { type Moment, momentsOf } from './moments.ts';
import { confident, LEAST_CONFIDENCE } from './thresholds.ts';
import {
  compareVersions,
  describeNewVersion,
  findNewVersion,
  type VersionComparison,
} from './version-comparison.ts';
import { baselineOf } from './windows.ts';

/** A change in the right place at the right time is a suspect, not a culprit: what it did is another cause's to show. */
const CONFIDENCE_NEAR = 0.4;
const CONFIDENCE_NEW_VERSION = 0.49;
/** Both versions ran side by side and only the new one is slow: little else differs between them. */
const CONFIDENCE_COMPARED = 0.8;
/** Behind every mechanism that was measured. */
const SUSPECT = 1e-3;

/** Was something changed when it became slow? Every change is tested against the onset; being near is not enough. */
export function askChanges(file: CaseFile, found: readonly Candidate[]): Findings {
  const accused: EvidenceId[] = [];
  const ruledOut: RuledOut[] = [];
  const target: Target = { service: file.symptom.service };
  const { onset } = file.gathered.windows;
  const seen: Seen = {
    outside: outsideCause(file, found),
    newVersion: onset === null ? null : findNewVersion(file),
    compared: onset === null ? null : compareVersions(file),
  };
  const tested = seen.compared === null ? [] : [seen.compared.evidence];
  for (const moment of momentsOf(file.gathered)) {
    if (moment.end < file.gathered.lookback.start || moment.start > file.gathered.lookback.end) continue;
    const evidence = [moment.describe(file), ...tested];
    const innocent = whyInnocent(file, moment, seen);
    if (innocent === null) accused.push(...evidence);
    else ruledOut.push({ kind: 'change', target, reason: `${moment.title}: ${innocent}`, evidence });
  }
  if (seen.newVersion === true && accused.length === 0 && ruledOut.length === 0) {
    const fresh = describeNewVersion(file);
    if (fresh !== null) accused.push(fresh, ...tested);
  }
  if (accused.length === 0 && ruledOut.length === 0 && seen.newVersion === false) {
    const rows = instancesIn(file.gathered, file.symptom.service, 'incident');
    ruledOut.push({
      kind: 'change',
      target,
      reason: `The same ${rows.length === 1 ? 'instance' : 'versions'} served requests before and after the onset.`,
      evidence: [file.latencyEvidence],
    });
  }
  return { candidates: accuse(file, target, seen, accused), ruledOut, gaps: [] };
}

/** Updates and markers that may have done it are often the same deploy, told twice: one accusation. */
function accuse(
  file: CaseFile,
  target: Target,
  { newVersion, compared }: Seen,
  evidence: readonly EvidenceId[],
): readonly Candidate[] {
  if (evidence.length === 0) return [];
  const confidence =
    compared?.verdict === 'new-is-slower'
      ? CONFIDENCE_COMPARED
      : newVersion === true
        ? CONFIDENCE_NEW_VERSION
        : CONFIDENCE_NEAR;
  return [
    {
      kind: 'change',
      target,
      share: null,
      weight: newVersion === true ? SUSPECT : SUSPECT / 2,
      confidence: confident(confidence),
      evidence: [...new Set([...evidence, file.latencyEvidence])],
      inStack: false,
    },
  ];
}

/** What all changes are tested against, beside the onset. */
interface Seen {
  /** Why no deploy of this service can have done it. */
  readonly outside: string | null;
  /** Null where versions can't be told. */
  readonly newVersion: boolean | null;
  readonly compared: VersionComparison | null;
}

/** Null for a change that may have done it. */
function whyInnocent(file: CaseFile, { start, end }: Moment, seen: Seen): string | null {
  const { onset, origin } = file.gathered.windows;
  const baseline = baselineOf(file.gathered.windows);
  if (onset === null || baseline === null) {
    if (origin === 'asked') return 'When it became slow is not known, so it can’t be tested against it.';
    return file.isSlow
      ? 'When it became slow could not be told, so it can’t be tested against it.'
      : 'Latency did not change, before or after it.';
  }
  if (start > onset.latest) return `It began ${formatMs(start - onset.time)} after the slowdown.`;
  if (end <= baseline.start) return 'All of the good time that is compared with came after it.';
  if (seen.newVersion === false) return 'The same versions ran before and after the onset.';
  if (seen.compared !== null && seen.compared.verdict !== 'new-is-slower') {
    const { fresh, old } = seen.compared;
    return `The version from before runs beside the new one and is no faster: ${formatMs(old)} and ${formatMs(fresh)} a span.`;
  }
  if (seen.newVersion === null && end < onset.earliest - (onset.latest - onset.earliest))
    return `Latency stayed as it was for ${formatMs(onset.earliest - end)} after it.`;
  return seen.outside;
}

/**
 * Why a deploy near the onset is innocent: what became slower answers outside of what was deployed, and is asked as
 * often as before. Null where that is not so.
 */
function outsideCause(file: CaseFile, found: readonly Candidate[]): string | null {
  const [first] = [...found].sort((a, b) => b.weight - a.weight);
  if (first?.kind !== 'dependency' || first.confidence < LEAST_CONFIDENCE) return null;
  const asksMore = file.culprits.suspects.some(({ moreCalls }) => moreCalls > 0);
  return asksMore
    ? null
    : `What became slower is ${first.target.dependency ?? 'a dependency'}, which it does not run, and which is called no more often than before.`;
}
