import type { Workload } from '../../infrastructure/model.ts';
import type { CauseKind, EvidenceId, Gap, RuledOut, Symptom, Target } from '../diagnosis.ts';
import type { Gathered, InstanceRow } from '../gather/gathered.ts';
import type { Bin } from './bins.ts';
import type { ClassifiedNode, Parts } from './classify.ts';
import type { EvidenceBook } from './evidence.ts';
import type { CallTree } from './localise.ts';
import type { Culprits } from './places/culprits.ts';
import type { Dependency } from './places/dependencies.ts';
import type { Utilisation } from './saturation.ts';
import type { Silence } from './silence.ts';
import { isBaseline } from './windows.ts';

/** Everything that was worked out from the gathered numbers, for the questions that follow. */
export interface CaseFile {
  readonly gathered: Gathered;
  readonly tree: CallTree;
  readonly classified: readonly ClassifiedNode[];
  readonly parts: Parts;
  readonly symptom: Symptom;
  /** Requests of the symptom's operation; errors among them. */
  readonly before: WindowTotals | null;
  readonly after: WindowTotals;
  /** Mean milliseconds that a request takes longer; null without a baseline, and when it takes no longer. */
  readonly growth: number | null;
  /** Requests are slower, at the entrance or at some place that few of them pass. */
  readonly isSlow: boolean;
  readonly culprits: Culprits;
  /** What sends no spans of its own, by the key that stands for it among the culprits. */
  readonly dependencies: ReadonlyMap<string, Dependency>;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly latencyEvidence: EvidenceId;
  /** The symptom's latency over time, pooled. */
  readonly bins: readonly Bin[];
  /** At the end of the look-back. Null also where windows were asked for: what comes after them is nobody's. */
  readonly silence: Silence | null;
  readonly book: EvidenceBook;
}

export interface WindowTotals {
  readonly requests: number;
  readonly errors: number;
  /** Requests a second. */
  readonly rate: number;
  /** Mean milliseconds of a request. */
  readonly mean: number;
}

/** What a service runs on, as far as it could be read. */
export interface Machine {
  readonly service: string;
  readonly workload: Workload | null;
  readonly cpu: Utilisation | null;
  readonly memory: Utilisation | null;
  readonly cpuEvidence: EvidenceId | null;
  readonly memoryEvidence: EvidenceId | null;
  readonly reservationEvidence: EvidenceId | null;
}

/** A cause that was tested and held. */
export interface Candidate {
  readonly kind: CauseKind;
  readonly target: Target;
  readonly share: number | null;
  readonly confidence: number;
  /** What it is blamed for, comparable between causes of one kind of question; only the order counts. */
  readonly weight: number;
  readonly evidence: readonly EvidenceId[];
  /** True when what it names is a resource of the stack, so that infrastructure can be its remedy. */
  readonly inStack: boolean;
}

/** What one question to the case file gave. */
export interface Findings {
  readonly candidates: readonly Candidate[];
  readonly ruledOut: readonly RuledOut[];
  readonly gaps: readonly Gap[];
}

export function instancesIn(
  gathered: Gathered,
  service: string,
  when: 'incident' | 'baseline',
): readonly InstanceRow[] {
  return (gathered.instances?.rows ?? []).filter(
    (row) => row.service === service && isBaseline(row.window) === (when === 'baseline'),
  );
}
