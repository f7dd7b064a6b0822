import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import {
  DescribeServicesCommand,
  ECSClient,
  ListTasksCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { Problem } from '../src/problem.ts';

const WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 250;
/** The emulated cloud publishes so often, and its metrics can be asked for at this period. */
const PUBLISHED_EVERY_S = 5;

/** The lab's one service, as its emulated ECS knows it. */
export class RunningService {
  readonly #client: ECSClient;
  readonly #metrics: CloudWatchClient;
  readonly #cluster: string;
  readonly #service: string;
  readonly #signal: AbortSignal;

  constructor(cloudUrl: string, cluster: string, service: string, signal: AbortSignal) {
    const connection = {
      endpoint: cloudUrl,
      region: 'us-east-1',
      // Nothing on loopback verifies them; the emulated cloud only wants that there are some.
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
    };
    this.#client = new ECSClient(connection);
    this.#metrics = new CloudWatchClient(connection);
    this.#cluster = cluster;
    this.#service = service;
    this.#signal = signal;
  }

  /** Replaces the tasks by fresh ones of the same revision. */
  async renewTasks(): Promise<void> {
    const command = new UpdateServiceCommand({
      cluster: this.#cluster,
      service: this.#service,
      forceNewDeployment: true,
    });
    await this.#client.send(command, { abortSignal: this.#signal });
    await this.untilSteady();
  }

  /** Ids of the running tasks, in a fixed order. */
  async taskIds(): Promise<readonly string[]> {
    const command = new ListTasksCommand({ cluster: this.#cluster, serviceName: this.#service });
    const { taskArns = [] } = await this.#client.send(command, { abortSignal: this.#signal });
    return taskArns.map((arn) => arn.split('/').at(-1) ?? arn).sort();
  }

  /**
   * Resolves when a task has used at least so many percent of its memory for two published points in a row, or when
   * that has not come about in the time given: what is there by then is judged, and the lab goes on.
   */
  async untilMemoryUsed(percent: number, withinMs: number): Promise<void> {
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
      const command = new GetMetricStatisticsCommand({
        Namespace: 'AWS/ECS',
        MetricName: 'MemoryUtilization',
        Dimensions: [
          { Name: 'ClusterName', Value: this.#cluster },
          { Name: 'ServiceName', Value: this.#service },
        ],
        StartTime: new Date(Date.now() - 4 * PUBLISHED_EVERY_S * 1000),
        EndTime: new Date(),
        Period: PUBLISHED_EVERY_S,
        Statistics: ['Maximum'],
      });
      const { Datapoints = [] } = await this.#metrics.send(command, { abortSignal: this.#signal });
      const newest = Datapoints.sort((a, b) => Number(b.Timestamp) - Number(a.Timestamp)).slice(0, 2);
      if (newest.length === 2 && newest.every(({ Maximum = 0 }) => Maximum >= percent)) return;
      await sleep(1000, undefined, { signal: this.#signal });
    }
  }

  /** Resolves when the newest deployment is the only one and all of its tasks run. Throws a Problem when it fails. */
  async untilSteady(): Promise<void> {
    const command = new DescribeServicesCommand({ cluster: this.#cluster, services: [this.#service] });
    for (const deadline = Date.now() + WITHIN_MS; Date.now() < deadline; ) {
      const { services = [] } = await this.#client.send(command, { abortSignal: this.#signal });
      const [service] = services;
      const deployments = service?.deployments ?? [];
      const [newest] = deployments;
      if (newest?.rolloutState === 'FAILED') {
        throw new Problem(
          'program-error',
          `The lab’s service could not be rolled out: ${newest.rolloutStateReason ?? 'ECS gives no reason'}`,
          'See the log group of the lab’s service for what its tasks said.',
        );
      }
      const steady =
        deployments.length === 1 &&
        newest?.rolloutState === 'COMPLETED' &&
        service?.runningCount === service?.desiredCount &&
        service?.pendingCount === 0;
      if (steady) return;
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.#signal });
    }
    throw new Problem(
      'timeout',
      `The lab’s service was not steady within ${WITHIN_MS / 1000} s.`,
      'Close what keeps this machine busy and start again.',
    );
  }

  close(): void {
    this.#client.destroy();
    this.#metrics.destroy();
  }
}
