import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ProposalState } from '../../src/remediation/proposal.ts';
import { allows, nextState, type ProposalEvent } from '../../src/remediation/proposal-states.ts';

const EVENTS: readonly ProposalEvent[] = [
  'approve',
  'reject',
  'expire',
  'start-preview',
  'previewed',
  'preview-failed',
  'confirm',
  'start-apply',
  'applied',
  'apply-failed',
  'rollout-failed',
  'verified',
  'rolled-back',
];

test('whatever happens, an update is reached by approval, preview and confirmation alone, each anew', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), (events) => {
      let state: ProposalState = 'proposed';
      let since: ProposalEvent[] = [];
      for (const event of events) {
        if (!allows(state, event)) {
          const before = state;
          expect(() => nextState(before, event)).toThrow(/can't be/);
          continue;
        }
        state = nextState(state, event);
        since = event === 'approve' ? ['approve'] : [...since, event];
        if (state === 'applying') {
          expect(since).toEqual(['approve', 'start-preview', 'previewed', 'confirm', 'start-apply']);
        }
        if (state === 'applied') expect(since.slice(-2)).toEqual(['start-apply', 'applied']);
      }
    }),
    { numRuns: 2000 },
  );
});

test('what is rejected or rolled back stays so', () => {
  for (const state of ['rejected', 'rolled-back'] as const) {
    expect(EVENTS.filter((event) => allows(state, event))).toEqual([]);
  }
});
