import { ACCOUNT_ID } from '../account.ts';
import type { Cluster, Ecs } from '../ecs/ecs.ts';
import type { Service } from '../ecs/service.ts';
import type { Task } from '../ecs/task.ts';
import type { Elb } from '../elb/elb.ts';
import type { Domains } from '../opensearch/domains.ts';
import type { UsageReading } from '../tasks/runner.ts';
import type { Dimensions, MetricStore } from './metric-store.ts';

/** The lab publishes every 5 s so that an incident of a minute can be seen; Amazon publishes every 60 s. */
const PUBLISH_MS = 5000;
const MIB = 1024 * 1024;

/** What a process has used in an interval. */
interface IntervalUsage {
  /** Cores in use on average. */
  cores: number;
  residentMiB: number;
}

/** Turns what tasks, load balancers and domains did in the last interval into CloudWatch metrics. */
export class MetricPublisher {
  readonly #ecs: Ecs;
  readonly #elb: Elb;
  readonly #domains: Domains;
  readonly #store: MetricStore;
  readonly #before = new Map<string, UsageReading>();
  readonly #searches = new Map<string, { queries: number; queryMs: number }>();
  #timer: NodeJS.Timeout;

  constructor(store: MetricStore, ecs: Ecs, elb: Elb, domains: Domains) {
    this.#store = store;
    this.#ecs = ecs;
    this.#elb = elb;
    this.#domains = domains;
    this.#timer = this.#schedule();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** At the clock's full intervals, so that each datum covers the time between two round timestamps. */
  #schedule(): NodeJS.Timeout {
    const now = Date.now();
    const next = (Math.floor(now / PUBLISH_MS) + 1) * PUBLISH_MS;
    return setTimeout(() => {
      this.#publish(next - PUBLISH_MS);
      this.#timer = this.#schedule();
    }, next - now);
  }

  #publish(timestamp: number): void {
    for (const cluster of this.#ecs.clusters.values()) {
      for (const service of cluster.services.values()) this.#service(cluster, service, timestamp);
    }
    this.#loadBalancers(timestamp);
    for (const domain of this.#domains.all) {
      const dimensions = { DomainName: domain.name, ClientId: ACCOUNT_ID };
      const usage = this.#interval(domain.arn, domain.usage);
      if (usage !== undefined) {
        this.#put('AWS/ES', 'CPUUtilization', dimensions, 'Percent', timestamp, [
          (usage.cores / domain.vcpus) * 100,
        ]);
      }
      void domain.searchStats().then((stats) => {
        const before = this.#searches.get(domain.arn);
        if (stats === undefined) return;
        this.#searches.set(domain.arn, stats);
        const queries = stats.queries - (before?.queries ?? 0);
        if (before === undefined || queries <= 0) return;
        const latency = (stats.queryMs - before.queryMs) / queries;
        this.#put('AWS/ES', 'SearchLatency', dimensions, 'Milliseconds', timestamp, [latency]);
        this.#put('AWS/ES', 'SearchRate', dimensions, 'Count', timestamp, [queries]);
      });
    }
  }

  #service(cluster: Cluster, service: Service, timestamp: number): void {
    const dimensions = { ClusterName: cluster.name, ServiceName: service.name };
    const running = service.tasks.filter((task) => task.status === 'RUNNING');
    const measured = running.flatMap((task) => {
      const usage = this.#interval(task.id, task.usage);
      return usage === undefined ? [] : [{ task, usage }];
    });
    // One value a task: their average is what Amazon publishes as the service's, as all have the same reservation.
    const cpu = measured.map(({ task, usage }) => ((usage.cores * 1024) / task.definition.cpuUnits) * 100);
    const memory = measured.map(({ task, usage }) => (usage.residentMiB / task.definition.memoryMiB) * 100);
    this.#put('AWS/ECS', 'CPUUtilization', dimensions, 'Percent', timestamp, cpu);
    this.#put('AWS/ECS', 'MemoryUtilization', dimensions, 'Percent', timestamp, memory);
    if (cluster.containerInsights === 'disabled') return;

    const insights = 'ECS/ContainerInsights';
    this.#put(insights, 'RunningTaskCount', dimensions, 'Count', timestamp, [running.length]);
    this.#put(insights, 'DesiredTaskCount', dimensions, 'Count', timestamp, [service.settings.desiredCount]);
    this.#put(insights, 'DeploymentCount', dimensions, 'Count', timestamp, [service.deployments.length]);
    this.#sizes(dimensions, timestamp, measured);
    if (cluster.containerInsights !== 'enhanced') return;
    for (const one of measured) {
      const { family } = one.task.definition;
      this.#sizes(
        { ClusterName: cluster.name, TaskDefinitionFamily: family, TaskId: one.task.id },
        timestamp,
        [one],
      );
    }
  }

  /** Container Insights counts in CPU units and MiB, summed over a service's tasks. */
  #sizes(
    dimensions: Dimensions,
    timestamp: number,
    measured: readonly { task: Task; usage: IntervalUsage }[],
  ): void {
    if (measured.length === 0) return;
    const sum = (of: (one: { task: Task; usage: IntervalUsage }) => number) => [
      measured.reduce((total, one) => total + of(one), 0),
    ];
    const put = (name: string, unit: string, values: readonly number[]) =>
      this.#put('ECS/ContainerInsights', name, dimensions, unit, timestamp, values);
    put(
      'CpuUtilized',
      'None',
      sum(({ usage }) => usage.cores * 1024),
    );
    put(
      'CpuReserved',
      'None',
      sum(({ task }) => task.definition.cpuUnits),
    );
    put(
      'MemoryUtilized',
      'Megabytes',
      sum(({ usage }) => usage.residentMiB),
    );
    put(
      'MemoryReserved',
      'Megabytes',
      sum(({ task }) => task.definition.memoryMiB),
    );
  }

  #loadBalancers(timestamp: number): void {
    for (const group of this.#elb.targetGroups.values()) {
      const responses = group.takeResponses();
      const count = (from: number) => responses.filter((r) => Math.floor(r.statusCode / 100) === from).length;
      for (const LoadBalancer of group.loadBalancers) {
        const ofGroup = { LoadBalancer, TargetGroup: group.arnSuffix };
        const healthy = group.targets.filter((target) => target.state === 'healthy').length;
        const unhealthy = group.targets.filter((target) => target.state === 'unhealthy').length;
        this.#elbMetric('HealthyHostCount', [ofGroup], 'Count', timestamp, [healthy]);
        this.#elbMetric('UnHealthyHostCount', [ofGroup], 'Count', timestamp, [unhealthy]);
        if (responses.length === 0) continue;
        const both: Dimensions[] = [{ LoadBalancer }, ofGroup];
        const seconds = responses.map((response) => response.seconds);
        this.#elbMetric('RequestCount', both, 'Count', timestamp, [responses.length]);
        this.#elbMetric('TargetResponseTime', both, 'Seconds', timestamp, seconds);
        for (const hundred of [2, 3, 4, 5]) {
          const name = `HTTPCode_Target_${hundred}XX_Count`;
          const responsesOfIt = count(hundred);
          if (responsesOfIt > 0) this.#elbMetric(name, both, 'Count', timestamp, [responsesOfIt]);
        }
      }
    }
    for (const balancer of this.#elb.loadBalancers.values()) {
      const errors = balancer.takeErrors();
      if (errors.length === 0) continue;
      const dimensions = { LoadBalancer: balancer.arnSuffix };
      this.#elbMetric('HTTPCode_ELB_5XX_Count', [dimensions], 'Count', timestamp, [errors.length]);
      for (const status of new Set(errors)) {
        const times = errors.filter((error) => error === status).length;
        this.#elbMetric(`HTTPCode_ELB_${status}_Count`, [dimensions], 'Count', timestamp, [times]);
      }
    }
  }

  #elbMetric(
    name: string,
    all: readonly Dimensions[],
    unit: string,
    timestamp: number,
    values: readonly number[],
  ): void {
    for (const dimensions of all) this.#put('AWS/ApplicationELB', name, dimensions, unit, timestamp, values);
  }

  /** Usage since the last publication; undefined until there are two readings to subtract. */
  #interval(id: string, now: UsageReading | undefined): IntervalUsage | undefined {
    const before = this.#before.get(id);
    if (now === undefined) return undefined;
    this.#before.set(id, now);
    if (before === undefined || now.at <= before.at || now.cpuMs < before.cpuMs) return undefined;
    return { cores: (now.cpuMs - before.cpuMs) / (now.at - before.at), residentMiB: now.residentBytes / MIB };
  }

  #put(
    namespace: string,
    name: string,
    dimensions: Dimensions,
    unit: string,
    timestamp: number,
    values: readonly number[],
  ): void {
    this.#store.put({ namespace, name, dimensions, unit }, timestamp, values);
  }
}
