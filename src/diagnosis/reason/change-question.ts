import type { EvidenceId, Gap, RuledOut, Target } from '../diagnosis.ts';
import { type Candidate, type CaseFile, type Findings, instancesIn } from './case-file.ts';
import { formatMs } from './evidence.ts';
import { type Moment, momentsOf } from './moments.ts';
import { confident, LEAST_CONFIDENCE, SUSPECT } from './thresholds.ts';
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

/**
 * Was something changed when it became slow? Every change is tested against the onset, and against the versions of the
 * service that is blamed; being near is not enough, and what can't be tested is no more cleared than accused.
 */
export function askChanges(file: CaseFile, found: readonly Candidate[]): Findings {
  const accused: EvidenceId[] = [];
  const ruledOut: RuledOut[] = [];
  const untested: string[] = [];
  const seen = lookAtVersions(file, found);
  const target: Target = { service: seen.service };
  const tested = seen.compared === null ? [] : [seen.compared.evidence];
  for (const moment of momentsOf(file.gathered)) {
    if (moment.end < file.gathered.lookback.start || moment.start > file.gathered.lookback.end) continue;
    const outcome = test(file, moment, seen);
    if (outcome === 'untested') {
      untested.push(moment.title);
      continue;
    }
    const evidence = [moment.describe(file), ...tested];
    if (outcome === 'suspect') accused.push(...evidence);
    else ruledOut.push({ kind: 'change', target, reason: `${moment.title}: ${outcome.innocent}`, evidence });
  }
  const isSilent = accused.length === 0 && ruledOut.length === 0 && untested.length === 0;
  if (isSilent && seen.newVersion === true) {
    const fresh = describeNewVersion(file, seen.service);
    if (fresh !== null) accused.push(fresh, ...tested);
  }
  if (isSilent && seen.newVersion === false) {
    const rows = instancesIn(file.gathered, seen.service, 'incident');
    ruledOut.push({
      kind: 'change',
      target,
      reason: `The same ${rows.length === 1 ? 'instance' : 'versions'} of ${seen.service} served requests before and in the incident.`,
      evidence: [file.latencyEvidence],
    });
  }
  return {
    candidates: accuse(file, target, seen, accused),
    ruledOut,
    gaps: untested.length === 0 ? [] : [untestedGap(untested)],
  };
}

/** What all changes are tested against, beside the onset. */
interface Seen {
  /** Whose versions are looked at: who is blamed most, or the symptom's own service. */
  readonly service: string;
  /** Why no deploy can have done it. */
  readonly outside: string | null;
  /** Null where versions can't be told. */
  readonly newVersion: boolean | null;
  readonly compared: VersionComparison | null;
}

function lookAtVersions(file: CaseFile, found: readonly Candidate[]): Seen {
  const [leading] = [...found].sort((a, b) => b.weight - a.weight);
  const service = leading?.target.service ?? file.symptom.service;
  const own = findNewVersion(file, file.symptom.service);
  const blamed = service === file.symptom.service ? own : findNewVersion(file, service);
  // What nobody knows to be the same may be new.
  const newVersion = blamed === true || own === true ? true : blamed === null ? null : own;
  const changed = blamed !== true && own === true ? file.symptom.service : service;
  return {
    service: changed,
    outside: outsideCause(file, leading),
    newVersion,
    compared: file.isSlow ? compareVersions(file, changed) : null,
  };
}

function test(
  file: CaseFile,
  { start, end }: Moment,
  { outside, newVersion, compared, service }: Seen,
): 'suspect' | 'untested' | { readonly innocent: string } {
  const { onset } = file.gathered.windows;
  const baseline = baselineOf(file.gathered.windows);
  if (!file.isSlow && file.gathered.windows.origin !== 'asked')
    return { innocent: 'Latency did not change, before or after it.' };
  if (onset !== null && start > onset.latest)
    return { innocent: `It began ${formatMs(start - onset.time)} after the slowdown.` };
  if (start >= file.gathered.windows.incident.end) return { innocent: 'It began after the incident.' };
  if (baseline !== null && end <= baseline.start)
    return { innocent: 'All of the good time that is compared with came after it.' };
  if (newVersion === false)
    return { innocent: `The same versions of ${service} ran before and in the incident.` };
  if (compared !== null) {
    if (compared.verdict === 'new-is-slower') return 'suspect';
    const { fresh, old } = compared;
    return {
      innocent: `The version of ${service} from before runs beside the new one and is no faster: ${formatMs(old)} and ${formatMs(fresh)} a span.`,
    };
  }
  if (onset === null || baseline === null) return outside === null ? 'untested' : { innocent: outside };
  if (newVersion === null && end < onset.earliest - (onset.latest - onset.earliest))
    return { innocent: `Latency stayed as it was for ${formatMs(onset.earliest - end)} after it.` };
  return outside === null ? 'suspect' : { innocent: outside };
}

function untestedGap(titles: readonly string[]): Gap {
  const others = titles.length - MOST_TITLES;
  const named = `${titles.slice(0, MOST_TITLES).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
  return {
    what: 'Whether a change did it',
    why: `${named}: when it became slow could not be told, so nothing can be tested against it.`,
    nextStep: 'Look back to a time when it was not slow, so that the onset shows.',
  };
}

const MOST_TITLES = 3;

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

/**
 * Why a deploy near the onset is innocent: what became slower answers outside of what was deployed, and is asked as
 * often as before. Null where that is not so.
 */
function outsideCause(file: CaseFile, leading: Candidate | undefined): string | null {
  if (leading?.kind !== 'dependency' || leading.confidence < LEAST_CONFIDENCE) return null;
  const asksMore = file.culprits.suspects.some(({ moreCalls }) => moreCalls > 0);
  return asksMore
    ? null
    : `What became slower is ${leading.target.dependency ?? 'a dependency'}, which it does not run, and which is called no more often than before.`;
}
