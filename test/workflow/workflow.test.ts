import { expect, test } from 'vitest';
import type { Diagnosis } from '../../src/diagnosis/diagnosis.ts';
import type { StackSource } from '../../src/infrastructure/model.ts';
import { Problem } from '../../src/problem.ts';
import type { Proposal } from '../../src/remediation/proposal.ts';
import type { TelemetryStore } from '../../src/telemetry/query.ts';
import type { PanelState, ProposalView } from '../../src/workflow/messages.ts';
import { createWorkflow, type EnginePort, type GatePort } from '../../src/workflow/workflow.ts';

const diagnosis = { id: 'dg_1', symptom: null, evidence: [], workloads: [] } as unknown as Diagnosis;
const proposal = { id: 'pr_1', title: 'More CPU' } as unknown as Proposal;
const request = { lookbackMinutes: 10 };
const never = new AbortController().signal;

function rig(engine: Partial<EnginePort> = {}) {
  const calls: string[] = [];
  const views: ProposalView[] = [];
  const listeners = new Set<() => void>();
  const note = async (call: string) => void calls.push(call);
  const gate: GatePort = {
    views,
    onDidChange: (listener) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
    async submit(given) {
      calls.push(`submit ${given.id}`);
      views.push({ proposal: given, state: 'proposed' } as unknown as ProposalView);
      for (const listener of listeners) listener();
    },
    files: async () => [],
    approve: (id, sha) => note(`approve ${id} ${sha}`),
    reject: (id) => void calls.push(`reject ${id}`),
    preview: (id) => note(`preview ${id}`),
    confirm: (id, typed) => note(`confirm ${id} ${typed ?? ''}`.trim()),
    apply: (id) => note(`apply ${id}`),
    verify: (id) => note(`verify ${id}`),
    rollBack: async () => ({ ...proposal, id: 'pr_back' }),
  };
  const states: PanelState[] = [];
  const logged: string[] = [];
  const workflow = createWorkflow({
    telemetry: async () => ({ name: 'a store' }) as TelemetryStore,
    metrics: async () => null,
    stacks: async () => ({}) as StackSource,
    engine: async () => ({
      diagnose: async () => diagnosis,
      narrate: () => ({ headline: 'Slow.', sentences: [] }),
      propose: async () => null,
      ...engine,
    }),
    gate: async () => gate,
    dataset: () => '',
    log: (message) => logged.push(message),
  });
  workflow.onDidChange((state) => states.push(state));
  return { workflow, calls, states, logged };
}

test('a diagnosis goes through its phases and brings its proposal to the gate', async () => {
  const { workflow, calls, states } = rig({ propose: async () => proposal });
  await workflow.diagnose(request, never);
  expect([...new Set(states.map(({ phase }) => phase))]).toEqual(['diagnosing', 'diagnosed']);
  expect(workflow.state).toMatchObject({ progress: null, problem: null, narrative: { headline: 'Slow.' } });
  expect(calls).toEqual(['submit pr_1']);
  expect(workflow.proposal('pr_1')).toBe(proposal);
});

test('a patch that can’t be written leaves the diagnosis standing, with the reason beside it', async () => {
  const refusal = new Problem('unsupported', 'cpu comes from a loop.', 'Change it by hand.');
  const { workflow } = rig({ propose: () => Promise.reject(refusal) });
  await workflow.diagnose(request, never);
  expect(workflow.state.phase).toBe('diagnosed');
  expect(workflow.state.problem).toEqual({ message: refusal.message, nextStep: refusal.nextStep });
});

test('a failure says its cause and next step; trying again clears it', async () => {
  let first = true;
  const { workflow } = rig({
    diagnose: async () => {
      if (!first) return diagnosis;
      first = false;
      throw new Problem('unauthorized', 'The key is wrong.', 'Set another one.');
    },
  });
  await expect(workflow.diagnose(request, never)).rejects.toMatchObject({ code: 'unauthorized' });
  expect(workflow.state).toMatchObject({ phase: 'failed', problem: { nextStep: 'Set another one.' } });
  await workflow.diagnose(request, never);
  expect(workflow.state).toMatchObject({ phase: 'diagnosed', problem: null });
});

const untilAborted = (signal: AbortSignal) =>
  new Promise<Diagnosis>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Problem('cancelled', 'Cancelled.', 'Start again.')));
  });

test('cancelling is no failure', async () => {
  const { workflow } = rig({ diagnose: (_request, _sources, signal) => untilAborted(signal) });
  const stop = new AbortController();
  const running = workflow.diagnose(request, stop.signal);
  setTimeout(() => stop.abort(), 10);
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  expect(workflow.state).toMatchObject({ phase: 'idle', problem: null, progress: null });
});

test('a second question cancels the first and is the one that is shown', async () => {
  let asked = 0;
  const { workflow } = rig({
    diagnose: (_request, _sources, signal) => {
      asked += 1;
      return asked === 1 ? untilAborted(signal) : Promise.resolve({ ...diagnosis, id: 'dg_2' });
    },
  });
  const first = workflow.diagnose(request, never);
  await new Promise((resolve) => setTimeout(resolve, 10));
  await workflow.diagnose(request, never);
  await expect(first).rejects.toMatchObject({ code: 'cancelled' });
  expect(workflow.state.diagnosis?.id).toBe('dg_2');
  expect(workflow.state.phase).toBe('diagnosed');
});

test('approval previews; only the second yes applies, and then verifies', async () => {
  const { workflow, calls } = rig();
  await workflow.approve('pr_1', 'abc', never);
  expect(calls).toEqual(['approve pr_1 abc', 'preview pr_1']);
  await workflow.confirm('pr_1', 'lab', never);
  expect(calls.slice(2)).toEqual(['confirm pr_1 lab', 'apply pr_1', 'verify pr_1']);
});

test('the way back is a proposal like any other', async () => {
  const { workflow, calls } = rig();
  expect((await workflow.rollBack('pr_1')).id).toBe('pr_back');
  expect(calls).toEqual(['submit pr_back']);
});
