import { SIZING_KINDS, type Verdict } from '../diagnosis.ts';
import type { Candidate, CaseFile } from './case-file.ts';
import { CPU_SATURATED } from './saturation.ts';
import { LEAST_CONFIDENCE } from './thresholds.ts';

/** More causes than this are a list of everything, not an answer. */
const MOST_CAUSES = 5;

/** Best first. */
export function rank(candidates: readonly Candidate[]): readonly Candidate[] {
  const identity = (candidate: Candidate): string => JSON.stringify([candidate.kind, candidate.target]);
  return [...candidates]
    .sort((a, b) => b.weight - a.weight || (identity(a) < identity(b) ? -1 : 1))
    .slice(0, MOST_CAUSES);
}

/** What the ranked causes come to. */
export function decide(file: CaseFile, ranked: readonly Candidate[]): Verdict {
  const sure = ranked.filter((candidate) => candidate.confidence >= LEAST_CONFIDENCE);
  const [top] = sure;
  if (top === undefined) {
    // Slow for a reason that nothing shows, or with a suspicion that is no better than a guess.
    return file.isSlow || file.gathered.windows.origin === 'shift' || ranked.length > 0 || isSilent(file)
      ? 'undetermined'
      : 'nothing-wrong';
  }
  // A machine that is too small is infrastructure's matter, even where something outside is slow as well.
  if (sure.some((candidate) => SIZING_KINDS.has(candidate.kind))) return 'cause';
  if (top.kind === 'dependency' && !top.inStack) return 'infrastructure-is-not-the-cause';
  if ((top.kind === 'application' || top.kind === 'errors') && machinesHaveRoom(file)) {
    return 'infrastructure-is-not-the-cause';
  }
  return 'cause';
}

/** Telemetry may be held back on its way for a minute (tail sampling waits for whole traces); twice that is an outage until told otherwise. */
const SILENT_MS = 120_000;

function isSilent({ silence }: CaseFile): boolean {
  return silence !== null && silence.window.end - silence.window.start >= SILENT_MS;
}

/** True when every machine on the way was read and none of them is near its limit. */
function machinesHaveRoom(file: CaseFile): boolean {
  const machines = [...file.machines.values()];
  return (
    machines.length > 0 &&
    machines.every((machine) => machine.cpu !== null && (machine.cpu.after ?? 100) < CPU_SATURATED)
  );
}
