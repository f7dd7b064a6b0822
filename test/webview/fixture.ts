import type { PreviewResult, Proposal, Verification } from '../../src/remediation/proposal.ts';
import type { PanelState, ProposalView } from '../../src/workflow/messages.ts';
import {
  diagnosis,
  end,
  latency,
  latencySince,
  operations,
  service,
  start,
  urn,
} from './fixture-diagnosis.ts';

/** The panel's faces over one case: what is proposed for it, and each point of its way. */

export const proposal: Proposal = {
  id: 'pr_8a1b2c3d4e5f',
  title: 'Raise the task of otel-ai-chatbot to 1024 CPU units and 2048 MiB',
  stack: {
    fqn: 'organization/otel-ai-chatbot-infra/lab',
    project: 'otel-ai-chatbot-infra',
    name: 'lab',
    backend: 'file:///workspace/state',
    projectDir: '/workspace/infra',
  },
  edits: [],
  changes: [
    { urn, property: 'cpu', before: '512', after: '1024' },
    { urn, property: 'memory', before: '1024', after: '2048' },
  ],
  kind: 'cpu',
  service,
  operation: 'POST /api/chat',
  rationale: [
    'CPU ran at 98.6 % of its reservation while latency grew, and the operations that compute grew most.',
    'Fargate gives 1024 CPU units no less than 2048 MiB, so memory goes up with it.',
  ],
  expected: {
    p95Before: 1681,
    p95After: 640,
    reasoning: ['At 1024 units the same work is 49 % of the reservation, which leaves no queue for the CPU.'],
  },
  cost: {
    before: 17.77,
    after: 35.55,
    basis: 'Fargate on demand in us-east-1, Linux x86, 1 task, 730 hours.',
  },
  risk: { level: 'low', reasons: ['A rolling deployment: two tasks run side by side for about a minute.'] },
  diff: [
    '--- a/index.ts',
    '+++ b/index.ts',
    '@@ -41,8 +41,8 @@',
    ' const task = new aws.ecs.TaskDefinition("otel-ai-chatbot-task", {',
    '   family: "otel-ai-chatbot",',
    '-  cpu: "512",',
    '-  memory: "1024",',
    '+  cpu: "1024",',
    '+  memory: "2048",',
    '   networkMode: "awsvpc",',
    '   requiresCompatibilities: ["FARGATE"],',
    '',
  ].join('\n'),
  diffSha256: '0'.repeat(64),
  origin: { by: 'diagnosis' },
  createdAt: end,
};

export const preview: PreviewResult = {
  steps: [
    {
      urn,
      type: 'aws:ecs/taskDefinition:TaskDefinition',
      name: 'otel-ai-chatbot-task',
      operation: 'replace',
      properties: [
        { path: 'cpu', before: '512', after: '1024', replaces: true },
        { path: 'memory', before: '1024', after: '2048', replaces: true },
      ],
    },
    {
      urn: urn.replaceAll('askDefinition', 'ervice'),
      type: 'aws:ecs/service:Service',
      name: 'otel-ai-chatbot-service',
      operation: 'update',
      properties: [
        {
          path: 'taskDefinition',
          before: 'arn:aws:ecs:us-east-1:000000000000:task-definition/otel-ai-chatbot:1',
          after: '(known after the update)',
          replaces: false,
        },
      ],
    },
  ],
  summary: { replace: 1, update: 1, same: 11 },
  diagnostics: [],
  needsTypedConfirmation: false,
  confirmationReasons: [],
  durationMs: 4210,
  binding: 'plan',
};

export const verification: Verification = {
  verdict: 'improved',
  before: { p50: 1002, p95: 1681, p99: 2360, count: 1152, errors: 3, rate: 1.92 },
  after: { p50: 438, p95: 602, p99: 730, count: 1147, errors: 0, rate: 1.91 },
  deployedAt: start + 63 * 60_000,
  windowSeconds: 600,
  sameLoad: true,
  notes: ['Compared over the root spans of POST /api/chat.'],
};

export const proposed: ProposalView = {
  proposal,
  state: 'proposed',
  preview: null,
  verification: null,
  problem: null,
  progress: null,
  approvalExpiresAt: null,
  rollout: null,
  deployedAt: null,
  filesStand: false,
};

export const sources = {
  telemetry: 'local collector · all datasets',
  metrics: 'CloudWatch, us-east-1',
  stack: 'organization/otel-ai-chatbot-infra/lab',
};

export const idle: PanelState = {
  phase: 'idle',
  progress: null,
  problem: null,
  diagnosis: null,
  narrative: null,
  proposals: [],
  sources,
};

export const diagnosed: PanelState = {
  ...idle,
  phase: 'diagnosed',
  diagnosis,
  narrative: {
    headline: 'POST /api/chat takes 3.1 times as long because its task has run out of CPU',
    sentences: [
      'Since 09:31 the service otel-ai-chatbot uses 98.6 % of the 512 CPU units that its task reserves.',
      'Its own computing explains 86 % of the slowdown; the model and the vector store answer as fast as before.',
    ],
  },
  proposals: [proposed],
};

const withProposal = (change: Partial<ProposalView>): PanelState => ({
  ...diagnosed,
  proposals: [{ ...proposed, ...change }],
});

/** Every face that the panel can show, by name. */
export const states: Readonly<Record<string, PanelState>> = {
  idle,
  diagnosing: {
    ...idle,
    phase: 'diagnosing',
    progress: { label: 'Reading CPU utilisation from CloudWatch', fraction: 0.62 },
  },
  failed: {
    ...idle,
    phase: 'failed',
    problem: {
      message: 'Honeycomb refused the API key: unknown API key - check your credentials.',
      nextStep: 'Set a configuration key that may run queries with “Plumbline: Set Honeycomb API Key…”.',
    },
  },
  proposed: diagnosed,
  previewing: withProposal({
    state: 'previewing',
    progress: { label: 'Running pulumi preview in a copy', fraction: null },
  }),
  previewed: withProposal({ state: 'previewed', preview, approvalExpiresAt: Date.now() + 14.5 * 60_000 }),
  applying: withProposal({
    state: 'applying',
    preview,
    rollout: 'New deployment: 1 of 1 tasks running, 1 of the old is draining',
    progress: { label: 'Watching the rollout', fraction: 0.7 },
    latencySince: latencySince.slice(0, 3),
  }),
  verified: withProposal({
    state: 'verified',
    preview,
    verification,
    deployedAt: verification.deployedAt,
    latencySince,
  }),
  refused: withProposal({
    state: 'failed',
    problem: {
      message: 'The stack changed between the preview and the update (its state is at another version).',
      nextStep: 'Review the change and preview it again.',
    },
  }),
  halfApplied: withProposal({
    state: 'failed',
    filesStand: true,
    preview,
    problem: {
      message: 'The update failed after it had begun: the service did not become stable.',
      nextStep: 'Roll back, or look at the stopped tasks first.',
    },
  }),
  applied: withProposal({
    state: 'applied',
    filesStand: true,
    preview,
    deployedAt: verification.deployedAt,
  }),
  healthy: {
    ...diagnosed,
    diagnosis: {
      ...diagnosis,
      verdict: 'nothing-wrong',
      causes: [],
      cascade: [],
      ruledOut: [],
      gaps: [],
      changes: [],
      symptom: { service, operation: 'POST /api/chat', p95Before: 541, p95After: 548, onset: null },
      latency: latency.slice(0, 28),
      operations: operations.map((o) => ({ ...o, exclusiveAfter: o.exclusiveBefore ?? 0 })),
    },
    narrative: {
      headline: 'Nothing is wrong: POST /api/chat is as fast as before',
      sentences: ['P95 is 548 ms against 541 ms over 6,842 requests, well within its usual spread.'],
    },
    proposals: [],
  },
};
