import type { ChangeEvent, EvidenceId, RuledOut, Target } from '../diagnosis.ts';
import type { Gathered, StackChange } from '../gather/gathered.ts';
import { type Candidate, type CaseFile, type Findings, instancesIn } from './case-file.ts';
import { formatMs, quantities, quantity } from './evidence.ts';
import { confident, LEAST_CONFIDENCE } from './thresholds.ts';
import { baselineOf } from './windows.ts';

/** A change in the right place at the right time is a suspect, not a culprit: what it did is another cause's to show. */
const CONFIDENCE_NEAR = 0.4;
const CONFIDENCE_NEW_VERSION = 0.49;
/** Behind every mechanism that was measured. */
const SUSPECT = 1e-3;

/** Was something changed when it became slow? Every update is tested against the onset; being near is not enough. */
export function askChanges(file: CaseFile, found: readonly Candidate[]): Findings {
  const { onset, origin } = file.gathered.windows;
  const baseline = baselineOf(file.gathered.windows);
  const outside = outsideCause(file, found);
  const candidates: Candidate[] = [];
  const ruledOut: RuledOut[] = [];
  const target: Target = { service: file.symptom.service };
  const newVersion = onset === null ? null : findNewVersion(file);
  for (const change of file.gathered.updates) {
    if (change.update.kind !== 'update' || !touchedAnything(change)) continue;
    const done = change.update.end ?? change.update.start;
    if (done < file.gathered.lookback.start) continue;
    const evidence = describe(file, change);
    const reason =
      onset === null || baseline === null
        ? origin === 'asked'
          ? 'When it became slow is not known, so it can’t be tested against it.'
          : file.isSlow
            ? 'When it became slow could not be told, so it can’t be tested against it.'
            : 'Latency did not change, before or after it.'
        : change.update.start > onset.latest
          ? `It began ${formatMs(change.update.start - onset.time)} after the slowdown.`
          : done <= baseline.start
            ? 'All of the good time that is compared with came after it.'
            : newVersion === false
              ? 'The same versions ran before and after the onset.'
              : newVersion === null && done < onset.earliest - (onset.latest - onset.earliest)
                ? `Latency stayed as it was for ${formatMs(onset.earliest - done)} after it.`
                : outside;
    if (reason !== null) {
      ruledOut.push({
        kind: 'change',
        target,
        reason: `${titleOf(change)}: ${reason}`,
        evidence: [evidence],
      });
      continue;
    }
    candidates.push({
      kind: 'change',
      target,
      share: null,
      weight: newVersion === true ? SUSPECT : SUSPECT / 2,
      confidence: confident(newVersion === true ? CONFIDENCE_NEW_VERSION : CONFIDENCE_NEAR),
      evidence: [evidence, file.latencyEvidence],
      inStack: false,
    });
  }
  if (candidates.length === 0 && ruledOut.length === 0 && newVersion === false) {
    const rows = instancesIn(file.gathered, file.symptom.service, 'incident');
    ruledOut.push({
      kind: 'change',
      target,
      reason: `The same ${rows.length === 1 ? 'instance' : 'versions'} served requests before and after the onset.`,
      evidence: [file.latencyEvidence],
    });
  }
  return { candidates, ruledOut, gaps: [] };
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

/** Moments for the chart, in time order. */
export function changeEvents(gathered: Gathered): readonly ChangeEvent[] {
  const updates = gathered.updates
    .filter((change) => touchedAnything(change))
    .map(
      (change): ChangeEvent => ({
        time: change.update.end ?? change.update.start,
        kind: 'stack-update',
        title: titleOf(change),
      }),
    );
  const markers = gathered.markers.map((marker): ChangeEvent => ({ ...marker, kind: 'marker' }));
  const { start, end } = gathered.lookback;
  return [...updates, ...markers]
    .filter((event) => event.time >= start && event.time <= end)
    .sort((a, b) => a.time - b.time || (a.title < b.title ? -1 : 1));
}

/** True when a version or task revision of the symptom's service shows up with the incident; null when it can't be told. */
function findNewVersion(file: CaseFile): boolean | null {
  const versions = (window: 'incident' | 'baseline'): ReadonlySet<string> =>
    new Set(
      instancesIn(file.gathered, file.symptom.service, window)
        .filter((row) => row.count > 0 && (row.version !== null || row.revision !== null))
        .map((row) => JSON.stringify([row.version, row.revision])),
    );
  const before = versions('baseline');
  const after = versions('incident');
  if (before.size === 0 || after.size === 0) return null;
  return [...after].some((version) => !before.has(version));
}

function describe(file: CaseFile, change: StackChange): EvidenceId {
  const { update, stack } = change;
  return file.book.add({
    kind: 'change',
    subject: { service: file.symptom.service },
    summary: `${titleOf(change)} of stack ${stack}: ${Object.entries(update.changes)
      .filter(([, count]) => count > 0)
      .map(([operation, count]) => `${count} ${operation}`)
      .join(', ')}.`,
    window: { start: update.start, end: update.end ?? file.gathered.now },
    numbers: quantities(quantity('ended', update.end, 'epoch-ms')),
    n: 1,
    source: { from: 'stack', stack },
  });
}

function touchedAnything(change: StackChange): boolean {
  return Object.entries(change.update.changes).some(
    ([operation, count]) => operation !== 'same' && count > 0,
  );
}

function titleOf(change: StackChange): string {
  const { message, result } = change.update;
  const outcome = result === 'succeeded' ? '' : ` (${result})`;
  return `Update${message === '' ? '' : ` “${message}”`}${outcome}`;
}
