import type { StackResource, StackSnapshot, Workload } from './model.ts';

/** What the resource attributes of a service's spans say about where it runs; null where they are silent. */
export interface RuntimeIdentity {
  readonly service: string;
  readonly clusterArn: string | null;
  readonly taskArn: string | null;
  readonly taskFamily: string | null;
  readonly ecsService: string | null;
  readonly launchType: string | null;
  readonly region: string | null;
}

/** Where a service's machine metrics are kept. */
export type MachineLocation = Pick<Workload, 'service' | 'region' | 'cluster' | 'ecsService'>;

/** What keeps a join from being complete, and what would help. */
export interface Unjoined {
  readonly service: string;
  readonly why: string;
  readonly nextStep: string;
}

export interface JoinResult {
  readonly workloads: readonly Workload[];
  /** Every service whose cluster and ECS service are known, those without a known reservation too. */
  readonly locations: readonly MachineLocation[];
  readonly unjoined: readonly Unjoined[];
}

const TASK_DEFINITION = 'aws:ecs/taskDefinition:TaskDefinition';
const ECS_SERVICE = 'aws:ecs/service:Service';

/**
 * Joins the services of the telemetry to the ECS services they run in. The family in the spans names the task
 * definition in the stack; the stack's service that uses this family gives the name that metrics are kept under.
 */
export function joinWorkloads(
  identities: readonly RuntimeIdentity[],
  snapshots: readonly StackSnapshot[],
): JoinResult {
  const resources = snapshots.flatMap((snapshot) => snapshot.resources);
  const workloads: Workload[] = [];
  const locations: MachineLocation[] = [];
  const unjoined: Unjoined[] = [];
  for (const identity of identities) {
    const declared = findDeclared(identity, resources);
    const location = locate(identity, declared);
    if ('why' in location) {
      unjoined.push(location);
      continue;
    }
    locations.push(location);
    const workload = withReservation(identity, location, declared);
    if ('why' in workload) unjoined.push(workload);
    else workloads.push(workload);
  }
  return { workloads, locations, unjoined };
}

interface Declared {
  readonly taskDefinition: StackResource | undefined;
  readonly service: StackResource | undefined;
}

function findDeclared(identity: RuntimeIdentity, resources: readonly StackResource[]): Declared {
  const taskDefinition = resources.find(
    (resource) =>
      resource.type === TASK_DEFINITION &&
      identity.taskFamily !== null &&
      text(resource, 'family') === identity.taskFamily,
  );
  const services = resources.filter((resource) => resource.type === ECS_SERVICE);
  const service =
    services.find((one) => identity.ecsService !== null && text(one, 'name') === identity.ecsService) ??
    services.find((one) => taskDefinition !== undefined && runsFamily(one, taskDefinition));
  return { taskDefinition, service };
}

function locate(identity: RuntimeIdentity, declared: Declared): MachineLocation | Unjoined {
  const { service } = identity;
  if (identity.taskFamily === null && identity.clusterArn === null && identity.ecsService === null) {
    return {
      service,
      why: 'Its spans carry no aws.ecs.* resource attributes, so the machine it runs on is unknown.',
      nextStep: 'Turn on the ECS resource detector of the OpenTelemetry SDK.',
    };
  }
  const ecsService = identity.ecsService ?? (declared.service && text(declared.service, 'name')) ?? null;
  if (ecsService === null) {
    return {
      service,
      why: `No ECS service is known for task family ${identity.taskFamily ?? '(none)'}.`,
      nextStep:
        'Set aws.ecs.service.name as a resource attribute, or open the Pulumi project that declares it.',
    };
  }
  const arn =
    identity.clusterArn ??
    identity.taskArn ??
    (declared.taskDefinition && text(declared.taskDefinition, 'arn'));
  const region = identity.region ?? regionOf(arn ?? null);
  const cluster = clusterName(
    identity.clusterArn ?? (declared.service && text(declared.service, 'cluster')) ?? null,
  );
  if (region === null || cluster === null) {
    return {
      service,
      why: `The ${region === null ? 'region' : 'cluster'} of ECS service ${ecsService} is unknown.`,
      nextStep: 'Set cloud.region and aws.ecs.cluster.arn as resource attributes.',
    };
  }
  return { service, region, cluster, ecsService };
}

function withReservation(
  identity: RuntimeIdentity,
  location: MachineLocation,
  { taskDefinition, service }: Declared,
): Workload | Unjoined {
  const cpuUnits = size(taskDefinition, 'cpu');
  const memoryMiB = size(taskDefinition, 'memory');
  if (taskDefinition === undefined || cpuUnits === null || memoryMiB === null) {
    return {
      service: identity.service,
      why: `No stack at hand declares a size for task family ${identity.taskFamily ?? '(none)'}.`,
      nextStep: 'Open the Pulumi project that declares this task definition, or select its stack.',
    };
  }
  return {
    ...location,
    platform: 'ecs',
    taskFamily: identity.taskFamily ?? '',
    launchType: launchType(identity.launchType ?? (service && text(service, 'launchType')) ?? null),
    cpuUnits,
    memoryMiB,
    desiredCount: count(service, 'desiredCount') ?? 1,
    taskDefinitionUrn: taskDefinition.urn,
    ...(service === undefined ? {} : { serviceUrn: service.urn }),
    joinedBy:
      `aws.ecs.task.family ${identity.taskFamily} in the spans is the family of ${taskDefinition.name} in the stack` +
      (service === undefined ? '' : `, which ECS service ${location.ecsService} runs`),
  };
}

/** Reads a property as the provider reported it, else as the program asked for it. */
function property(resource: StackResource | undefined, name: string): unknown {
  if (resource === undefined) return undefined;
  return resource.outputs[name] ?? resource.inputs[name];
}

function text(resource: StackResource, name: string): string | null {
  const value = property(resource, name);
  return typeof value === 'string' && value !== '' ? value : null;
}

function count(resource: StackResource | undefined, name: string): number | null {
  const value = property(resource, name);
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function runsFamily(service: StackResource, taskDefinition: StackResource): boolean {
  if (service.dependencies.includes(taskDefinition.urn)) return true;
  const used = text(service, 'taskDefinition');
  if (used === null) return false;
  return used === text(taskDefinition, 'arn') || familyOf(used) === text(taskDefinition, 'family');
}

/** `arn:…:task-definition/family:7` and `family:7` both name `family`. */
function familyOf(taskDefinition: string): string {
  const last = taskDefinition.slice(taskDefinition.lastIndexOf('/') + 1);
  return last.replace(/:\d+$/, '');
}

/** ECS takes units (`512`) and vCPU (`.5 vCPU`, `1 GB`) in task definitions; states hold what was written. */
function size(taskDefinition: StackResource | undefined, name: 'cpu' | 'memory'): number | null {
  const value = property(taskDefinition, name);
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? value : null;
  if (typeof value !== 'string') return null;
  const match = /^\s*(\d*\.?\d+)\s*(vcpu|gb)?\s*$/i.exec(value);
  const amount = Number(match?.[1]);
  if (match === null || !Number.isFinite(amount) || amount <= 0) return null;
  return match[2] === undefined ? amount : amount * 1024;
}

/** `arn:aws:ecs:us-east-1:123456789012:cluster/name` → `us-east-1`. */
function regionOf(arn: string | null): string | null {
  const parts = arn?.split(':') ?? [];
  return parts[0] === 'arn' && parts[3] ? parts[3] : null;
}

function clusterName(arnOrName: string | null): string | null {
  if (arnOrName === null || arnOrName === '') return null;
  return arnOrName.slice(arnOrName.lastIndexOf('/') + 1);
}

function launchType(value: string | null): Workload['launchType'] {
  const upper = value?.toUpperCase();
  return upper === 'FARGATE' || upper === 'EC2' || upper === 'EXTERNAL' ? upper : 'unknown';
}
