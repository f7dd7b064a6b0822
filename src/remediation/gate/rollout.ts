import type {
  Deployment,
  RolloutSource,
  StackResource,
  StackSnapshot,
  Workload,
} from '../../infrastructure/model.ts';
import { Problem, toProblem } from '../../problem.ts';
import type { Clock } from './ports.ts';

export type RolloutTarget = Pick<Workload, 'cluster' | 'ecsService' | 'region'>;

const ECS_SERVICE = 'aws:ecs/service:Service';
const POLL_MS = 2_000;
/** A look that fails is made again this many times, each after twice the pause of the one before. */
const RETRIES = 3;

/** The word of the service itself that its rollout failed; all else that goes wrong while watching says nothing of it. */
export class FailedRollout extends Problem {}

/** The ECS service that runs what was changed: the changed resource itself, or one that depends on it. */
export function rolloutTarget(snapshot: StackSnapshot, changed: ReadonlySet<string>): RolloutTarget | null {
  const service = snapshot.resources.find(
    (one) =>
      one.type === ECS_SERVICE && (changed.has(one.urn) || one.dependencies.some((urn) => changed.has(urn))),
  );
  if (!service) return null;
  const ecsService = text(service, 'name');
  const cluster = text(service, 'cluster')?.split('/').at(-1);
  const region =
    regionOf(service.id ?? '') ??
    regionOf(text(service, 'cluster') ?? '') ??
    regionOf(text(service, 'taskDefinition') ?? '');
  return ecsService && cluster && region ? { ecsService, cluster, region } : null;
}

function text(resource: StackResource, name: string): string | undefined {
  const value = resource.outputs[name] ?? resource.inputs[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function regionOf(arn: string): string | undefined {
  const parts = arn.split(':');
  return parts[0] === 'arn' && parts[3] ? parts[3] : undefined;
}

export interface RolloutWatch {
  readonly source: RolloutSource;
  readonly target: RolloutTarget;
  /** Ids of the deployments that were there before the update. */
  readonly known: ReadonlySet<string>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (words: string, fraction: number | null) => void;
}

/**
 * Waits until the service's new deployment is complete, and gives the moment (epoch milliseconds, this machine's clock)
 * at which that was seen. A Problem where it fails or takes longer than the timeout.
 */
export async function watchRollout(watch: RolloutWatch): Promise<{ deployedAt: number; words: string }> {
  const started = watch.clock.now();
  for (;;) {
    const deployments = await look(watch);
    const newest = [...deployments].sort((a, b) => b.createdAt - a.createdAt)[0];
    const isNew = newest !== undefined && !watch.known.has(newest.id);
    const now = watch.clock.now();
    if (newest && isNew) {
      const old = deployments
        .filter((one) => one.id !== newest.id)
        .reduce((sum, one) => sum + one.running, 0);
      const words = rolloutWords(newest, old);
      if (newest.rollout === 'failed') {
        throw new FailedRollout(
          'internal',
          `The rollout of ${watch.target.ecsService} failed${newest.reason ? `: ${newest.reason.slice(0, 300)}` : '.'}`,
          'Look at the stopped tasks of the service; roll back if it does not recover.',
        );
      }
      if (newest.rollout === 'completed' && newest.running >= newest.desired && old === 0) {
        return { deployedAt: now, words };
      }
      watch.onProgress(words, newest.desired > 0 ? Math.min(1, newest.running / newest.desired) : null);
    } else {
      watch.onProgress(`Waiting for ${watch.target.ecsService} to begin its rollout`, null);
      // An update that changes nothing of the service starts no deployment.
      if (now - started > 30_000 && newest?.rollout === 'completed') {
        return { deployedAt: started, words: `${watch.target.ecsService} started no new deployment.` };
      }
    }
    if (now - started > watch.timeoutMs) {
      throw new Problem(
        'timeout',
        `The rollout of ${watch.target.ecsService} is not complete after ${Math.round(watch.timeoutMs / 60_000)} minutes.`,
        'Look at the service; verify again when it is through, or roll back.',
      );
    }
    await watch.clock.sleep(POLL_MS, watch.signal);
  }
}

async function look(watch: RolloutWatch): Promise<readonly Deployment[]> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await watch.source.deployments(watch.target, watch.signal);
    } catch (thrown) {
      const problem = toProblem(thrown);
      if (watch.signal.aborted || problem.code === 'cancelled' || attempt === RETRIES) throw problem;
      watch.onProgress(`${problem.message} Looking again`, null);
      await watch.clock.sleep(POLL_MS * 2 ** attempt, watch.signal);
    }
  }
}

function rolloutWords(deployment: Deployment, old: number): string {
  const tasks = `${deployment.running} of ${deployment.desired} new ${deployment.desired === 1 ? 'task' : 'tasks'} running`;
  const draining = old > 0 ? `, ${old} old still there` : '';
  const failed = deployment.failedTasks > 0 ? `, ${deployment.failedTasks} failed` : '';
  return `${tasks}${draining}${failed}${deployment.rollout === 'completed' && old === 0 ? ': complete' : ''}`;
}
