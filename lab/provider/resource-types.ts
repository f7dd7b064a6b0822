import { fargateSizeProblem } from '../cloud/ecs/fargate-sizes.ts';
import type { Properties } from './cloud-client.ts';

export interface CheckFailure {
  property: string;
  reason: string;
}

/** What the provider itself knows of a type; the rest is the cloud's. */
export interface ResourceType {
  /** Inputs without which it cannot be made. */
  readonly required: readonly string[];
  /** Inputs that cannot be changed in place: another value makes a new resource. */
  readonly replaceOn: readonly string[];
  /** The input that is made up from the resource's name in the program if it is left out, and how long it may be. */
  readonly autoName?: { readonly property: string; readonly maxLength: number };
  /** Two resources of this type cannot have the same name at the same time. */
  readonly uniqueName?: boolean;
  /** What Amazon would refuse; called with inputs that may hold unknown values. */
  readonly check?: (inputs: Properties) => CheckFailure[];
}

function type(replaceOn: readonly string[], rest: Partial<ResourceType> = {}): ResourceType {
  return { required: [], replaceOn, ...rest };
}

const name = (maxLength: number) => ({ autoName: { property: 'name', maxLength }, uniqueName: true });

/** Every resource type that the emulated provider has, by its type token in `@pulumi/aws`, with the replacement rules of the real one. */
export const RESOURCE_TYPES: ReadonlyMap<string, ResourceType> = new Map([
  ['aws:ec2/vpc:Vpc', type(['cidrBlock', 'instanceTenancy'])],
  ['aws:ec2/subnet:Subnet', type(['vpcId', 'cidrBlock', 'availabilityZone'], { required: ['vpcId'] })],
  ['aws:ec2/internetGateway:InternetGateway', type([])],
  ['aws:ec2/routeTable:RouteTable', type(['vpcId'], { required: ['vpcId'] })],
  ['aws:ec2/route:Route', type(['routeTableId', 'destinationCidrBlock'], { required: ['routeTableId'] })],
  [
    'aws:ec2/routeTableAssociation:RouteTableAssociation',
    type(['subnetId', 'gatewayId'], { required: ['routeTableId'] }),
  ],
  ['aws:ec2/securityGroup:SecurityGroup', type(['name', 'description', 'vpcId'], name(255))],
  [
    'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule',
    type(['securityGroupId'], { required: ['securityGroupId', 'ipProtocol'] }),
  ],
  [
    'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule',
    type(['securityGroupId'], { required: ['securityGroupId', 'ipProtocol'] }),
  ],
  ['aws:iam/role:Role', type(['name', 'path'], { required: ['assumeRolePolicy'], ...name(64) })],
  ['aws:iam/policy:Policy', type(['name', 'path', 'description'], { required: ['policy'], ...name(128) })],
  ['aws:iam/rolePolicy:RolePolicy', type(['name', 'role'], { required: ['policy', 'role'], ...name(128) })],
  [
    'aws:iam/rolePolicyAttachment:RolePolicyAttachment',
    type(['role', 'policyArn'], { required: ['role', 'policyArn'] }),
  ],
  ['aws:cloudwatch/logGroup:LogGroup', type(['name', 'logGroupClass'], name(512))],
  ['aws:ecs/cluster:Cluster', type(['name'], name(255))],
  [
    'aws:ecs/taskDefinition:TaskDefinition',
    type(
      // A revision cannot be changed: whatever is different makes a new one.
      [
        'family',
        'containerDefinitions',
        'cpu',
        'memory',
        'executionRoleArn',
        'taskRoleArn',
        'networkMode',
        'requiresCompatibilities',
        'runtimePlatform',
        'volumes',
        'ephemeralStorage',
        'placementConstraints',
        'ipcMode',
        'pidMode',
        'proxyConfiguration',
      ],
      { required: ['family', 'containerDefinitions'], check: checkTaskDefinition },
    ),
  ],
  [
    'aws:ecs/service:Service',
    type(['name', 'cluster', 'launchType', 'schedulingStrategy', 'loadBalancers', 'iamRole'], name(255)),
  ],
  ['aws:lb/loadBalancer:LoadBalancer', type(['name', 'internal', 'loadBalancerType'], name(32))],
  ['aws:lb/targetGroup:TargetGroup', type(['name', 'port', 'protocol', 'targetType', 'vpcId'], name(32))],
  [
    'aws:lb/listener:Listener',
    type(['loadBalancerArn'], { required: ['loadBalancerArn', 'defaultActions'] }),
  ],
  [
    'aws:opensearch/domain:Domain',
    type(['domainName'], { autoName: { property: 'domainName', maxLength: 28 }, uniqueName: true }),
  ],
]);

/** The type, or an Error that names it. */
export function resourceType(token: string): ResourceType {
  const found = RESOURCE_TYPES.get(token);
  if (found === undefined) {
    throw new Error(
      `The emulated aws provider (not Amazon's) has no resource type ${token}. ` +
        'It offers what the lab program uses; see RESOURCE_TYPES in lab/provider/resource-types.ts.',
    );
  }
  return found;
}

/**
 * Amazon refuses a size that Fargate does not have when the revision is registered, in the middle of an update; here it is
 * refused in the preview, with the same words.
 */
function checkTaskDefinition(inputs: Properties): CheckFailure[] {
  const compatibilities = inputs['requiresCompatibilities'];
  if (!Array.isArray(compatibilities) || !compatibilities.includes('FARGATE')) return [];
  const { cpu, memory } = inputs as { cpu?: unknown; memory?: unknown };
  if (isUnknown(cpu) || isUnknown(memory)) return [];
  const reason = fargateSizeProblem(cpu, memory);
  return reason === undefined ? [] : [{ property: 'cpu', reason: `ClientException: ${reason}` }];
}

/** How the engine writes a value that only the update will know. */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

function isUnknown(value: unknown): boolean {
  return value === UNKNOWN;
}
