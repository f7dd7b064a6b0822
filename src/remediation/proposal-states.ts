import { Problem } from '../problem.ts';
import type { ProposalState } from './proposal.ts';

/**
 * What may follow what. An update of the stack is reached by one way alone:
 * approved → previewing → previewed → confirmed → applying.
 */
export type ProposalEvent =
  | 'approve'
  | 'reject'
  | 'expire'
  | 'start-preview'
  | 'previewed'
  | 'preview-failed'
  | 'confirm'
  | 'start-apply'
  | 'applied'
  | 'apply-failed'
  | 'rollout-failed'
  | 'verified'
  | 'rolled-back';

const TRANSITIONS: Readonly<Record<ProposalState, Readonly<Partial<Record<ProposalEvent, ProposalState>>>>> =
  {
    proposed: { approve: 'approved', reject: 'rejected' },
    approved: { 'start-preview': 'previewing', reject: 'rejected', expire: 'expired' },
    rejected: {},
    /** A new approval of the diff as it is now; the old one is void. */
    expired: { approve: 'approved', reject: 'rejected' },
    previewing: { previewed: 'previewed', 'preview-failed': 'failed', expire: 'expired' },
    previewed: { confirm: 'confirmed', reject: 'rejected', expire: 'expired' },
    confirmed: { 'start-apply': 'applying', reject: 'rejected', expire: 'expired' },
    applying: { applied: 'applied', 'apply-failed': 'failed', expire: 'expired' },
    applied: { verified: 'verified', 'rollout-failed': 'failed', 'rolled-back': 'rolled-back' },
    failed: { approve: 'approved', reject: 'rejected', 'rolled-back': 'rolled-back' },
    verified: { verified: 'verified', 'rolled-back': 'rolled-back' },
    'rolled-back': {},
  };

/** The state after an event; a Problem where the event is not allowed in this state. */
export function nextState(state: ProposalState, event: ProposalEvent): ProposalState {
  const next = TRANSITIONS[state][event];
  if (next === undefined) {
    throw new Problem(
      'refused',
      `A proposal that is ${WORDS[state]} can't be ${EVENT_WORDS[event]}.`,
      NEXT_STEPS[state],
    );
  }
  return next;
}

export function allows(state: ProposalState, event: ProposalEvent): boolean {
  return TRANSITIONS[state][event] !== undefined;
}

const WORDS: Readonly<Record<ProposalState, string>> = {
  proposed: 'waiting for review',
  approved: 'approved',
  rejected: 'rejected',
  expired: 'expired',
  previewing: 'being previewed',
  previewed: 'previewed',
  confirmed: 'confirmed',
  applying: 'being applied',
  applied: 'applied',
  failed: 'failed',
  verified: 'verified',
  'rolled-back': 'rolled back',
};

const EVENT_WORDS: Readonly<Record<ProposalEvent, string>> = {
  approve: 'approved',
  reject: 'rejected',
  expire: 'expired',
  'start-preview': 'previewed',
  previewed: 'previewed',
  'preview-failed': 'previewed',
  confirm: 'confirmed',
  'start-apply': 'applied',
  applied: 'applied',
  'apply-failed': 'applied',
  'rollout-failed': 'rolled out',
  verified: 'verified',
  'rolled-back': 'rolled back',
};

const NEXT_STEPS: Readonly<Record<ProposalState, string>> = {
  proposed: 'Open its diff and approve or reject it there.',
  approved: 'Wait for the preview.',
  rejected: 'Diagnose again for a new proposal.',
  expired: 'Open its diff and approve it anew.',
  previewing: 'Wait for the preview to end.',
  previewed: 'Look at the preview and confirm it.',
  confirmed: 'Wait for it to be applied.',
  applying: 'Wait for the update to end.',
  applied: 'Wait for the verification, or roll back.',
  failed: 'Read what failed; then approve the diff anew or roll back.',
  verified: 'Roll back if you want it undone.',
  'rolled-back': 'Diagnose again for a new proposal.',
};
