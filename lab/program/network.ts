import * as aws from '@pulumi/aws';

const vpcCidr = '10.0.0.0/16';
const subnetCidrs = ['10.0.1.0/24', '10.0.2.0/24'];
const anywhere = '0.0.0.0/0';

interface NetworkArgs {
  containerPort: number;
  tags: Record<string, string>;
}

/** A VPC with two public subnets, and security groups that let only the load balancer reach the tasks. */
export function publicNetwork(name: string, { containerPort, tags }: NetworkArgs) {
  const vpc = new aws.ec2.Vpc(`${name}-vpc`, { cidrBlock: vpcCidr, enableDnsHostnames: true, tags });
  const gateway = new aws.ec2.InternetGateway(`${name}-igw`, { vpcId: vpc.id, tags });
  const routes = new aws.ec2.RouteTable(`${name}-public`, {
    vpcId: vpc.id,
    routes: [{ cidrBlock: anywhere, gatewayId: gateway.id }],
    tags,
  });

  const zones = aws.getAvailabilityZonesOutput({ state: 'available' });
  const subnets = subnetCidrs.map((cidrBlock, index) => {
    const subnet = new aws.ec2.Subnet(`${name}-public-${index + 1}`, {
      vpcId: vpc.id,
      cidrBlock,
      availabilityZone: zones.names[index],
      mapPublicIpOnLaunch: true,
      tags,
    });
    new aws.ec2.RouteTableAssociation(`${name}-public-${index + 1}`, {
      subnetId: subnet.id,
      routeTableId: routes.id,
    });
    return subnet;
  });

  const egress = [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: [anywhere] }];
  const loadBalancerSecurityGroup = new aws.ec2.SecurityGroup(`${name}-alb`, {
    description: 'HTTP from anywhere',
    vpcId: vpc.id,
    ingress: [{ protocol: 'tcp', fromPort: 80, toPort: 80, cidrBlocks: [anywhere] }],
    egress,
    tags,
  });
  const taskSecurityGroup = new aws.ec2.SecurityGroup(`${name}-task`, {
    description: 'From the load balancer only',
    vpcId: vpc.id,
    ingress: [
      {
        protocol: 'tcp',
        fromPort: containerPort,
        toPort: containerPort,
        securityGroups: [loadBalancerSecurityGroup.id],
      },
    ],
    egress,
    tags,
  });

  return {
    vpcId: vpc.id,
    subnetIds: subnets.map((subnet) => subnet.id),
    loadBalancerSecurityGroupId: loadBalancerSecurityGroup.id,
    taskSecurityGroupId: taskSecurityGroup.id,
  };
}
