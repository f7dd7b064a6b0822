import { ACCOUNT_ID, AVAILABILITY_ZONES, arn, hexId, REGION } from '../account.ts';
import type { TargetGroup } from '../elb/target-group.ts';
import { freePort } from '../http.ts';
import type { LogStore, LogStream } from '../logs/log-store.ts';
import { type Images, imageCommand } from '../tasks/images.ts';
import type { ExitReport, TaskRunner, UsageReading } from '../tasks/runner.ts';
import type { TaskDefinition } from './task-definition.ts';

export type TaskStatus = 'PENDING' | 'ACTIVATING' | 'RUNNING' | 'DEACTIVATING' | 'STOPPING' | 'STOPPED';
export type StopCode = 'TaskFailedToStart' | 'EssentialContainerExited' | 'ServiceSchedulerInitiated';

/** What a task is started with and where it reports to. */
export interface TaskContext {
  readonly runner: TaskRunner;
  readonly logs: LogStore;
  readonly images: Images;
  readonly clusterArn: string;
  readonly clusterName: string;
  readonly serviceName: string;
  readonly deploymentId: string;
  /** Where the task takes requests, and on which of its container's ports; undefined for a service without a load balancer. */
  readonly targetGroup: TargetGroup | undefined;
  /** Called after each change of status. */
  readonly changed: (task: Task) => void;
}

/** One running copy of a task definition: a local process. */
export class Task {
  readonly id = hexId(32);
  readonly arn: string;
  readonly definition: TaskDefinition;
  readonly context: TaskContext;
  readonly availabilityZone: string;
  readonly createdAt = Date.now();
  readonly containerId = `${this.id}-${hexId(10)}`;
  status: TaskStatus = 'PENDING';
  startedAt: number | undefined;
  stoppingAt: number | undefined;
  stoppedAt: number | undefined;
  stopCode: StopCode | undefined;
  stoppedReason: string | undefined;
  containerReason: string | undefined;
  exitCode: number | undefined;
  /** True once the load balancer has found it well (or at once without one). */
  everHealthy = false;
  #port = 0;
  #logStream: LogStream | undefined;

  constructor(definition: TaskDefinition, context: TaskContext, zoneIndex: number) {
    this.definition = definition;
    this.context = context;
    this.arn = arn('ecs', `task/${context.clusterName}/${this.id}`);
    this.availabilityZone = AVAILABILITY_ZONES[zoneIndex % AVAILABILITY_ZONES.length] ?? `${REGION}a`;
  }

  get port(): number {
    return this.#port;
  }

  /** Meant to keep running. */
  get wanted(): boolean {
    return this.stoppingAt === undefined && this.stoppedAt === undefined;
  }

  get healthy(): boolean {
    if (this.status !== 'RUNNING') return false;
    const { targetGroup } = this.context;
    const well = targetGroup === undefined || targetGroup.target(this.id)?.state === 'healthy';
    this.everHealthy ||= well;
    return well;
  }

  get usage(): UsageReading | undefined {
    return this.context.runner.usage(this.id);
  }

  async start(): Promise<void> {
    const { container } = this.definition;
    const command = imageCommand(this.context.images, container.image);
    if (command === undefined) {
      this.#stopped(
        'TaskFailedToStart',
        `CannotPullContainerError: the emulated cloud (not Amazon's) has no image ${container.image}; it has ${Object.keys(this.context.images).join(', ')}`,
      );
      return;
    }
    try {
      this.#logStream = this.#openLog();
    } catch (error) {
      this.#stopped('TaskFailedToStart', `ResourceInitializationError: ${(error as Error).message}`);
      return;
    }
    this.#port = await freePort();
    if (!this.wanted) return;
    this.#setStatus('ACTIVATING');
    this.context.runner.start(
      this.id,
      {
        command,
        cwd: process.cwd(),
        env: this.#environment(),
        cpuUnits: this.definition.cpuUnits,
        memoryMiB: this.definition.memoryMiB,
      },
      {
        started: () => {
          this.startedAt = Date.now();
          if (!this.wanted) return;
          this.context.targetGroup?.register(this.id, this.#port);
          this.#setStatus('RUNNING');
        },
        output: (at, lines) => this.#logStream?.append(at, lines),
        exited: (exit) => this.#exited(exit),
      },
    );
  }

  /** Drains it from the load balancer, asks it to end, and ends it after the container's stopTimeout. */
  async stop(code: StopCode, reason: string): Promise<void> {
    if (!this.wanted) return;
    this.stoppingAt = Date.now();
    this.stopCode = code;
    this.stoppedReason = reason;
    if (this.status === 'PENDING') {
      this.#stopped(code, reason);
      return;
    }
    this.#setStatus('DEACTIVATING');
    await this.context.targetGroup?.deregister(this.id);
    if (this.stoppedAt !== undefined) return;
    this.#setStatus('STOPPING');
    this.context.runner.stop(this.id, this.definition.container.stopTimeout * 1000);
  }

  #exited(exit: ExitReport): void {
    if (exit.exitCode !== null) this.exitCode = exit.exitCode;
    if (exit.outOfMemory) {
      this.containerReason = 'OutOfMemoryError: Container killed due to memory usage';
    }
    if (exit.startError !== undefined) {
      this.#stopped('TaskFailedToStart', `CannotStartContainerError: ${exit.startError}`);
    } else {
      this.#stopped(
        this.stopCode ?? 'EssentialContainerExited',
        this.stoppedReason ?? 'Essential container in task exited',
      );
    }
  }

  #stopped(code: StopCode, reason: string): void {
    const now = Date.now();
    this.stoppingAt ??= now;
    this.stoppedAt = now;
    this.stopCode = code;
    this.stoppedReason = reason;
    void this.context.targetGroup?.deregister(this.id);
    this.#setStatus('STOPPED');
  }

  #setStatus(status: TaskStatus): void {
    this.status = status;
    this.context.changed(this);
  }

  /** The stream that the awslogs driver writes to; throws when its log group does not exist. */
  #openLog(): LogStream | undefined {
    const { container } = this.definition;
    const { logConfiguration } = container;
    if (logConfiguration?.logDriver !== 'awslogs') return undefined;
    const { options } = logConfiguration;
    const prefix = options['awslogs-stream-prefix'] ?? 'ecs';
    const name = options['awslogs-group'] ?? '';
    return this.context.logs.openStream(
      name,
      `${prefix}/${container.name}/${this.id}`,
      options['awslogs-create-group'] === 'true',
    );
  }

  /** Only what the container definition says, the port, and what the resource detectors find on ECS: nothing of this process's own. */
  #environment(): Record<string, string> {
    const { container, family, revision } = this.definition;
    const { clusterArn, serviceName } = this.context;
    const logGroup = container.logConfiguration?.options['awslogs-group'];
    const resource: Record<string, string> = {
      'cloud.provider': 'aws',
      'cloud.platform': 'aws_ecs',
      'cloud.region': REGION,
      'cloud.account.id': ACCOUNT_ID,
      'cloud.availability_zone': this.availabilityZone,
      'aws.ecs.cluster.arn': clusterArn,
      'aws.ecs.task.arn': this.arn,
      'aws.ecs.task.family': family,
      'aws.ecs.task.revision': String(revision),
      'aws.ecs.launchtype': 'fargate',
      'aws.ecs.container.arn': arn(
        'ecs',
        `container/${this.context.clusterName}/${this.id}/${this.containerId}`,
      ),
      'aws.ecs.service.name': serviceName,
      'container.name': container.name,
      'container.id': this.containerId,
      'service.instance.id': this.id,
      ...(logGroup === undefined ? {} : { 'aws.log.group.names': logGroup }),
    };
    const given = Object.fromEntries(container.environment.map(({ name, value }) => [name, value]));
    const own = given['OTEL_RESOURCE_ATTRIBUTES'];
    const attributes = Object.entries(resource).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    return {
      PATH: process.env['PATH'] ?? '',
      AWS_REGION: REGION,
      ...given,
      PORT: String(this.#port),
      OTEL_RESOURCE_ATTRIBUTES: [...(own === undefined ? [] : [own]), ...attributes].join(','),
    };
  }
}
