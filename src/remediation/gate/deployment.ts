import { toProblem } from '../../problem.ts';
import { ALL_DATASETS } from '../../telemetry/query.ts';
import type { Case } from './case.ts';
import type { GatePorts, Progress } from './ports.ts';
import { watchRollout } from './rollout.ts';

/** Watches what an update rolls over and keeps the moment and the words in the case. Throws where the rollout fails. */
export async function watchDeployment(
  ports: GatePorts,
  one: Case,
  signal: AbortSignal,
  told: Progress,
): Promise<{ deployedAt: number; words: string }> {
  const source = one.rollout && (await ports.rollouts());
  let deployed = { deployedAt: ports.clock.now(), words: 'No ECS service is rolled over by this change.' };
  if (one.rollout && source) {
    deployed = await watchRollout({
      source,
      target: one.rollout.target,
      known: one.rollout.known,
      clock: ports.clock,
      timeoutMs: ports.settings().rolloutTimeoutMinutes * 60_000,
      signal,
      onProgress: (words, fraction) => {
        one.rolloutWords = words;
        told(`Rollout: ${words}`, fraction);
      },
    });
  }
  one.deployedAt = deployed.deployedAt;
  one.rolloutWords = deployed.words;
  return deployed;
}

/** Marks the deployment in the telemetry: a help for people who look at charts, for want of which no update fails. */
export async function markDeployment(ports: GatePorts, one: Case, signal: AbortSignal): Promise<void> {
  const { deployedAt } = one;
  if (deployedAt === null) return;
  try {
    const store = await ports.telemetry();
    const marker = { time: deployedAt, message: one.proposal.title.slice(0, 200), type: 'deploy' };
    await store?.mark(ports.settings().dataset || ALL_DATASETS, marker, signal);
  } catch (thrown) {
    const { message } = toProblem(thrown);
    one.rolloutWords = `${one.rolloutWords ?? ''} (The deployment could not be marked in the telemetry: ${message})`;
  }
}
