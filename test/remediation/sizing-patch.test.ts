import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Diagnosis } from '../../src/diagnosis/diagnosis.ts';
import type { SizingAdvice } from '../../src/diagnosis/sizing-advice.ts';
import type { StackSnapshot, Workload } from '../../src/infrastructure/model.ts';
import { checkProposal } from '../../src/remediation/check.ts';
import { parseProposal } from '../../src/remediation/proposal-schema.ts';
import { sizingProposal } from '../../src/remediation/sizing-patch.ts';

const PROGRAM = `import * as aws from "@pulumi/aws";

const cluster = new aws.ecs.Cluster("main");
const task = new aws.ecs.TaskDefinition("api", {
  family: "api",
  cpu: "512", // half a vCPU
  memory: "1024",
  requiresCompatibilities: ["FARGATE"],
});
`;

const WORKLOAD: Workload = {
  service: 'api',
  platform: 'ecs',
  region: 'us-east-1',
  cluster: 'main',
  ecsService: 'api',
  taskFamily: 'api',
  launchType: 'FARGATE',
  cpuUnits: 512,
  memoryMiB: 1024,
  desiredCount: 2,
  taskDefinitionUrn: 'urn:task',
  joinedBy: '',
};

const DIAGNOSIS: Diagnosis = {
  id: 'dg_1',
  verdict: 'cause',
  causes: [],
  cascade: [],
  ruledOut: [],
  gaps: [],
  evidence: [],
  symptom: { service: 'api', operation: 'POST /api/chat', p95Before: 400, p95After: 1800, onset: null },
  incident: { start: 0, end: 1 },
  baseline: null,
  latency: [],
  operations: [],
  comparison: [],
  workloads: [WORKLOAD],
  changes: [],
  requests: 3,
};

const ADVICE: SizingAdvice = {
  workload: WORKLOAD,
  kind: 'cpu',
  urn: 'urn:task',
  p95Before: 1800,
  p95After: 450,
  to: { cpuUnits: 1024, memoryMiB: 2048 },
  reasoning: ['CPU is at 99 % of 512 units.'],
};

async function project(program: string): Promise<StackSnapshot> {
  const projectDir = await mkdtemp(join(tmpdir(), 'plumbline-sizing-'));
  onTestFinished(() => rm(projectDir, { recursive: true, force: true }));
  await writeFile(join(projectDir, 'Pulumi.yaml'), 'name: trial\nruntime: nodejs\n');
  await writeFile(join(projectDir, 'index.ts'), program);
  const line = program.slice(0, program.indexOf('new aws.ecs.TaskDefinition("api"')).split('\n').length;
  return {
    stack: {
      fqn: 'organization/trial/dev',
      project: 'trial',
      name: 'dev',
      backend: 'file:///state',
      projectDir,
    },
    resources: [
      {
        urn: 'urn:task',
        type: 'aws:ecs/taskDefinition:TaskDefinition',
        name: 'api',
        dependencies: [],
        protect: false,
        inputs: { cpu: '512', memory: '1024' },
        outputs: {},
        source: { file: 'index.ts', line, column: 14 },
      },
    ],
    pendingOperations: [],
    digest: '',
  };
}

const propose = (snapshot: StackSnapshot, advice = ADVICE, diagnosis = DIAGNOSIS) =>
  sizingProposal({ advice, diagnosis, snapshot, origin: { by: 'diagnosis' }, now: 1 });

describe('a sizing patch', () => {
  test('is verified by what was slow, also where that is a caller of what it resizes', async () => {
    const snapshot = await project(PROGRAM);
    const symptom = { service: 'web', operation: 'GET /', p95Before: 400, p95After: 1800, onset: null };
    expect(await propose(snapshot, ADVICE, { ...DIAGNOSIS, symptom })).toMatchObject({
      title: expect.stringMatching(/^api: /),
      service: 'web',
      operation: 'GET /',
    });
    const { operation, service } = await propose(snapshot, ADVICE, { ...DIAGNOSIS, symptom: null });
    expect({ operation, service }).toEqual({ operation: undefined, service: 'api' });
  });

  test('raises cpu and memory together, with cost, effect and a diff that holds', async () => {
    const snapshot = await project(PROGRAM);
    const proposal = await propose(snapshot);
    expect(proposal.diff).toContain(
      '-  cpu: "512", // half a vCPU\n-  memory: "1024",\n+  cpu: "1024", // half a vCPU\n+  memory: "2048",',
    );
    expect(proposal).toMatchObject({
      title: 'api: CPU 512 → 1024, memory 1024 → 2048 MiB',
      changes: [
        { property: 'cpu', before: '512', after: '1024' },
        { property: 'memory', before: '1024', after: '2048' },
      ],
      cost: { before: 36.04, after: 72.08 },
      expected: { p95Before: 1800, p95After: 450 },
      risk: { level: 'low' },
      operation: 'POST /api/chat',
    });
    expect(await checkProposal(parseProposal(JSON.parse(JSON.stringify(proposal))))).toMatchObject([
      {
        file: 'index.ts',
        after: PROGRAM.replace('"512"', '"1024"').replace('"1024",\n  requires', '"2048",\n  requires'),
      },
    ]);
    expect((await propose(snapshot)).id).toBe(proposal.id);
  });

  test('says that a constant is shared', async () => {
    const shared = PROGRAM.replace('const cluster', 'const units = "512";\nconst cluster')
      .replace('cpu: "512"', 'cpu: units')
      .concat('new aws.ecs.TaskDefinition("worker", { cpu: units });\n');
    const proposal = await propose(await project(shared));
    expect(proposal.risk).toMatchObject({
      level: 'medium',
      reasons: expect.arrayContaining([expect.stringContaining('"worker"')]),
    });
  });

  test('is refused where the diagnosis gives no ground, the program differs, or Fargate has no such size', async () => {
    const snapshot = await project(PROGRAM);
    const other = { ...DIAGNOSIS, verdict: 'infrastructure-is-not-the-cause' as const };
    await expect(propose(snapshot, ADVICE, other)).rejects.toMatchObject({ code: 'refused' });
    await expect(
      propose(snapshot, { ...ADVICE, to: { cpuUnits: 1024, memoryMiB: 1024 } }),
    ).rejects.toMatchObject({ code: 'bad-input' });
    await expect(propose(await project(PROGRAM.replace('"512"', '"256"')))).rejects.toMatchObject({
      code: 'stale',
    });
    await expect(propose({ ...snapshot, resources: [] })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('a proposal from elsewhere is believed in nothing that can be made anew', async () => {
    const proposal = await propose(await project(PROGRAM));
    await expect(checkProposal({ ...proposal, title: 'harmless' })).rejects.toMatchObject({
      code: 'refused',
    });
    await expect(checkProposal({ ...proposal, diff: '' })).rejects.toMatchObject({ code: 'stale' });
    await writeFile(join(proposal.stack.projectDir, 'index.ts'), `${PROGRAM}\n`);
    await expect(checkProposal(proposal)).rejects.toMatchObject({ code: 'stale' });
    expect(() => parseProposal({ ...proposal, extra: 1 })).toThrow(/not a proposal/);
    expect(() => parseProposal({ ...proposal, id: '../../x' })).toThrow(/not a proposal/);
  });
});
