import type { Diagnosis, Evidence, LatencyPoint, OperationShare } from '../../src/diagnosis/diagnosis.ts';

/** A case as the panel gets it: a chatbot that ran out of CPU. The times are fixed, so that pictures stay alike. */

export const start = Date.UTC(2026, 5, 1, 9, 0, 0);
const onset = start + 31 * 60_000;
export const end = start + 60 * 60_000;
export const urn =
  'urn:pulumi:lab::otel-ai-chatbot-infra::aws:ecs/taskDefinition:TaskDefinition::otel-ai-chatbot-task';

export const service = 'otel-ai-chatbot';
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

export const latency: LatencyPoint[] = Array.from({ length: 60 }, (_, minute) => {
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
  evidence(
    'ev_c41d07a2be96',
    'comparison',
    '75 % of the requests that took longer than 541 ms have service.instance.id = 0943d28a46505b882859ea771a8bf054, 8 % of the others.',
    3412,
    [{ name: 'slow from', value: 541, unit: 'ms' }],
  ),
  evidence(
    'ev_e8530f6d1b27',
    'comparison',
    '41 % of the requests that took longer than 541 ms have no app.tenant, 22 % of the others.',
    3412,
    [{ name: 'slow from', value: 541, unit: 'ms' }],
  ),
];

export const operations: OperationShare[] = [
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
  comparison: [
    {
      attribute: 'service.instance.id',
      value: '0943d28a46505b882859ea771a8bf054',
      shareSlow: 0.75,
      shareOthers: 0.08,
      logOddsRatio: 3.54,
      qValue: 0.000002243,
      evidence: 'ev_c41d07a2be96',
    },
    {
      attribute: 'app.tenant',
      value: null,
      shareSlow: 0.41,
      shareOthers: 0.22,
      logOddsRatio: 0.9,
      qValue: 0.011,
      evidence: 'ev_e8530f6d1b27',
    },
  ],
  workloads: [],
  changes: [{ time: start + 24 * 60_000, kind: 'stack-update', title: 'stack update: raise log retention' }],
  requests: 3,
};
