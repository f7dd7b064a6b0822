import type { MetricQuery, StackResource, StackSnapshot } from '../model.ts';
import type { MachineLocation } from '../workloads.ts';

/** What a series measures, in the words that reasoning uses. */
export type Measurand = 'cpu' | 'memory';

/** One series to ask for, and whose it is: a service of the telemetry, or a resource of the stack that services call. */
export interface PlannedMetric {
  readonly query: MetricQuery;
  readonly measurand: Measurand;
  readonly service: string | null;
  readonly urn: string | null;
}

type Draft = Omit<MetricQuery, 'id'>;

/**
 * The one batch that a diagnosis asks for: use against the reservation of each service, and CPU of the data stores
 * that the stack holds. Names and dimensions as the CloudWatch user guides of ECS, OpenSearch Service and RDS list them.
 */
export function planMetrics(
  locations: readonly MachineLocation[],
  snapshots: readonly StackSnapshot[],
): readonly PlannedMetric[] {
  const planned: PlannedMetric[] = [];
  const add = (draft: Draft, about: Omit<PlannedMetric, 'query'>): void => {
    planned.push({ ...about, query: { ...draft, id: `m${planned.length}` } });
  };
  for (const { service, cluster, ecsService } of locations) {
    const dimensions = { ClusterName: cluster, ServiceName: ecsService };
    for (const statistic of ['average', 'maximum'] as const) {
      const common = { namespace: 'AWS/ECS', dimensions, statistic, unit: 'percent' } as const;
      add({ ...common, metric: 'CPUUtilization' }, { measurand: 'cpu', service, urn: null });
      add({ ...common, metric: 'MemoryUtilization' }, { measurand: 'memory', service, urn: null });
    }
  }
  for (const resource of snapshots.flatMap((snapshot) => snapshot.resources)) {
    const draft = dataStoreCpu(resource);
    if (draft !== null) add(draft, { measurand: 'cpu', service: null, urn: resource.urn });
  }
  return planned;
}

function dataStoreCpu(resource: StackResource): Draft | null {
  const common = { metric: 'CPUUtilization', statistic: 'average', unit: 'percent' } as const;
  switch (resource.type) {
    case 'aws:opensearch/domain:Domain': {
      const name = text(resource, 'domainName');
      const account = accountOf(text(resource, 'arn'));
      if (name === null || account === null) return null;
      return { ...common, namespace: 'AWS/ES', dimensions: { DomainName: name, ClientId: account } };
    }
    case 'aws:rds/instance:Instance': {
      const name = text(resource, 'identifier');
      return name === null
        ? null
        : { ...common, namespace: 'AWS/RDS', dimensions: { DBInstanceIdentifier: name } };
    }
    default:
      return null;
  }
}

function text(resource: StackResource, property: string): string | null {
  const value = resource.outputs[property] ?? resource.inputs[property];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** `arn:aws:es:us-east-1:123456789012:domain/name` → `123456789012`. */
function accountOf(arn: string | null): string | null {
  return arn?.split(':')[4] || null;
}
