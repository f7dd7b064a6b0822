import { ACCOUNT_ID, arn, hexId } from '../account.ts';
import type { Properties, ResourceKind } from './resource.ts';

/**
 * Resources that do nothing in a cloud on loopback: networks and permissions. They are kept, get the ids and ARNs that
 * others refer to, and are not enforced: a task reaches the load balancer whatever its security group says.
 */
export const PASSIVE_KINDS: ReadonlyMap<string, ResourceKind> = new Map([
  ['aws:ec2/vpc:Vpc', ec2('vpc', 'vpc')],
  ['aws:ec2/subnet:Subnet', ec2('subnet', 'subnet')],
  ['aws:ec2/internetGateway:InternetGateway', ec2('igw', 'internet-gateway')],
  ['aws:ec2/routeTable:RouteTable', ec2('rtb', 'route-table')],
  ['aws:ec2/route:Route', ec2('r-rtb', 'route')],
  ['aws:ec2/routeTableAssociation:RouteTableAssociation', ec2('rtbassoc', 'route-table-association')],
  ['aws:ec2/securityGroup:SecurityGroup', ec2('sg', 'security-group')],
  ['aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule', ec2('sgr', 'security-group-rule')],
  ['aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule', ec2('sgr', 'security-group-rule')],
  ['aws:iam/role:Role', iam('role', (inputs) => String(inputs['name']))],
  ['aws:iam/policy:Policy', iam('policy', (inputs) => String(inputs['name']))],
  ['aws:iam/rolePolicy:RolePolicy', iam('role-policy', (inputs) => `${inputs['role']}:${inputs['name']}`)],
  [
    'aws:iam/rolePolicyAttachment:RolePolicyAttachment',
    iam('role-policy-attachment', (inputs) => `${inputs['role']}-${hexId(26)}`),
  ],
]);

function ec2(prefix: string, resource: string): ResourceKind {
  const outputsOf = (id: string, inputs: Properties): Properties => ({
    ...inputs,
    arn: arn('ec2', `${resource}/${id}`),
    ownerId: ACCOUNT_ID,
  });
  return {
    create(inputs) {
      const id = `${prefix}-${hexId(17)}`;
      return { id, outputs: outputsOf(id, inputs) };
    },
    update: (record, inputs) => outputsOf(record.id, inputs),
  };
}

function iam(resource: string, idOf: (inputs: Properties) => string): ResourceKind {
  const outputsOf = (id: string, inputs: Properties, uniqueId: string): Properties => ({
    ...inputs,
    arn: `arn:aws:iam::${ACCOUNT_ID}:${resource}/${id}`,
    uniqueId,
  });
  return {
    create(inputs) {
      const id = idOf(inputs);
      return { id, outputs: outputsOf(id, inputs, `AROA${hexId(16).toUpperCase()}`) };
    },
    update: (record, inputs) => outputsOf(record.id, inputs, String(record.outputs['uniqueId'])),
  };
}
