import type { Diagnosis, Evidence } from '../diagnosis/diagnosis.ts';
import type { StackRef, StackResource, StackSnapshot, StackUpdate } from '../infrastructure/model.ts';
import type { Proposal } from '../remediation/proposal.ts';
import type { TimeWindow } from '../telemetry/query.ts';
import type { PanelState } from './messages.ts';

/** What the faces (Command Palette, trees, panel, MCP) ask of the one path. They hold no logic of their own. */

export interface DiagnoseRequest {
  /** How far to look back from now, minutes. */
  readonly lookbackMinutes: number;
  /** Limits the question to one service; without it the worst root operation is taken. */
  readonly service?: string;
  readonly operation?: string;
}

export interface OperationRow {
  readonly service: string;
  readonly operation: string;
  readonly count: number;
  readonly errors: number;
  /** Milliseconds. */
  readonly p95: number;
  /** P95 of the window's second half over that of its first; null when there are too few spans. */
  readonly trend: number | null;
}

/** One file of a proposal, as it is and as it would be; what the diff editor shows. */
export interface ProposedFile {
  /** Relative to the project's folder. */
  readonly file: string;
  readonly absolutePath: string;
  readonly before: string;
  readonly after: string;
}

export interface Disposable {
  dispose(): void;
}

export interface Workflow extends Disposable {
  readonly state: PanelState;
  onDidChange(listener: (state: PanelState) => void): Disposable;

  diagnose(request: DiagnoseRequest, signal: AbortSignal): Promise<Diagnosis>;
  evidence(id: string): Evidence | undefined;

  operations(window: TimeWindow, signal?: AbortSignal): Promise<readonly OperationRow[]>;
  stacks(signal?: AbortSignal): Promise<readonly StackRef[]>;
  snapshot(stack: StackRef, signal?: AbortSignal): Promise<StackSnapshot>;
  updates(stack: StackRef, signal?: AbortSignal): Promise<readonly StackUpdate[]>;
  resource(urn: string): { readonly stack: StackRef; readonly resource: StackResource } | undefined;

  proposal(id: string): Proposal | undefined;
  /** Takes in a proposal from elsewhere (the MCP inbox); what does not hold against the files is refused with a Problem. */
  submit(proposal: Proposal): Promise<void>;
  proposedFiles(id: string): Promise<readonly ProposedFile[]>;
  /** Only ui/review calls this, for a person's click beside the very diff whose SHA-256 is given. Runs the preview afterwards. */
  approve(id: string, shownDiffSha256: string, signal: AbortSignal): Promise<void>;
  reject(id: string): Promise<void>;
  /** The second yes, after the preview. `typed` is what the person typed where the preview wants that. Applies, watches, verifies. */
  confirm(id: string, typed: string | undefined, signal: AbortSignal): Promise<void>;
  /** Watches and verifies again what is applied, where that was cut short. */
  verify(id: string, signal: AbortSignal): Promise<void>;
  /** Makes the reverse proposal, to go through the same gate. */
  rollBack(id: string): Promise<Proposal>;
}
