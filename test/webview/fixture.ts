import type { Diagnosis, Evidence, LatencyPoint, OperationShare } from '../../src/diagnosis/diagnosis.ts';
import type { PreviewResult, Proposal, Verification } from '../../src/remediation/proposal.ts';
import type { PanelState, ProposalView } from '../../src/workflow/messages.ts';

/** A case as the panel gets it: a chatbot that ran out of CPU. The times are fixed, so that pictures stay alike. */

const start = Date.UTC(2026, 5, 1, 9, 0, 0);
const onset = start + 31 * 60_000;
const end = start + 60 * 60_000;
const urn =
  'urn:pulumi:lab::otel-ai-chatbot-infra::aws:ecs/taskDefinition:TaskDefinition::otel-ai-chatbot-task';

const service = 'otel-ai-chatbot';
const baseline = { start, end: onset };
const incident = { start: onset, end };

function point(minute: number, p50: number, p95: number, p99: number): LatencyPoint {
  // A little unrest that is the same each time.
  const wave = 1 + 0.06 * Math.sin(minute * 2.3) + 0.04 * Math.cos(minute * 0.9);
  return {
    time: start + minute * 60_000,
    p50: p50 * wave,
    p95: p95 * wave,
    p99: p99 * (2 - wave) * wave,
    count: Math.round(118 * (2 - wave)),
    errors: minute === 44 ? 3 : 0,
  };
}

const latency: LatencyPoint[] = Array.from({ length: 60 }, (_, minute) => {
  const grown = Math.min(1, Math.max(0, (minute - 30) / 4));
  return point(minute, 412 + 590 * grown, 541 + 1140 * grown, 640 + 1720 * grown);
});

export const latencySince: LatencyPoint[] = Array.from({ length: 14 }, (_, index) => {
  const fixed = index >= 3;
  return point(60 + index, fixed ? 438 : 1002, fixed ? 602 : 1681, fixed ? 730 : 2360);
});

function evidence(
  id: string,
  kind: Evidence['kind'],
  summary: string,
  n: number,
  numbers: Evidence['numbers'],
  more: Partial<Evidence> = {},
): Evidence {
  return {
    id,
    kind,
    subject: { service },
    summary,
    window: incident,
    baseline,
    numbers,
    n,
    source: {
      from: 'telemetry',
      store: 'local collector',
      dataset: '__all__',
      query: {
        breakdowns: ['service.name', 'name', 'window'],
        calculations: [{ op: 'COUNT' }, { op: 'P95', column: 'duration_ms' }],
        filters: [{ column: 'trace.trace_id', op: 'exists' }],
        limit: 1000,
      },
    },
    ...more,
  };
}

const evidenceList: Evidence[] = [
  evidence(
    'ev_0d2f5a119c01',
    'latency',
    'P95 of POST /api/chat rose from 541 ms to 1.68 s, 3.1 times as long.',
    6842,
    [
      { name: 'P95 before', value: 541, unit: 'ms' },
      { name: 'P95 now', value: 1681, unit: 'ms' },
    ],
  ),
  evidence(
    'ev_7b90e1c4aa52',
    'utilisation',
    'CPU ran at 98.6 % of its reservation (before: 41 %).',
    29,
    [
      { name: 'CPU utilisation, average', value: 98.6, unit: 'percent' },
      { name: 'CPU utilisation before, average', value: 41.2, unit: 'percent' },
    ],
    {
      source: {
        from: 'metrics',
        store: 'CloudWatch',
        region: 'us-east-1',
        query: [{ namespace: 'AWS/ECS', metric: 'CPUUtilization', statistic: 'average' }],
      },
    },
  ),
  evidence(
    'ev_31c6d8e07f43',
    'reservation',
    'One task reserves 512 CPU units (half a vCPU) and 1,024 MiB.',
    1,
    [
      { name: 'cpu', value: 512, unit: 'cpu-units' },
      { name: 'memory', value: 1024, unit: 'MiB' },
    ],
    { subject: { service, resource: urn, property: 'cpu' }, source: { from: 'stack', stack: 'lab', urn } },
  ),
  evidence(
    'ev_5529ab01fe64',
    'breakdown',
    'rag.prompt_build takes 612 ms more of its own per request; all CPU-heavy operations grew alike.',
    20518,
    [
      { name: 'own time before', value: 88, unit: 'ms' },
      { name: 'own time now', value: 700, unit: 'ms' },
    ],
  ),
  evidence(
    'ev_90bb12cd3e85',
    'dependency',
    'The model answered in 352 ms at P95, as before (349 ms).',
    6835,
    [
      { name: 'P95 before', value: 349, unit: 'ms' },
      { name: 'P95 now', value: 352, unit: 'ms' },
    ],
  ),
];

const operations: OperationShare[] = [
  op('POST /api/chat', null, 0, 12, 38, 1681, 1.0),
  op('rag.generate_response', 'POST /api/chat', 1, 21, 96, 1610, 1.0),
  op('rag.vector_search', 'rag.generate_response', 2, 34, 61, 122, 1.0),
  op('rag.prompt_build', 'rag.generate_response', 2, 88, 700, 841, 1.0),
  op('rag.llm_generation', 'rag.generate_response', 2, 9, 24, 462, 1.0),
  { ...op('chat gpt-4o-mini', 'rag.llm_generation', 3, 318, 321, 352, 1.0), service: 'model-gateway' },
  op('rag.parse', 'rag.generate_response', 2, 14, 98, 133, 1.0),
];

function op(
  operation: string,
  parentOperation: string | null,
  depth: number,
  exclusiveBefore: number,
  exclusiveAfter: number,
  p95After: number,
  callsPerRequest: number,
): OperationShare {
  return {
    service,
    operation,
    parentOperation,
    depth,
    exclusiveBefore,
    exclusiveAfter,
    totalAfter: p95After,
    callsPerRequestBefore: callsPerRequest,
    callsPerRequestAfter: callsPerRequest,
    p95After,
  };
}

export const diagnosis: Diagnosis = {
  id: 'dg_4f1a6c0e92d7',
  verdict: 'cause',
  symptom: {
    service,
    operation: 'POST /api/chat',
    p95Before: 541,
    p95After: 1681,
    onset: { time: onset, earliest: onset - 45_000, latest: onset + 45_000 },
  },
  causes: [
    {
      kind: 'cpu',
      target: { service, resource: urn, property: 'cpu' },
      share: 0.86,
      confidence: 0.93,
      evidence: ['ev_7b90e1c4aa52', 'ev_31c6d8e07f43', 'ev_5529ab01fe64'],
    },
  ],
  cascade: [
    { service, resource: urn, property: 'cpu' },
    { service, operation: 'rag.prompt_build' },
    { service, operation: 'POST /api/chat' },
  ],
  ruledOut: [
    {
      kind: 'dependency',
      target: { service, dependency: 'chat gpt-4o-mini' },
      reason: 'The model answers as fast as before.',
      evidence: ['ev_90bb12cd3e85'],
    },
    {
      kind: 'traffic',
      target: { service },
      reason: 'Requests came at 1.9 a second in both windows.',
      evidence: ['ev_0d2f5a119c01'],
    },
  ],
  gaps: [
    {
      what: 'Memory of single tasks.',
      why: 'Container Insights is off for this cluster.',
      nextStep: 'Turn it on to tell one task from another.',
    },
  ],
  evidence: evidenceList,
  incident,
  baseline,
  latency,
  operations,
  workloads: [],
  changes: [{ time: start + 24 * 60_000, kind: 'stack-update', title: 'stack update: raise log retention' }],
  requests: 3,
};

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
