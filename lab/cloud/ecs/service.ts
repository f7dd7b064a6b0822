import { arn, decimalId } from '../account.ts';
import { ServiceEvents } from './service-events.ts';
import { Task, type TaskContext } from './task.ts';
import type { TaskDefinition } from './task-definition.ts';

type RolloutState = 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';

export interface Deployment {
  readonly id: string;
  readonly taskDefinition: TaskDefinition;
  readonly createdAt: number;
  updatedAt: number;
  failedTasks: number;
  rolloutState: RolloutState;
  rolloutStateReason: string;
}

/** What the program can say about a service, and change later. */
export interface ServiceSettings {
  taskDefinition: TaskDefinition;
  desiredCount: number;
  minimumHealthyPercent: number;
  maximumPercent: number;
  circuitBreaker: { enable: boolean; rollback: boolean };
  healthCheckGracePeriodMs: number;
}

export type ServiceContext = Omit<TaskContext, 'deploymentId' | 'changed' | 'serviceName'>;

const RECONCILE_MS = 250;
/** ECS shows stopped tasks for about an hour. */
const STOPPED_VISIBLE_MS = 3_600_000;
/** ECS's circuit breaker trips after half the desired count, but not before 3 and not later than 200 failed tasks. */
const BREAKER_MIN = 3;
const BREAKER_MAX = 200;
const MAX_BACKOFF_MS = 30_000;
/** Failures in a row after which the service says that it cannot start tasks. */
const UNABLE_AFTER = 5;

/** An ECS service with the rolling deployment controller. */
export class Service {
  readonly name: string;
  readonly arn: string;
  readonly createdAt = Date.now();
  readonly events: ServiceEvents;
  readonly context: ServiceContext;
  settings: ServiceSettings;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE' = 'ACTIVE';
  /** The newest first: that one is PRIMARY, the others are ACTIVE until their last task is gone. */
  deployments: Deployment[] = [];
  #tasks: Task[] = [];
  #lastCompleted: TaskDefinition | undefined;
  #steady = false;
  #startNotBefore = 0;
  #failuresInARow = 0;
  #started = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(name: string, settings: ServiceSettings, context: ServiceContext) {
    this.name = name;
    this.settings = settings;
    this.context = context;
    this.arn = arn('ecs', `service/${context.clusterName}/${name}`);
    this.events = new ServiceEvents(name);
    this.#deploy(settings.taskDefinition, 'in progress.');
    this.#timer = setInterval(() => this.reconcile(), RECONCILE_MS);
  }

  /** Running and starting tasks, and those that stopped within the last hour. */
  get tasks(): readonly Task[] {
    const since = Date.now() - STOPPED_VISIBLE_MS;
    return this.#tasks.filter((task) => task.stoppedAt === undefined || task.stoppedAt > since);
  }

  tasksOf(deployment: Deployment): readonly Task[] {
    return this.#tasks.filter(
      (task) => task.context.deploymentId === deployment.id && task.status !== 'STOPPED',
    );
  }

  update(settings: ServiceSettings): void {
    const before = this.settings;
    this.settings = settings;
    this.#steady = false;
    if (settings.taskDefinition.arn !== before.taskDefinition.arn) {
      this.#deploy(settings.taskDefinition, 'in progress.');
    }
    this.reconcile();
  }

  /** Rolls the same task definition out once more, with fresh tasks. */
  deployAnew(): void {
    this.#deploy(this.settings.taskDefinition, 'in progress.');
    this.reconcile();
  }

  /** Stops all tasks; resolves when the last is gone. */
  async delete(): Promise<void> {
    this.status = 'DRAINING';
    clearInterval(this.#timer);
    const stops = this.#tasks.map((task) => task.stop('ServiceSchedulerInitiated', 'Service was deleted'));
    await Promise.all(stops);
    while (this.#tasks.some((task) => task.status !== 'STOPPED'))
      await new Promise((resolve) => setTimeout(resolve, 50));
    this.status = 'INACTIVE';
  }

  /** No more scheduling: whoever closes the cloud ends the tasks. */
  close(): void {
    clearInterval(this.#timer);
  }

  /** One look at what is, and the steps towards what is wanted. */
  reconcile(): void {
    const [primary] = this.deployments;
    if (this.status !== 'ACTIVE' || primary === undefined) return;
    this.#tasks = [...this.tasks];
    this.#stopUnhealthy();
    this.#startMissing(primary);
    this.#stopSurplus(primary);
    this.deployments = this.deployments.filter((d) => d === primary || this.tasksOf(d).length > 0);
    this.#settle(primary);
  }

  #deploy(taskDefinition: TaskDefinition, reason: string): Deployment {
    const id = `ecs-svc/${decimalId(19)}`;
    const now = Date.now();
    const deployment: Deployment = {
      id,
      taskDefinition,
      createdAt: now,
      updatedAt: now,
      failedTasks: 0,
      rolloutState: 'IN_PROGRESS',
      rolloutStateReason: `ECS deployment ${id} ${reason}`,
    };
    this.deployments = [deployment, ...this.deployments];
    this.#steady = false;
    this.#failuresInARow = 0;
    this.#startNotBefore = 0;
    return deployment;
  }

  #wanted(deployment?: Deployment): Task[] {
    return this.#tasks.filter(
      (task) => task.wanted && (deployment === undefined || task.context.deploymentId === deployment.id),
    );
  }

  #startMissing(primary: Deployment): void {
    if (primary.rolloutState === 'FAILED' || Date.now() < this.#startNotBefore) return;
    const { desiredCount, maximumPercent } = this.settings;
    const room = Math.floor((desiredCount * maximumPercent) / 100) - this.#wanted().length;
    const missing = desiredCount - this.#wanted(primary).length;
    const started: Task[] = [];
    for (let n = Math.min(room, missing); n > 0; n -= 1) {
      const context: TaskContext = {
        ...this.context,
        serviceName: this.name,
        deploymentId: primary.id,
        changed: (task) => this.#taskChanged(task),
      };
      const task = new Task(primary.taskDefinition, context, this.#started++);
      this.#tasks.push(task);
      started.push(task);
    }
    if (started.length === 0) return;
    this.#steady = false;
    this.events.started(started);
    for (const task of started) {
      // A task that cannot even be given a port is a failed start like any other.
      task.start().catch((error: unknown) => task.stop('TaskFailedToStart', String(error)));
    }
  }

  /** Old deployments' tasks go as the new ones become healthy; so does what is too much of the new. */
  #stopSurplus(primary: Deployment): void {
    const { desiredCount, minimumHealthyPercent } = this.settings;
    const leastHealthy = Math.ceil((desiredCount * minimumHealthyPercent) / 100);
    let spare = this.#wanted().filter((task) => task.healthy).length - leastHealthy;
    const old = this.#wanted().filter((task) => task.context.deploymentId !== primary.id);
    const surplus = this.#wanted(primary).slice(desiredCount);
    const stopping: Task[] = [];
    for (const task of [...old, ...surplus]) {
      if (task.healthy) {
        if (spare <= 0) continue;
        spare -= 1;
      }
      stopping.push(task);
    }
    if (stopping.length === 0) return;
    this.events.stopping(stopping, this.context.targetGroup?.arn);
    for (const task of stopping) {
      const reason = `Scaling activity initiated by (deployment ${task.context.deploymentId})`;
      void task.stop('ServiceSchedulerInitiated', reason);
    }
  }

  #stopUnhealthy(): void {
    const { targetGroup } = this.context;
    if (targetGroup === undefined) return;
    const now = Date.now();
    for (const task of this.#wanted()) {
      const target = targetGroup.target(task.id);
      if (target?.state !== 'unhealthy') continue;
      if (now - (task.startedAt ?? now) < this.settings.healthCheckGracePeriodMs) continue;
      this.events.unhealthy(task, targetGroup.arn, target.reason);
      this.#countFailure(task);
      void task.stop(
        'ServiceSchedulerInitiated',
        `Task failed ELB health checks in (target-group ${targetGroup.arn})`,
      );
    }
  }

  #taskChanged(task: Task): void {
    if (task.status === 'RUNNING' && this.context.targetGroup !== undefined) {
      this.events.registered([task], this.context.targetGroup.arn);
    }
    if (task.status === 'STOPPED' && task.stopCode !== 'ServiceSchedulerInitiated') {
      this.events.exited(task);
      this.#countFailure(task);
    }
    if (task.status === 'STOPPED') this.#steady = false;
  }

  /** A task that ended by itself or never got well: its deployment is charged with it, and the next start waits a little longer. */
  #countFailure(task: Task): void {
    this.#failuresInARow = task.everHealthy ? 1 : this.#failuresInARow + 1;
    this.#startNotBefore = Date.now() + Math.min(MAX_BACKOFF_MS, 250 * 2 ** this.#failuresInARow);
    if (this.#failuresInARow === UNABLE_AFTER) this.events.cannotStart();
    const deployment = this.deployments.find((d) => d.id === task.context.deploymentId);
    if (deployment === undefined || deployment.rolloutState !== 'IN_PROGRESS') return;
    deployment.failedTasks += 1;
    deployment.updatedAt = Date.now();
    const { circuitBreaker, desiredCount } = this.settings;
    const threshold = Math.min(BREAKER_MAX, Math.max(BREAKER_MIN, Math.ceil(desiredCount / 2)));
    if (circuitBreaker.enable && deployment.failedTasks >= threshold)
      this.#fail(deployment, circuitBreaker.rollback);
  }

  #fail(deployment: Deployment, rollback: boolean): void {
    deployment.rolloutState = 'FAILED';
    deployment.rolloutStateReason = 'ECS deployment circuit breaker: tasks failed to start.';
    this.events.deploymentFailed(deployment.id);
    if (!rollback || this.#lastCompleted === undefined || deployment !== this.deployments[0]) return;
    const back = this.#deploy(this.#lastCompleted, 'in progress.');
    back.rolloutStateReason = `ECS deployment circuit breaker: rolling back to deploymentId ${back.id}.`;
    this.events.rollingBack(deployment.id, back.id);
  }

  #settle(primary: Deployment): void {
    const { desiredCount } = this.settings;
    const healthy = this.#wanted(primary).filter((task) => task.healthy).length;
    if (healthy < desiredCount || this.deployments.length > 1 || this.#wanted().length !== desiredCount)
      return;
    if (primary.rolloutState === 'IN_PROGRESS') {
      primary.rolloutState = 'COMPLETED';
      primary.rolloutStateReason = `ECS deployment ${primary.id} completed.`;
      primary.updatedAt = Date.now();
      this.#lastCompleted = primary.taskDefinition;
      this.events.completed(primary.id);
    }
    if (this.#steady) return;
    this.#steady = true;
    this.#failuresInARow = 0;
    this.events.steady();
  }
}
