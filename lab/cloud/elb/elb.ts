import { AwsError } from '../aws-error.ts';
import type { LoadBalancer } from './load-balancer.ts';
import type { TargetGroup } from './target-group.ts';

/** Load balancers and target groups by ARN. */
export class Elb {
  readonly loadBalancers = new Map<string, LoadBalancer>();
  readonly targetGroups = new Map<string, TargetGroup>();

  loadBalancer(arn: string): LoadBalancer {
    const found = this.loadBalancers.get(arn);
    if (found === undefined) throw new AwsError('LoadBalancerNotFound', `Load balancer '${arn}' not found`);
    return found;
  }

  targetGroup(arn: string): TargetGroup {
    const found = this.targetGroups.get(arn);
    if (found === undefined) throw new AwsError('TargetGroupNotFound', `Target group '${arn}' not found`);
    return found;
  }

  async close(): Promise<void> {
    for (const group of this.targetGroups.values()) group.close();
    await Promise.all(Array.from(this.loadBalancers.values(), (balancer) => balancer.close()));
  }
}
