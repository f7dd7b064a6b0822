import { randomUUID } from 'node:crypto';
import type { Task } from './task.ts';

/** DescribeServices shows this many. */
const MAX_EVENTS = 100;

export interface ServiceEvent {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly message: string;
}

/** A service's event list, newest first, in the wording that ECS uses and tools look for. */
export class ServiceEvents {
  readonly #service: string;
  #events: ServiceEvent[] = [];

  constructor(service: string) {
    this.#service = service;
  }

  get list(): readonly ServiceEvent[] {
    return this.#events;
  }

  started(tasks: readonly Task[]): void {
    this.#add(`has started ${tasks.length} tasks: ${names(tasks)}.`);
  }

  registered(tasks: readonly Task[], targetGroupArn: string): void {
    this.#add(`registered ${tasks.length} targets in (target-group ${targetGroupArn})`);
  }

  stopping(tasks: readonly Task[], targetGroupArn: string | undefined): void {
    if (targetGroupArn !== undefined) {
      this.#add(`deregistered ${tasks.length} targets in (target-group ${targetGroupArn})`);
      this.#add(`has begun draining connections on ${tasks.length} tasks.`);
    }
    this.#add(`has stopped ${tasks.length} running tasks: ${names(tasks)}.`);
  }

  unhealthy(task: Task, targetGroupArn: string, reason: string): void {
    this.#add(
      `(port ${task.port}) is unhealthy in (target-group ${targetGroupArn}) due to (reason ${reason}): ${names([task])}.`,
    );
  }

  exited(task: Task): void {
    const why = task.containerReason ?? task.stoppedReason ?? 'it exited';
    const code = task.exitCode === undefined ? '' : `, exit code ${task.exitCode}`;
    this.#add(`${names([task])} stopped: ${why}${code}.`);
  }

  completed(deploymentId: string): void {
    this.#add(`(deployment ${deploymentId}) deployment completed.`);
  }

  deploymentFailed(deploymentId: string): void {
    this.#add(`(deployment ${deploymentId}) deployment failed: tasks failed to start.`);
  }

  rollingBack(failedId: string, backId: string): void {
    this.#add(`rolling back from (deployment ${failedId}) to (deployment ${backId}).`);
  }

  steady(): void {
    this.#add('has reached a steady state.');
  }

  cannotStart(): void {
    this.#add('is unable to consistently start tasks successfully.');
  }

  #add(message: string): void {
    const event = {
      id: randomUUID(),
      createdAt: Date.now(),
      message: `(service ${this.#service}) ${message}`,
    };
    this.#events = [event, ...this.#events].slice(0, MAX_EVENTS);
  }
}

function names(tasks: readonly Task[]): string {
  return tasks.map((task) => `(task ${task.id})`).join(' ');
}
