import type { Diagnosis } from '../diagnosis/diagnosis.ts';
import type { DiagnosisRequest } from '../diagnosis/gather/gather.ts';
import type { StackRef, StackSource } from '../infrastructure/model.ts';
import type { Edit, Proposal } from '../remediation/proposal.ts';
import type { Standing } from '../remediation/standing-store.ts';
import type { TelemetryStore } from '../telemetry/query.ts';

/** What happens meanwhile, and how far it is: 0…1, or null when it can't be told. */
export type Progress = (label: string, fraction: number | null) => void;

/** What the tools ask of the rest of Plumbline. Reads, and one thing more: leaving a proposal for a person. */
export interface Runtime {
  telemetry(): Promise<TelemetryStore>;
  /** The dataset that is asked. */
  readonly dataset: string;
  /** How far to look back when the caller doesn't say, minutes. */
  readonly lookbackMinutes: number;
  /** Full or short name of the stack that is meant when the caller names none. */
  readonly defaultStack?: string | undefined;
  /** Takes credentials out of a text; every text that leaves goes through it. */
  redact(text: string): string;
  stacks(): Promise<StackSource>;
  diagnose(question: Question, signal: AbortSignal, progress: Progress): Promise<DiagnosisWithWords>;
  /** A diagnosis made earlier in this process; undefined once newer ones have pushed it out. */
  diagnosis(id: string): Diagnosis | undefined;
  /** The sizing patch of a diagnosis; a Problem where the diagnosis gives no ground for one. */
  proposeSizing(diagnosis: Diagnosis, client: string, signal: AbortSignal): Promise<Proposal>;
  /** A patch from edits that a model wrote, checked strictly against the files. */
  proposeEdits(request: EditsRequest, client: string, signal: AbortSignal): Promise<Proposal>;
  /** Where a proposal stands; undefined when there is none of that id. */
  proposal(id: string, signal: AbortSignal): Promise<ProposalStanding | undefined>;
  now(): number;
}

/** What is to be diagnosed; without a service, the worst operation of all. */
export type Question = DiagnosisRequest;

export interface DiagnosisWithWords {
  readonly diagnosis: Diagnosis;
  readonly headline: string;
  readonly sentences: readonly string[];
}

export interface EditsRequest {
  readonly stack: StackRef;
  readonly title: string;
  readonly rationale: readonly string[];
  /** Without `baseSha256` an edit stands on the file as it is now. */
  readonly edits: readonly (Omit<Edit, 'baseSha256'> & { readonly baseSha256?: string | undefined })[];
  readonly diagnosis?: Diagnosis | undefined;
  /** Where the effect is measured when no diagnosis says it. */
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
}

/** A proposal and what the window has done with it; written by the window, read here. */
export interface ProposalStanding extends Standing {
  /** False while no window has taken it in from the inbox. */
  readonly seenByWindow: boolean;
}
