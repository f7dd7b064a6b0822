import { z } from 'zod';
import { AwsError } from '../aws-error.ts';
import type { Elb } from '../elb/elb.ts';
import type { LogStore } from '../logs/log-store.ts';
import { parseInputs } from '../resources/inputs.ts';
import type { Properties, ResourceKind, ResourceRecord } from '../resources/resource.ts';
import type { Images } from '../tasks/images.ts';
import type { TaskRunner } from '../tasks/runner.ts';
import type { Ecs } from './ecs.ts';
import { Service, type ServiceSettings } from './service.ts';

export interface ServiceDependencies {
  readonly ecs: Ecs;
  readonly elb: Elb;
  readonly logs: LogStore;
  readonly runner: TaskRunner;
  readonly images: Images;
}

/** What the cloud reads of `aws.ecs.Service`'s inputs, with ECS's own defaults. */
const Inputs = z.looseObject({
  name: z.string(),
  cluster: z.string(),
  taskDefinition: z.string(),
  launchType: z
    .literal('FARGATE', "the emulated cloud (not Amazon's) has launchType FARGATE only")
    .optional(),
  desiredCount: z.int().min(0).max(20, "the emulated cloud (not Amazon's) runs at most 20 tasks").default(0),
  deploymentMinimumHealthyPercent: z.number().default(100),
  deploymentMaximumPercent: z.number().default(200),
  deploymentCircuitBreaker: z
    .object({ enable: z.boolean(), rollback: z.boolean() })
    .prefault({ enable: false, rollback: false }),
  healthCheckGracePeriodSeconds: z.number().default(0),
  waitForSteadyState: z
    .literal(
      false,
      "the emulated cloud (not Amazon's) does not wait; DescribeServices tells how a deployment goes",
    )
    .optional(),
  loadBalancers: z
    .array(z.looseObject({ targetGroupArn: z.string(), containerName: z.string(), containerPort: z.int() }))
    .max(1)
    .default([]),
});

export function serviceKind(dependencies: ServiceDependencies): ResourceKind {
  const { ecs } = dependencies;
  const find = (record: ResourceRecord): Service => {
    const found = ecs.services.find((service) => service.arn === record.id);
    if (found === undefined) throw new AwsError('ServiceNotFoundException', 'Service not found.');
    return found;
  };
  const create = (inputs: Properties): Properties => ({
    ...inputs,
    arn: createService(dependencies, inputs).arn,
  });
  return {
    create(inputs) {
      const outputs = create(inputs);
      return { id: String(outputs['arn']), outputs };
    },
    restore: (record) => create(record.inputs),
    update(record, inputs) {
      find(record).update(settingsOf(ecs, inputs));
      return { ...record.outputs, ...inputs };
    },
    /** What an operator sees: a rollback by the circuit breaker moves the service, and a refresh shows it. */
    read(record) {
      const { settings, deployments } = find(record);
      const taskDefinition = deployments[0]?.taskDefinition.arn ?? settings.taskDefinition.arn;
      return { ...record.outputs, taskDefinition, desiredCount: settings.desiredCount };
    },
    async delete(record) {
      const service = find(record);
      await service.delete();
      ecs.cluster(service.context.clusterArn).services.delete(service.name);
    },
  };
}

function settingsOf(ecs: Ecs, inputs: Properties): ServiceSettings {
  const parsed = parseInputs(Inputs, inputs);
  const taskDefinition = ecs.taskDefinition(parsed.taskDefinition);
  const [balancer] = parsed.loadBalancers;
  const { container } = taskDefinition;
  const mapped = container.portMappings.some((mapping) => mapping.containerPort === balancer?.containerPort);
  if (balancer !== undefined && (container.name !== balancer.containerName || !mapped)) {
    throw new AwsError(
      'InvalidParameterException',
      `The container ${balancer.containerName} did not have a container port ${balancer.containerPort} defined.`,
    );
  }
  return {
    taskDefinition,
    desiredCount: parsed.desiredCount,
    minimumHealthyPercent: parsed.deploymentMinimumHealthyPercent,
    maximumPercent: parsed.deploymentMaximumPercent,
    circuitBreaker: parsed.deploymentCircuitBreaker,
    healthCheckGracePeriodMs: parsed.healthCheckGracePeriodSeconds * 1000,
  };
}

function createService(dependencies: ServiceDependencies, inputs: Properties): Service {
  const { ecs, elb, logs, runner, images } = dependencies;
  const { name, cluster: clusterName, loadBalancers } = parseInputs(Inputs, inputs);
  const cluster = ecs.cluster(clusterName);
  if (cluster.services.has(name)) {
    throw new AwsError('InvalidParameterException', 'Creation of service was not idempotent.');
  }
  const targetGroupArn = loadBalancers[0]?.targetGroupArn;
  const targetGroup = targetGroupArn === undefined ? undefined : elb.targetGroup(targetGroupArn);
  if (targetGroup !== undefined && targetGroup.loadBalancers.size === 0) {
    throw new AwsError(
      'InvalidParameterException',
      `The target group with targetGroupArn ${targetGroup.arn} does not have an associated load balancer.`,
    );
  }
  const service = new Service(name, settingsOf(ecs, inputs), {
    runner,
    logs,
    images,
    targetGroup,
    clusterArn: cluster.arn,
    clusterName: cluster.name,
  });
  cluster.services.set(name, service);
  return service;
}
