import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';
import type { MetricsSource, RolloutSource, StackRef, StackSource } from '../infrastructure/model.ts';
import type { PulumiSettings } from '../infrastructure/pulumi/cli.ts';
import { Problem } from '../problem.ts';
import type { UpdateRunner } from '../remediation/gate/pulumi-updates.ts';
import type { EnginePort, WorkflowPorts } from '../workflow/workflow.ts';
import type { Prompts } from './prompts.ts';
import type { Secrets } from './secrets.ts';
import { readSettings } from './settings.ts';
import type { TelemetryConnection } from './telemetry-connection.ts';

/** An ECS rollout that takes longer than this is no longer watched. */
const ROLLOUT_TIMEOUT_MINUTES = 15;

export interface PortParts {
  readonly telemetry: TelemetryConnection;
  readonly secrets: Secrets;
  readonly prompts: Prompts;
  readonly log: vscode.LogOutputChannel;
  /** Path of the gate's journal; backups lie beside it. */
  readonly journal: string;
}

/**
 * What the workflow asks for, built from the settings of this window. Modules are loaded where they are first needed,
 * so that activation loads none of them.
 */
export function workflowPorts(parts: PortParts): WorkflowPorts & { dispose(): Promise<void> } {
  let gate: Promise<{ dispose(): Promise<void> }> | undefined;
  return {
    telemetry: () => parts.telemetry.store(),
    metrics,
    stacks: () => pulumiStacks(parts),
    engine,
    gate: () => {
      const opened = openGate(parts);
      gate = opened;
      return opened;
    },
    dataset: () => readSettings().dataset,
    log: (message) => parts.log.info(message),
    async dispose() {
      try {
        await (await gate)?.dispose();
      } catch {
        // One that never opened has said so to whoever asked for it, and what previews left lies in the temporary folder.
      }
    },
  };
}

/** Running the CLI on a folder's files waits until the person trusts the folder. */
function mustBeTrusted(): void {
  if (vscode.workspace.isTrusted) return;
  throw new Problem(
    'refused',
    'This workspace is not trusted, so nothing of it is run.',
    'Trust it with “Workspaces: Manage Workspace Trust”.',
  );
}

async function pulumiStacks(parts: PortParts): Promise<StackSource> {
  mustBeTrusted();
  const { PulumiStacks } = await import('../infrastructure/pulumi/stacks.ts');
  const folders = (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === 'file')
    .map(({ uri }) => uri.fsPath);
  const source = new PulumiStacks({ ...(await pulumiSettings(parts.secrets)), folders });
  const { pulumiStack } = readSettings();
  return pulumiStack === undefined ? source : only(source, pulumiStack);
}

/** The one stack that the settings name, by its short or its full name. */
function only(source: StackSource, chosen: string): StackSource {
  return {
    snapshot: (stack, signal) => source.snapshot(stack, signal),
    updates: (stack, limit, signal) => source.updates(stack, limit, signal),
    async stacks(signal) {
      const all = await source.stacks(signal);
      const named = all.filter((stack: StackRef) => stack.name === chosen || stack.fqn === chosen);
      if (named.length > 0) return named;
      throw new Problem(
        'no-stack',
        `The backend has no stack ${chosen}, which the setting plumbline.pulumi.stack names.`,
        `It has ${all.map(({ name }) => name).join(', ')}. Name one of these, or empty the setting.`,
      );
    },
  };
}

async function pulumiSettings(secrets: Secrets): Promise<PulumiSettings> {
  const { pulumiPath, pulumiBackendUrl } = readSettings();
  const passphrase = await secrets.get('pulumiPassphrase');
  return {
    ...(pulumiPath === undefined ? {} : { command: pulumiPath }),
    env: {
      ...process.env,
      ...(pulumiBackendUrl === undefined ? {} : { PULUMI_BACKEND_URL: pulumiBackendUrl }),
      ...(passphrase === undefined ? {} : { PULUMI_CONFIG_PASSPHRASE: passphrase }),
    },
  };
}

/** The gate lives as long as the window, settings do not: each run is made with those of its moment. */
async function currentUpdates(make: () => Promise<UpdateRunner>): Promise<UpdateRunner> {
  let last = await make();
  const current = async () => {
    last = await make();
    return last;
  };
  return {
    version: async (cwd, signal) => (await current()).version(cwd, signal),
    preview: async (request) => (await current()).preview(request),
    update: async (request) => (await current()).update(request),
    redact: (text) => last.redact(text),
  };
}

function currentStacks(parts: PortParts): StackSource {
  return {
    stacks: async (signal) => (await pulumiStacks(parts)).stacks(signal),
    snapshot: async (stack, signal) => (await pulumiStacks(parts)).snapshot(stack, signal),
    updates: async (stack, limit, signal) => (await pulumiStacks(parts)).updates(stack, limit, signal),
  };
}

async function openGate(parts: PortParts) {
  mustBeTrusted();
  const [{ Gate }, { FileJournal }, { PulumiUpdates }] = await Promise.all([
    import('../remediation/gate/gate.ts'),
    import('../remediation/gate/journal.ts'),
    import('../remediation/gate/pulumi-updates.ts'),
  ]);
  const gate = new Gate({
    updates: await currentUpdates(async () => new PulumiUpdates(await pulumiSettings(parts.secrets))),
    stacks: currentStacks(parts),
    journal: new FileJournal(parts.journal),
    clock: {
      now: () => Date.now(),
      sleep: async (ms, signal) => {
        await delay(ms, undefined, signal === undefined ? {} : { signal });
      },
    },
    telemetry: () => parts.telemetry.store(),
    rollouts,
    settings: () => {
      const { approvalExpiryMinutes, verifyWindowSeconds, dataset } = readSettings();
      return {
        approvalMinutes: approvalExpiryMinutes,
        verifyWindowSeconds,
        rolloutTimeoutMinutes: ROLLOUT_TIMEOUT_MINUTES,
        dataset,
      };
    },
  });
  for (const { message, nextStep } of gate.recover()) {
    void parts.prompts.notify('warning', `${message} ${nextStep}`);
  }
  return gate;
}

/** CloudWatch of the region that the settings or the environment name; null where neither does. */
async function metrics(): Promise<MetricsSource | null> {
  const { awsRegion, awsProfile } = readSettings();
  if (awsRegion === undefined) return null;
  const { CloudWatchMetrics } = await import('../infrastructure/aws/cloudwatch.ts');
  const profile = awsProfile === undefined ? {} : { profile: awsProfile };
  return new CloudWatchMetrics({ region: awsRegion, ...profile }, Date.now);
}

async function rollouts(): Promise<RolloutSource> {
  const { EcsRollouts } = await import('../infrastructure/aws/ecs-rollouts.ts');
  return new EcsRollouts(readSettings().awsProfile);
}

async function engine(): Promise<EnginePort> {
  const { createEngine } = await import('../workflow/engine.ts');
  return createEngine({ dataset: () => readSettings().dataset, now: Date.now });
}
