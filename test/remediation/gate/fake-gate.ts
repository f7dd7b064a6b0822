import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Deployment, StackRef, StackSnapshot } from '../../../src/infrastructure/model.ts';
import { Problem } from '../../../src/problem.ts';
import { Gate } from '../../../src/remediation/gate/gate.ts';
import { FileJournal } from '../../../src/remediation/gate/journal.ts';
import type { GateSettings } from '../../../src/remediation/gate/ports.ts';
import type { UpdateOutcome } from '../../../src/remediation/gate/pulumi-updates.ts';
import type { Marker, TelemetryStore } from '../../../src/telemetry/query.ts';
import type { ProposalView } from '../../../src/workflow/messages.ts';

export const PROGRAM = 'new aws.ecs.TaskDefinition("api", { cpu: "512" });\n';

/** What `preview --json` prints for a changed task definition; tests put other steps in. */
export const REPLACED = {
  op: 'replace',
  urn: 'urn:pulumi:dev::trial::aws:ecs/taskDefinition:TaskDefinition::api',
  oldState: { type: 'aws:ecs/taskDefinition:TaskDefinition', inputs: { cpu: '512' } },
  newState: { type: 'aws:ecs/taskDefinition:TaskDefinition', inputs: { cpu: '1024' } },
  replaceReasons: ['cpu'],
  detailedDiff: null,
};

/** Everything that a test may turn: what the world answers, and what it saw. */
export interface World {
  readonly gate: Gate;
  readonly journal: FileJournal;
  readonly stack: StackRef;
  readonly dir: string;
  readonly states: string[];
  readonly views: ProposalView[];
  readonly updates: string[];
  readonly previews: { cwd: string; program: string }[];
  readonly marks: Marker[];
  now: number;
  digest: string;
  pending: string[];
  version: string;
  stacks: StackRef[];
  steps: unknown[];
  savesPlan: boolean;
  plan: (cwd: string) => string;
  outcome: () => UpdateOutcome | Promise<UpdateOutcome>;
  deployments: Deployment[][];
  /** What the next looks at the deployments meet, first to last. */
  rolloutProblems: Problem[];
  settings: GateSettings;
  text(): Promise<string>;
}

/** A gate on a real folder, with everything else in the hands of the test. Removed when the test is over. */
export async function world(program = PROGRAM): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-gate-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const projectDir = join(dir, 'infra');
  await mkdir(projectDir);
  await writeFile(join(projectDir, 'Pulumi.yaml'), 'name: trial\nruntime: nodejs\n');
  await writeFile(join(projectDir, 'index.ts'), program);
  const stack = {
    fqn: 'organization/trial/dev',
    project: 'trial',
    name: 'dev',
    backend: 'file:///state',
    projectDir,
  };
  const journal = new FileJournal(join(dir, 'journal', 'journal.jsonl'));
  const self: Omit<World, 'gate'> & { gate?: Gate } = {
    journal,
    stack,
    dir,
    states: [],
    views: [],
    updates: [],
    previews: [],
    marks: [],
    now: 1_000_000,
    digest: 'one',
    pending: [],
    version: '3.259.0',
    stacks: [stack],
    steps: [REPLACED],
    savesPlan: true,
    plan: () => '{"plan":1}',
    outcome: () => ({ problem: null, started: true, events: [] }),
    deployments: [],
    rolloutProblems: [],
    settings: { approvalMinutes: 15, verifyWindowSeconds: 30, rolloutTimeoutMinutes: 10, dataset: '__all__' },
    text: () => readFile(join(projectDir, 'index.ts'), 'utf8'),
  };
  const snapshot = (): StackSnapshot => ({
    stack,
    digest: self.digest,
    pendingOperations: self.pending,
    resources: self.deployments.length === 0 ? [] : [ECS_SERVICE],
  });
  const gate = new Gate({
    updates: {
      redact: (text) => text.replaceAll('hunter2', '[secret]'),
      version: async () => self.version,
      preview: async ({ cwd, planFile }) => {
        self.previews.push({ cwd, program: await readFile(join(cwd, 'index.ts'), 'utf8') });
        if (planFile !== null && self.savesPlan) await writeFile(planFile, self.plan(cwd));
        return JSON.stringify({ steps: self.steps, diagnostics: [] });
      },
      update: async ({ planFile, onStart }) => {
        self.updates.push(planFile ?? 'no plan');
        onStart(4242);
        return self.outcome();
      },
    },
    stacks: {
      stacks: async () => self.stacks,
      snapshot: async () => snapshot(),
      updates: async () => [],
    },
    journal,
    clock: {
      now: () => self.now,
      sleep: async (ms, signal) => {
        signal?.throwIfAborted();
        self.now += ms;
      },
    },
    telemetry: async () =>
      ({
        datasets: async () => [{ slug: 'api', lastWrittenAt: 1 }],
        columns: async () => ['duration_ms', 'service.name', 'name'].map((name) => ({ name })),
        mark: async (_dataset: string, marker: Marker) => void self.marks.push(marker),
        run: async () => {
          throw new Problem('unreachable', 'no store', 'connect one');
        },
      }) as unknown as TelemetryStore,
    rollouts: async () => ({
      deployments: async () => {
        const problem = self.updates.length > 0 ? self.rolloutProblems.shift() : undefined;
        if (problem) throw problem;
        return (self.deployments.length > 1 ? self.deployments.shift() : self.deployments[0]) ?? [];
      },
    }),
    settings: () => self.settings,
  });
  gate.onDidChange((view) => {
    self.views.push(view);
    if (self.states.at(-1) !== view.state) self.states.push(view.state);
  });
  onTestFinished(() => gate.dispose());
  return Object.assign(self, { gate });
}

const ECS_SERVICE = {
  urn: 'urn:pulumi:dev::trial::aws:ecs/service:Service::api',
  type: 'aws:ecs/service:Service',
  name: 'api',
  id: 'arn:aws:ecs:us-east-1:123456789012:service/main/api',
  dependencies: [REPLACED.urn],
  protect: false,
  inputs: {},
  outputs: { name: 'api', cluster: 'arn:aws:ecs:us-east-1:123456789012:cluster/main' },
};

export function deployment(id: string, over: Partial<Deployment> = {}): Deployment {
  return {
    id,
    taskDefinition: `api:${id}`,
    rollout: 'completed',
    running: 2,
    desired: 2,
    pending: 0,
    failedTasks: 0,
    createdAt: Number(id),
    updatedAt: Number(id),
    ...over,
  };
}
