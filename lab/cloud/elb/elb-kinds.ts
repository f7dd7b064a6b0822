import { z } from 'zod';
import { arn, hexId } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { parseInputs } from '../resources/inputs.ts';
import type { Properties, ResourceKind } from '../resources/resource.ts';
import type { Elb } from './elb.ts';
import { LoadBalancer } from './load-balancer.ts';
import { type HealthCheck, TargetGroup } from './target-group.ts';

const Name = z.string().regex(/^[A-Za-z0-9-]{1,32}$/, 'a name has at most 32 letters, digits and hyphens');

const LoadBalancerInputs = z.looseObject({
  name: Name,
  loadBalancerType: z.literal('application').default('application'),
  idleTimeout: z.number().default(60),
});

/** ELB's own defaults. */
const TargetGroupInputs = z.looseObject({
  name: Name,
  protocol: z.literal('HTTP').default('HTTP'),
  targetType: z.enum(['ip', 'instance']).default('instance'),
  deregistrationDelay: z.coerce.number().default(300),
  healthCheck: z
    .looseObject({
      path: z.string().default('/'),
      interval: z.number().min(5).default(30),
      timeout: z.number().min(2).default(5),
      healthyThreshold: z.int().min(2).default(3),
      unhealthyThreshold: z.int().min(2).default(3),
      matcher: z.string().default('200'),
    })
    .prefault({}),
});

const ListenerInputs = z.looseObject({
  loadBalancerArn: z.string(),
  port: z.int().optional(),
  protocol: z.literal('HTTP').default('HTTP'),
  defaultActions: z.array(z.looseObject({ type: z.string(), targetGroupArn: z.string().optional() })).min(1),
});

export function elbKinds(elb: Elb): [string, ResourceKind][] {
  return [
    ['aws:lb/loadBalancer:LoadBalancer', loadBalancerKind(elb)],
    ['aws:lb/targetGroup:TargetGroup', targetGroupKind(elb)],
    ['aws:lb/listener:Listener', listenerKind(elb)],
  ];
}

function loadBalancerKind(elb: Elb): ResourceKind {
  const start = async (inputs: Properties, ownArn: string, port: number): Promise<Properties> => {
    const { idleTimeout } = parseInputs(LoadBalancerInputs, inputs);
    const balancer = await LoadBalancer.start(ownArn, port);
    balancer.idleTimeoutSeconds = idleTimeout;
    elb.loadBalancers.set(ownArn, balancer);
    return {
      ...inputs,
      arn: ownArn,
      arnSuffix: balancer.arnSuffix,
      // Host and port: nothing but loopback leads to this load balancer, and port 80 is seldom free.
      dnsName: `127.0.0.1:${balancer.port}`,
      zoneId: 'Z35SXDOTRQ7X7K',
    };
  };
  return {
    async create(inputs) {
      const { name } = parseInputs(LoadBalancerInputs, inputs);
      const ownArn = arn('elasticloadbalancing', `loadbalancer/app/${name}/${hexId(16)}`);
      return { id: ownArn, outputs: await start(inputs, ownArn, 0) };
    },
    restore: (record) =>
      start(record.inputs, record.id, Number(String(record.outputs['dnsName']).split(':')[1])),
    update(record, inputs) {
      elb.loadBalancer(record.id).idleTimeoutSeconds = parseInputs(LoadBalancerInputs, inputs).idleTimeout;
      return { ...record.outputs, ...inputs };
    },
    async delete(record) {
      await elb.loadBalancers.get(record.id)?.close();
      elb.loadBalancers.delete(record.id);
    },
  };
}

function targetGroupKind(elb: Elb): ResourceKind {
  const settings = (inputs: Properties): { healthCheck: HealthCheck; delayMs: number } => {
    const { healthCheck, deregistrationDelay } = parseInputs(TargetGroupInputs, inputs);
    const { interval, timeout, ...rest } = healthCheck;
    return {
      healthCheck: { ...rest, intervalSeconds: interval, timeoutSeconds: timeout },
      delayMs: deregistrationDelay * 1000,
    };
  };
  const create = (inputs: Properties, ownArn: string): Properties => {
    const { healthCheck, delayMs } = settings(inputs);
    const group = new TargetGroup(ownArn, healthCheck, delayMs);
    elb.targetGroups.set(ownArn, group);
    return { ...inputs, arn: ownArn, arnSuffix: group.arnSuffix };
  };
  return {
    create(inputs) {
      const { name } = parseInputs(TargetGroupInputs, inputs);
      const ownArn = arn('elasticloadbalancing', `targetgroup/${name}/${hexId(16)}`);
      return { id: ownArn, outputs: create(inputs, ownArn) };
    },
    restore: (record) => create(record.inputs, record.id),
    update(record, inputs) {
      const group = elb.targetGroup(record.id);
      const { healthCheck, delayMs } = settings(inputs);
      group.healthCheck = healthCheck;
      group.deregistrationDelayMs = delayMs;
      return { ...record.outputs, ...inputs };
    },
    delete(record) {
      const group = elb.targetGroups.get(record.id);
      if ((group?.loadBalancers.size ?? 0) > 0) {
        throw new AwsError(
          'ResourceInUse',
          `Target group '${record.id}' is currently in use by a listener or a rule`,
        );
      }
      group?.close();
      elb.targetGroups.delete(record.id);
    },
  };
}

function listenerKind(elb: Elb): ResourceKind {
  const forward = (inputs: Properties, ownArn: string): void => {
    const { loadBalancerArn, defaultActions } = parseInputs(ListenerInputs, inputs);
    const [action] = defaultActions;
    if (action?.type !== 'forward' || action.targetGroupArn === undefined || defaultActions.length > 1) {
      throw new AwsError(
        'InvalidConfigurationRequest',
        "The emulated cloud's (not Amazon's) listeners take one forward action.",
      );
    }
    const balancer = elb.loadBalancer(loadBalancerArn);
    if (balancer.listenerArn !== undefined && balancer.listenerArn !== ownArn) {
      throw new AwsError(
        'DuplicateListener',
        "The emulated cloud's (not Amazon's) load balancers have one listener.",
      );
    }
    balancer.forwardTo(ownArn, elb.targetGroup(action.targetGroupArn));
  };
  return {
    create(inputs) {
      const { loadBalancerArn } = parseInputs(ListenerInputs, inputs);
      const ownArn = `${loadBalancerArn.replace(':loadbalancer/', ':listener/')}/${hexId(16)}`;
      forward(inputs, ownArn);
      return { id: ownArn, outputs: { ...inputs, arn: ownArn } };
    },
    restore(record) {
      forward(record.inputs, record.id);
      return record.outputs;
    },
    update(record, inputs) {
      forward(inputs, record.id);
      return { ...record.outputs, ...inputs };
    },
    delete(record) {
      elb.loadBalancers.get(String(record.inputs['loadBalancerArn']))?.stopForwarding();
    },
  };
}
