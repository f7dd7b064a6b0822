import { z } from 'zod';
import { arn } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import type { Ecs } from '../ecs/ecs.ts';
import { type ServiceDependencies, serviceKind } from '../ecs/service-kind.ts';
import type { Elb } from '../elb/elb.ts';
import { elbKinds } from '../elb/elb-kinds.ts';
import type { LogStore } from '../logs/log-store.ts';
import type { Domains } from '../opensearch/domains.ts';
import { parseInputs } from './inputs.ts';
import type { Properties, ResourceKind } from './resource.ts';

const LogGroupInputs = z.looseObject({ name: z.string(), retentionInDays: z.number().optional() });
const ClusterInputs = z.looseObject({
  name: z.string(),
  settings: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
});

export interface CloudParts extends ServiceDependencies {
  readonly ecs: Ecs;
  readonly elb: Elb;
  readonly logs: LogStore;
  readonly domains: Domains;
}

/** Resources that the cloud really has: processes, proxies, logs. */
export function activeKinds(parts: CloudParts): ReadonlyMap<string, ResourceKind> {
  return new Map<string, ResourceKind>([
    ['aws:cloudwatch/logGroup:LogGroup', logGroupKind(parts.logs)],
    ['aws:ecs/cluster:Cluster', clusterKind(parts.ecs)],
    ['aws:ecs/taskDefinition:TaskDefinition', taskDefinitionKind(parts.ecs)],
    ['aws:ecs/service:Service', serviceKind(parts)],
    ['aws:opensearch/domain:Domain', parts.domains.kind],
    ...elbKinds(parts.elb),
  ]);
}

function logGroupKind(logs: LogStore): ResourceKind {
  const create = (inputs: Properties): Properties => {
    const { name, retentionInDays } = parseInputs(LogGroupInputs, inputs);
    return { ...inputs, arn: logs.createGroup(name, retentionInDays).arn };
  };
  return {
    create: (inputs) => ({ id: String(inputs['name']), outputs: create(inputs) }),
    restore: (record) => create(record.inputs),
    update(record, inputs) {
      logs.group(record.id).retentionInDays = parseInputs(LogGroupInputs, inputs).retentionInDays;
      return { ...record.outputs, ...inputs };
    },
    delete: (record) => logs.deleteGroup(record.id),
  };
}

function clusterKind(ecs: Ecs): ResourceKind {
  const create = (inputs: Properties): Properties => {
    const { name, settings } = parseInputs(ClusterInputs, inputs);
    return { ...inputs, arn: ecs.createCluster(name, containerInsights(settings)).arn };
  };
  return {
    create(inputs) {
      const outputs = create(inputs);
      return { id: String(outputs['arn']), outputs };
    },
    restore: (record) => create(record.inputs),
    update(record, inputs) {
      ecs.cluster(record.id).containerInsights = containerInsights(
        parseInputs(ClusterInputs, inputs).settings,
      );
      return { ...record.outputs, ...inputs };
    },
    delete: (record) => ecs.deleteCluster(String(record.inputs['name'])),
  };
}

function containerInsights(
  settings: readonly { name: string; value: string }[],
): 'disabled' | 'enabled' | 'enhanced' {
  const value = settings.find((setting) => setting.name === 'containerInsights')?.value ?? 'disabled';
  if (value === 'enabled' || value === 'enhanced' || value === 'disabled') return value;
  throw new AwsError(
    'InvalidParameterException',
    `invalid value ${value} for the cluster setting containerInsights`,
  );
}

function taskDefinitionKind(ecs: Ecs): ResourceKind {
  const register = (inputs: Properties, known?: { revision: number; active: boolean }): Properties => {
    const definition = ecs.register(inputs, known);
    const { family, revision } = definition;
    return {
      ...inputs,
      arn: definition.arn,
      arnWithoutRevision: arn('ecs', `task-definition/${family}`),
      revision,
    };
  };
  return {
    create: (inputs) => ({ id: String(inputs['family']), outputs: register(inputs) }),
    restore: (record) =>
      register(record.inputs, { revision: Number(record.outputs['revision']), active: true }),
    delete: (record) => ecs.deregister(String(record.outputs['arn'])),
  };
}
