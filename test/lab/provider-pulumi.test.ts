import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DescribeServicesCommand } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { baseEnvironment, serverEnvironment } from '../../lab/environment.ts';
import { readToolchain } from '../../lab/setup/toolchain.mjs';
import { copyProgram } from '../../lab/workspace.ts';
import { TASK, type TestCloud, temporaryDir, testCloud, until } from './cloud-fixture.ts';

/* The lab's program on the real engine, with the emulated provider and a tiny task in the chatbot's place. */

const PROGRAM = fileURLToPath(new URL('../../lab/program', import.meta.url));
const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const CLI_MS = 120_000;

const toolchain = await readToolchain();
let cloud: TestCloud;
let dir: string;
let workspace: string;
let env: Record<string, string>;

beforeAll(async () => {
  cloud = await testCloud({ 'otel-ai-chatbot': [process.execPath, TASK] });
  dir = temporaryDir();
  workspace = join(dir, 'workspace');
  mkdirSync(join(dir, 'state'));
  await copyProgram(PROGRAM, workspace);
  symlinkSync(join(CHECKOUT, 'node_modules'), join(workspace, 'node_modules'), 'dir');
  env = {
    ...baseEnvironment(process.env, toolchain, dir),
    ...serverEnvironment('http://127.0.0.1:9', cloud.url),
  };
  if (toolchain.pulumi === undefined) return;
  await succeed('stack', 'init');
  const settings = ['honeycombEndpoint=http://127.0.0.1:9', 'llmUrl=http://127.0.0.1:9'];
  const plain = settings.flatMap((setting) => ['--plaintext', setting]);
  await succeed('config', 'set-all', ...plain, '--secret', 'honeycombApiKey=key-of-the-test');
});

afterAll(async () => {
  await cloud[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

interface Done {
  code: number;
  output: string;
}

function pulumi(args: readonly string[], more: Record<string, string> = {}): Promise<Done> {
  const bin = toolchain.pulumi?.bin ?? 'pulumi';
  return new Promise((resolve) => {
    const options = {
      cwd: workspace,
      env: { ...env, ...more },
      timeout: CLI_MS,
      maxBuffer: 32 * 1024 * 1024,
    };
    execFile(bin, [...args, '--stack', 'lab', '--non-interactive'], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: `${stdout}\n${stderr}` });
    });
  });
}

async function succeed(...args: string[]): Promise<string> {
  const { code, output } = await pulumi(args);
  if (code !== 0) throw new Error(`pulumi ${args.join(' ')} ended with ${code}:\n${output}`);
  return output;
}

interface Step {
  op: string;
  urn: string;
  replaceReasons?: string[];
  detailedDiff?: Record<string, { kind: string }>;
}

async function steps(...options: string[]): Promise<Step[]> {
  const output = await succeed('preview', '--json', ...options);
  const from = output.indexOf('{');
  const { steps: all } = JSON.parse(output.slice(from, output.lastIndexOf('}') + 1)) as { steps: Step[] };
  return all.filter((step) => step.op !== 'same');
}

function edit(from: string, to: string): void {
  const file = join(workspace, 'index.ts');
  const text = readFileSync(file, 'utf8');
  expect(text.split(from)).toHaveLength(2);
  writeFileSync(file, text.replace(from, to));
}

async function rolledOut(revision: string) {
  return until(
    `${revision} alone`,
    async () => {
      const answer = await cloud.ecs.send(
        new DescribeServicesCommand({ cluster: 'otel-ai-chatbot-cluster', services: ['otel-ai-chatbot'] }),
      );
      const [only, ...others] = answer.services?.[0]?.deployments ?? [];
      const done = others.length === 0 && only?.rolloutState === 'COMPLETED';
      return done && only.taskDefinition?.endsWith(`/${revision}`) && only;
    },
    40_000,
  );
}

test('preview, up, a change of size, an invalid size, drift, destroy', {
  timeout: 4 * CLI_MS,
}, async (ctx) => {
  if (toolchain.pulumi === undefined) ctx.skip('Pulumi CLI: set-up found none');
  const up = await succeed('up', '--yes', '--skip-preview');
  expect(up).not.toMatch(/warning/i);
  const outputs = JSON.parse((await pulumi(['stack', 'output', '--json'])).output) as Record<string, string>;
  expect(outputs).toMatchObject({
    clusterName: 'otel-ai-chatbot-cluster',
    serviceName: 'otel-ai-chatbot',
    taskFamily: 'otel-ai-chatbot',
  });
  await rolledOut('otel-ai-chatbot:1');
  expect((await fetch(`${outputs['url']}/healthz`)).status).toBe(200);
  const exported = await succeed('stack', 'export');
  expect(exported).not.toContain('key-of-the-test');
  expect(await steps()).toEqual([]);
  // Nothing has drifted: what the cloud reads back is what was asked for.
  expect(await succeed('refresh', '--yes')).not.toMatch(/updated|deleted/);

  edit("taskCpu = '512'", "taskCpu = '1024'");
  const refused = await pulumi(['preview']);
  expect(refused.code).not.toBe(0);
  expect(refused.output).toMatch(/No Fargate configuration exists for given values: 1024 CPU, 1024 memory/);

  edit("taskMemory = '1024'", "taskMemory = '2048'");
  const plan = join(dir, 'plan.json');
  const changes = await steps('--save-plan', plan);
  const byName = Object.fromEntries(changes.map((step) => [step.urn.split('::').at(-1), step]));
  const task = byName['task'];
  expect(task).toMatchObject({
    op: 'replace',
    detailedDiff: { cpu: { kind: 'update-replace' }, memory: { kind: 'update-replace' } },
  });
  // The engine gathers the reasons in a Go map, so they come in any order. What the container is told of its memory may follow it.
  const reasons = new Set(task?.replaceReasons);
  expect(reasons).toEqual(new Set(Object.keys(task?.detailedDiff ?? {})));
  reasons.delete('containerDefinitions');
  expect(reasons).toEqual(new Set(['cpu', 'memory']));
  expect(byName['service']).toMatchObject({
    op: 'update',
    detailedDiff: { taskDefinition: { kind: 'update' } },
  });
  expect(Object.keys(byName).toSorted()).toEqual(['service', 'task']);
  await succeed('up', '--yes', '--plan', plan);
  await rolledOut('otel-ai-chatbot:2');
  expect((await fetch(`${outputs['url']}/healthz`)).status).toBe(200);

  await succeed('destroy', '--yes', '--skip-preview');
  expect(JSON.parse(readFileSync(join(cloud.dir, 'resources.json'), 'utf8'))).toEqual([]);
});

test('without its cloud the provider says so', { timeout: CLI_MS }, async (ctx) => {
  if (toolchain.pulumi === undefined) ctx.skip('Pulumi CLI: set-up found none');
  const gone = await pulumi(['up', '--yes', '--skip-preview'], {
    PLUMBLINE_LAB_CLOUD_URL: 'http://127.0.0.1:9',
  });
  expect(gone.code).not.toBe(0);
  expect(gone.output).toMatch(/emulated cloud at http:\/\/127\.0\.0\.1:9 does not answer\. Start the lab/);
});
