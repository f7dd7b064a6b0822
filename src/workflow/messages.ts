import type { Diagnosis, LatencyPoint } from '../diagnosis/diagnosis.ts';
import type { PreviewResult, Proposal, ProposalState, Verification } from '../remediation/proposal.ts';

/** What the panel shows and what it may ask for: the only thing the webview shares with the rest, and types alone. */

export type WorkflowPhase = 'idle' | 'diagnosing' | 'diagnosed' | 'failed';

export interface ProblemView {
  readonly message: string;
  readonly nextStep: string;
}

export interface ProgressView {
  readonly label: string;
  /** 0…1, or null when it can't be told. */
  readonly fraction: number | null;
}

export interface ProposalView {
  readonly proposal: Proposal;
  readonly state: ProposalState;
  readonly preview: PreviewResult | null;
  readonly verification: Verification | null;
  readonly problem: ProblemView | null;
  readonly progress: ProgressView | null;
  /** Epoch milliseconds when a running approval expires. */
  readonly approvalExpiresAt: number | null;
  /** Rollout in words while it is watched. */
  readonly rollout: string | null;
  /** Epoch milliseconds when the deployment was complete; the line on the chart. */
  readonly deployedAt: number | null;
  /** Whether the files are written as approved, be it by an update that failed: then the way back is to roll back. */
  readonly filesStand: boolean;
  /** Latency since the diagnosis, while the rollout is watched and verified: the chart goes on with it. */
  readonly latencySince?: readonly LatencyPoint[];
}

export interface PanelState {
  readonly phase: WorkflowPhase;
  readonly progress: ProgressView | null;
  readonly problem: ProblemView | null;
  readonly diagnosis: Diagnosis | null;
  /** The diagnosis in sentences, made from the structure (plain text). */
  readonly narrative: { readonly headline: string; readonly sentences: readonly string[] } | null;
  /** Proposals of this window, newest first; those made through MCP show up here too. */
  readonly proposals: readonly ProposalView[];
  readonly sources: { readonly telemetry: string; readonly metrics: string; readonly stack: string };
}

export type PanelMessage = { readonly type: 'state'; readonly state: PanelState };

export type PanelCommand =
  | { readonly type: 'ready' }
  | { readonly type: 'diagnose' }
  | { readonly type: 'cancel' }
  | { readonly type: 'openDiff'; readonly proposalId: string }
  | { readonly type: 'confirm'; readonly proposalId: string }
  | { readonly type: 'discard'; readonly proposalId: string }
  | { readonly type: 'verify'; readonly proposalId: string }
  | { readonly type: 'rollBack'; readonly proposalId: string }
  | { readonly type: 'openResource'; readonly urn: string }
  | { readonly type: 'openEvidence'; readonly evidenceId: string }
  | { readonly type: 'openSettings' };

/** The shapes that the states above are made of, so that the webview needs to know this file alone. */
export type * from '../diagnosis/diagnosis.ts';
export type * from '../remediation/proposal.ts';
