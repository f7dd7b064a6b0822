import type { ProposalState } from '../workflow/messages.ts';
import { Icon } from './icons.tsx';

const steps = ['Proposed', 'Approved', 'Previewed', 'Confirmed', 'Applied', 'Verified'] as const;

/** How many steps are done in each state; the next one is under way or waits for the person. */
const done: { readonly [S in ProposalState]: number } = {
  proposed: 1,
  rejected: 1,
  expired: 1,
  failed: 1,
  approved: 2,
  previewing: 2,
  previewed: 3,
  confirmed: 4,
  applying: 4,
  applied: 5,
  verified: 6,
  'rolled-back': 6,
};

const stopped: ReadonlySet<ProposalState> = new Set(['rejected', 'expired', 'failed']);

/** The way of a change, and where this one stands on it. */
export function Stepper({
  state,
  reached,
}: {
  readonly state: ProposalState;
  readonly reached: ProposalState;
}) {
  const count = done[reached];
  return (
    <ol class="stepper" aria-label={`Progress: ${state}`}>
      {steps.map((step, index) => {
        const isDone = index < count;
        const isStopped = index === count && stopped.has(state);
        const kind = isDone ? 'done' : isStopped ? 'stopped' : index === count ? 'next' : 'later';
        return (
          <li
            key={step}
            class={kind}
            {...(kind === 'next' || kind === 'stopped' ? { 'aria-current': 'step' as const } : {})}
          >
            <span class="dot">
              {isDone && <Icon name="check" />}
              {isStopped && <Icon name="cross" />}
            </span>
            <span class="step-name">
              {step}
              {isDone && <span class="sr-only"> (done)</span>}
              {isStopped && <span class="sr-only"> ({state})</span>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
