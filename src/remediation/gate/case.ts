import type { ProgressView, ProposalView } from '../../workflow/messages.ts';
import type { PreviewResult, Proposal, ProposalState, Verification } from '../proposal.ts';
import type { Approval } from './approval.ts';
import type { Bindings } from './digests.ts';
import type { WrittenFile } from './project-writes.ts';
import type { RolloutTarget } from './rollout.ts';

/** What a preview leaves for the update. */
export interface Previewed {
  readonly result: PreviewResult;
  readonly bindings: Bindings;
  /** Digest of the steps, which binds where no plan could be saved. */
  readonly stepsDigest: string;
  /** Private folder that holds the plan; removed when the case is done with it. */
  readonly dir: string;
  readonly planFile: string | null;
}

/** The ECS service that the update rolls over, and its deployments before that. */
export interface Rollout {
  readonly target: RolloutTarget;
  readonly known: ReadonlySet<string>;
}

/** One proposal on its way, in the memory of this window. */
export interface Case {
  readonly proposal: Proposal;
  /** Id of the proposal that this one turns back. */
  readonly reverses: string | null;
  state: ProposalState;
  approval: Approval | null;
  previewed: Previewed | null;
  /** What the update wrote; empty while nothing is. */
  written: readonly WrittenFile[];
  updateStartedAt: number | null;
  rollout: Rollout | null;
  rolloutWords: string | null;
  deployedAt: number | null;
  verification: Verification | null;
  problem: { readonly message: string; readonly nextStep: string } | null;
  progress: ProgressView | null;
  /** True while a preview, an update or a verification runs. */
  busy: boolean;
}

export function openCase(proposal: Proposal, reverses: string | null): Case {
  return {
    proposal,
    reverses,
    state: 'proposed',
    approval: null,
    previewed: null,
    written: [],
    updateStartedAt: null,
    rollout: null,
    rolloutWords: null,
    deployedAt: null,
    verification: null,
    problem: null,
    progress: null,
    busy: false,
  };
}

export function viewOf(one: Case): ProposalView {
  const approved = one.state === 'approved' || one.state === 'previewing' || one.state === 'previewed';
  return {
    proposal: one.proposal,
    state: one.state,
    preview: one.previewed?.result ?? null,
    verification: one.verification,
    problem: one.problem,
    progress: one.progress,
    approvalExpiresAt: approved || one.state === 'confirmed' ? (one.approval?.expiresAt ?? null) : null,
    rollout: one.rolloutWords,
    deployedAt: one.deployedAt,
    filesStand: one.written.length > 0,
  };
}
