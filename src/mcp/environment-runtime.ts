import { LRUCache } from 'lru-cache';
import type { Diagnosis } from '../diagnosis/diagnosis.ts';
import type { StackSource } from '../infrastructure/model.ts';
import { redactor } from '../infrastructure/pulumi/redact.ts';
import { Problem } from '../problem.ts';
import type { TelemetryStore } from '../telemetry/query.ts';
import {
  dataset,
  type Environment,
  honeycombUrl,
  lookbackMinutes,
  workspaceFolders,
} from './configuration.ts';
import { stateDirectory } from './directories.ts';
import { Proposals } from './proposals.ts';
import type { Runtime } from './runtime.ts';

/** Diagnoses that can still be referred to. */
const REMEMBERED = 20;

/**
 * The parts of Plumbline as the environment describes them. Nothing is read, spawned or asked before a tool needs it,
 * and what is wrong with the environment shows as a Problem of that tool.
 */
export function environmentRuntime(env: Environment, cwd: string): Runtime {
  const diagnoses = new LRUCache<string, Diagnosis>({ max: REMEMBERED });
  const proposals = new Proposals(stateDirectory(env, process.platform));
  const telemetry = once(() => honeycomb(env));
  const stacks = once(() => pulumiStacks(env, cwd));
  return {
    telemetry,
    stacks,
    dataset: dataset(env),
    defaultStack: env['PLUMBLINE_PULUMI_STACK'] || undefined,
    lookbackMinutes: lookbackMinutes(env),
    redact: redactor(env),
    now: Date.now,
    diagnosis: (id) => diagnoses.get(id),
    async diagnose(_request, _signal, _progress) {
      throw new Problem(
        'unsupported',
        'The diagnosis engine is not part of this build.',
        'Use a newer build.',
      );
    },
    async proposeSizing() {
      throw new Problem(
        'unsupported',
        'The diagnosis engine is not part of this build.',
        'Use a newer build.',
      );
    },
    proposeEdits: (request, client, signal) => proposals.propose(request, client, Date.now(), signal),
    proposal: (id) => proposals.standing(id),
  };
}

async function honeycomb(env: Environment): Promise<TelemetryStore> {
  const { HoneycombClient } = await import('../telemetry/honeycomb.ts');
  return new HoneycombClient({
    apiUrl: honeycombUrl(env),
    apiKey: async () => env['HONEYCOMB_API_KEY'] ?? '',
  });
}

async function pulumiStacks(env: Environment, cwd: string): Promise<StackSource> {
  const { PulumiStacks } = await import('../infrastructure/pulumi/stacks.ts');
  const command = env['PLUMBLINE_PULUMI_PATH'];
  return new PulumiStacks({ folders: workspaceFolders(env, cwd), env, ...(command ? { command } : {}) });
}

/** Makes it once; what failed is tried again by the next that asks. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((thrown: unknown) => {
      made = undefined;
      throw thrown;
    });
    return made;
  };
}
