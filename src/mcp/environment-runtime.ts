import { LRUCache } from 'lru-cache';
import type { Diagnosis } from '../diagnosis/diagnosis.ts';
import type { MetricsSource, StackSource } from '../infrastructure/model.ts';
import { redactor } from '../infrastructure/pulumi/redact.ts';
import { Problem } from '../problem.ts';
import type { TelemetryStore } from '../telemetry/query.ts';
import { line } from './answer.ts';
import {
  dataset,
  type Environment,
  honeycombKey,
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
    async diagnose(question, signal, progress) {
      const [{ diagnose }, { narrate }] = await Promise.all([
        import('../diagnosis/diagnose.ts'),
        import('../diagnosis/narrate.ts'),
      ]);
      const ports = {
        telemetry: await telemetry(),
        metrics: await cloudWatch(env),
        stacks: await stacks(),
        now: Date.now(),
        dataset: dataset(env),
      };
      const made = await diagnose(question, ports, signal, progress);
      diagnoses.set(made.id, made);
      return { diagnosis: made, ...narrate(made) };
    },
    async proposeSizing(from, client, signal) {
      const { proposeSizing } = await import('../remediation/propose-sizing.ts');
      const origin = { by: 'mcp', client: line(client, 100) } as const;
      const made = await proposeSizing(from, await stacks(), origin, Date.now(), signal);
      if (made) return proposals.leave(made);
      throw new Problem(
        'refused',
        `Diagnosis ${from.id} (${from.verdict}) gives no ground for another size.`,
        'Look at the causes that it names; a change of the program may help where a larger machine does not.',
      );
    },
    proposeEdits: (request, client, signal) => proposals.propose(request, client, Date.now(), signal),
    proposal: (id) => proposals.standing(id),
  };
}

async function honeycomb(env: Environment): Promise<TelemetryStore> {
  const apiUrl = honeycombUrl(env);
  const apiKey = honeycombKey(env, apiUrl);
  const { HoneycombClient } = await import('../telemetry/honeycomb.ts');
  return new HoneycombClient({ apiUrl, apiKey: async () => apiKey });
}

/** Null where no region is named: which one it would be is never guessed, and the diagnosis says what it lacks. */
async function cloudWatch(env: Environment): Promise<MetricsSource | null> {
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
  if (!region) return null;
  const { CloudWatchMetrics } = await import('../infrastructure/aws/cloudwatch.ts');
  const profile = env['AWS_PROFILE'];
  return new CloudWatchMetrics({ region, ...(profile ? { profile } : {}) }, Date.now);
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
