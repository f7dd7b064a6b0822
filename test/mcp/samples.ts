import type { Diagnosis, Evidence } from '../../src/diagnosis/diagnosis.ts';
import type { StackRef, StackResource } from '../../src/infrastructure/model.ts';

/** Values that the tests of the tools share. */
export const NOW = Date.UTC(2026, 0, 15, 12);

export const STACK: StackRef = {
  fqn: 'organization/shop/dev',
  project: 'shop',
  name: 'dev',
  backend: 'file:///state',
  projectDir: '/nowhere/shop',
};

export const TASK_URN = 'urn:pulumi:dev::shop::aws:ecs/taskDefinition:TaskDefinition::chatbot';

export const WINDOW = { start: NOW - 3_600_000, end: NOW };

export function evidence(id: string, summary = 'CPU of chatbot ran at 98 % of its reservation.'): Evidence {
  return {
    id,
    kind: 'utilisation',
    subject: { service: 'chatbot', resource: TASK_URN, property: 'cpu' },
    summary,
    window: WINDOW,
    numbers: [{ name: 'CPUUtilization', value: 98.123456, unit: 'percent' }],
    n: 60,
    source: {
      from: 'metrics',
      store: 'CloudWatch',
      region: 'eu-west-1',
      query: { metric: 'CPUUtilization' },
      url: `https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#metricsV2:graph=~(metrics~(~(~'AWS*2fECS)))${'x'.repeat(400)}`,
    },
  };
}

export function diagnosis(change: Partial<Diagnosis> = {}): Diagnosis {
  return {
    id: 'dg_0123456789ab',
    verdict: 'cause',
    symptom: {
      service: 'chatbot',
      operation: 'POST /api/chat',
      p95Before: 800,
      p95After: 3_200,
      onset: { time: NOW - 1_800_000, earliest: NOW - 1_860_000, latest: NOW - 1_740_000 },
    },
    causes: [
      {
        kind: 'cpu',
        target: { service: 'chatbot', resource: TASK_URN, property: 'cpu' },
        share: 0.82,
        confidence: 0.9,
        evidence: ['ev_0123456789ab'],
      },
    ],
    cascade: [
      { service: 'chatbot', property: 'cpu' },
      { service: 'chatbot', operation: 'POST /api/chat' },
    ],
    ruledOut: [
      {
        kind: 'dependency',
        target: { service: 'chatbot', dependency: 'model provider' },
        reason: 'Its share of the time is what it was.',
        evidence: ['ev_0123456789ac'],
      },
    ],
    gaps: [],
    evidence: [
      evidence('ev_0123456789ab'),
      evidence('ev_0123456789ac', 'The model answers as fast as before.'),
    ],
    incident: WINDOW,
    baseline: null,
    latency: [],
    operations: [],
    comparison: [
      {
        attribute: 'app.tenant',
        value: 'acme',
        shareSlow: 0.7512,
        shareOthers: 0.08,
        logOddsRatio: 3.5,
        qValue: 0.0001,
        evidence: 'ev_0123456789ac',
      },
    ],
    workloads: [],
    changes: [{ time: NOW - 1_800_000, kind: 'stack-update', title: 'cpu 1024 → 512' }],
    requests: 4,
    ...change,
  };
}

export function resource(index: number): StackResource {
  return {
    urn: `urn:pulumi:dev::shop::aws:ecs/taskDefinition:TaskDefinition::task-${index}`,
    type: index % 2 === 0 ? 'aws:ecs/taskDefinition:TaskDefinition' : 'aws:iam/role:Role',
    name: `task-${index}`,
    id: `task-${index}`,
    dependencies: [],
    protect: false,
    inputs: {
      cpu: '512',
      containerDefinitions: JSON.stringify([
        { name: 'app', environment: [{ name: 'DB_PASSWORD', value: 'hunter2-hunter2' }] },
      ]),
    },
    outputs: { cpu: '512', arn: `arn:aws:ecs:eu-west-1:1:task/${index}` },
    source: { file: 'index.ts', line: 10 + index, column: 1 },
  };
}
