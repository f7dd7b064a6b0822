import type { Deployment as WireDeployment } from '@aws-sdk/client-ecs';
import { Problem } from '../../problem.ts';
import type { Deployment, RolloutSource, Workload } from '../model.ts';
import { type AwsIdentity, awsProblem } from './aws-problems.ts';
import { clientSettings } from './client-settings.ts';

/** The state of rollouts as ECS reports it. */
export class EcsRollouts implements RolloutSource {
  readonly #profile: string | undefined;

  constructor(profile?: string) {
    this.#profile = profile;
  }

  /** Newest first. Throws a Problem: `not-found` when ECS has no such service, or what AWS refused. */
  async deployments(
    workload: Pick<Workload, 'cluster' | 'ecsService' | 'region'>,
    signal?: AbortSignal,
  ): Promise<readonly Deployment[]> {
    const identity: AwsIdentity = {
      region: workload.region,
      ...(this.#profile === undefined ? {} : { profile: this.#profile }),
    };
    try {
      signal?.throwIfAborted();
      const [{ DescribeServicesCommand, ECSClient }, settings] = await Promise.all([
        import('@aws-sdk/client-ecs'),
        clientSettings(identity),
      ]);
      const client = new ECSClient(settings);
      try {
        const answer = await client.send(
          new DescribeServicesCommand({ cluster: workload.cluster, services: [workload.ecsService] }),
          signal === undefined ? {} : { abortSignal: signal },
        );
        const [service] = answer.services ?? [];
        if (service === undefined) throw missing(workload, answer.failures?.[0]?.reason);
        return (service.deployments ?? []).map(toDeployment).sort((a, b) => b.createdAt - a.createdAt);
      } finally {
        client.destroy();
      }
    } catch (thrown) {
      if (signal?.aborted) {
        throw new Problem('cancelled', 'Cancelled.', 'Start it again when you want to.', { cause: thrown });
      }
      throw awsProblem(thrown, `ECS service ${workload.ecsService}`, identity);
    }
  }
}

/** A missing service is no exception to ECS: it says so in `failures`. */
function missing(
  workload: Pick<Workload, 'cluster' | 'ecsService' | 'region'>,
  reason: string | undefined,
): Problem {
  return new Problem(
    'not-found',
    `ECS has no service ${workload.ecsService} in cluster ${workload.cluster} in ${workload.region}` +
      `${reason === undefined ? '' : ` (${reason})`}.`,
    'Check region and profile, and that the stack is deployed there.',
  );
}

const ROLLOUT: Readonly<Record<string, Deployment['rollout']>> = {
  IN_PROGRESS: 'in-progress',
  COMPLETED: 'completed',
  FAILED: 'failed',
};

function toDeployment(wire: WireDeployment): Deployment {
  const running = wire.runningCount ?? 0;
  const desired = wire.desiredCount ?? 0;
  return {
    id: wire.id ?? '',
    taskDefinition: wire.taskDefinition ?? '',
    // Services without the rolling-update controller report no rollout state: counts tell.
    rollout: ROLLOUT[wire.rolloutState ?? ''] ?? (running >= desired ? 'completed' : 'in-progress'),
    ...(wire.rolloutStateReason === undefined ? {} : { reason: wire.rolloutStateReason.slice(0, 500) }),
    running,
    desired,
    pending: wire.pendingCount ?? 0,
    failedTasks: wire.failedTasks ?? 0,
    createdAt: wire.createdAt?.getTime() ?? 0,
    updatedAt: wire.updatedAt?.getTime() ?? 0,
  };
}
