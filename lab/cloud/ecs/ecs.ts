import { arn } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import type { Service } from './service.ts';
import type { Task } from './task.ts';
import { parseTaskDefinition, type TaskDefinition } from './task-definition.ts';

export interface Cluster {
  readonly name: string;
  readonly arn: string;
  /** `enhanced` publishes per task on top of `enabled`. */
  containerInsights: 'disabled' | 'enabled' | 'enhanced';
  readonly services: Map<string, Service>;
}

/** Everything that ECS knows. */
export class Ecs {
  readonly clusters = new Map<string, Cluster>();
  readonly #definitions = new Map<string, TaskDefinition>();

  createCluster(name: string, containerInsights: Cluster['containerInsights']): Cluster {
    if (this.clusters.has(name)) throw new AwsError('ClientException', `The cluster ${name} already exists.`);
    const cluster: Cluster = {
      name,
      arn: arn('ecs', `cluster/${name}`),
      containerInsights,
      services: new Map(),
    };
    this.clusters.set(name, cluster);
    return cluster;
  }

  deleteCluster(name: string): void {
    if ((this.clusters.get(name)?.services.size ?? 0) > 0) {
      throw new AwsError(
        'ClusterContainsServicesException',
        'The cluster cannot be deleted while services are active.',
      );
    }
    this.clusters.delete(name);
  }

  /** By name or ARN; undefined if there is none. */
  findCluster(nameOrArn: string): Cluster | undefined {
    return this.clusters.get(nameOrArn.replace(/^arn:[^/]*\//, ''));
  }

  cluster(nameOrArn: string): Cluster {
    const cluster = this.findCluster(nameOrArn);
    if (cluster === undefined) throw new AwsError('ClusterNotFoundException', 'Cluster not found.');
    return cluster;
  }

  /** Registers the next revision of a family, or a given one again after a restart. */
  register(inputs: unknown, known?: { revision: number; active: boolean }): TaskDefinition {
    const family = String((inputs as { family?: unknown }).family);
    const definition = parseTaskDefinition(
      inputs,
      known?.revision ?? this.#lastRevision(family) + 1,
      Date.now(),
    );
    if (known !== undefined) definition.active = known.active;
    this.#definitions.set(definition.arn, definition);
    return definition;
  }

  deregister(definitionArn: string): void {
    const definition = this.#definitions.get(definitionArn);
    if (definition !== undefined) definition.active = false;
  }

  /** By ARN, `family:revision`, or `family` for its newest active revision. */
  taskDefinition(name: string): TaskDefinition {
    const short = name.replace(/^arn:[^/]*\//, '');
    const [family, revision] = short.split(':');
    const found = [...this.#definitions.values()].filter(
      (d) => d.family === family && (revision === undefined ? d.active : String(d.revision) === revision),
    );
    const newest = found.sort((a, b) => b.revision - a.revision)[0];
    if (newest === undefined) throw new AwsError('ClientException', 'Unable to describe task definition.');
    return newest;
  }

  get services(): Service[] {
    return Array.from(this.clusters.values(), (cluster) => [...cluster.services.values()]).flat();
  }

  tasksOf(cluster: Cluster): Task[] {
    return [...cluster.services.values()].flatMap((service) => service.tasks);
  }

  #lastRevision(family: string): number {
    const revisions = Array.from(this.#definitions.values(), (d) => (d.family === family ? d.revision : 0));
    return Math.max(0, ...revisions);
  }
}
