/** Where the drills written by hand run: a network without a way out, and what may reach what in it. */
import { Fn, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';

export function drillNetwork(stack: Stack, encryptionKey: kms.IKey) {
  const cfnVpc = new ec2.CfnVPC(stack, 'DrillVpc', {
    cidrBlock: '10.255.255.0/24',
    enableDnsSupport: true,
    enableDnsHostnames: true,
  });
  const routes = new ec2.CfnRouteTable(stack, 'DrillRoutes', { vpcId: cfnVpc.ref });
  const zones = [0, 1].map((index) => Fn.select(index, Fn.getAzs()));
  const subnets = zones.map((availabilityZone, index) => {
    const subnet = new ec2.CfnSubnet(stack, `DrillSubnet${index}`, {
      vpcId: cfnVpc.ref,
      availabilityZone,
      cidrBlock: `10.255.255.${index * 128}/25`,
    });
    new ec2.CfnSubnetRouteTableAssociation(stack, `DrillSubnet${index}Routes`, {
      subnetId: subnet.ref,
      routeTableId: routes.ref,
    });
    return subnet;
  });
  const vpc = ec2.Vpc.fromVpcAttributes(stack, 'DrillNetwork', {
    vpcId: cfnVpc.ref,
    availabilityZones: zones,
    isolatedSubnetIds: subnets.map((subnet) => subnet.ref),
    isolatedSubnetRouteTableIds: subnets.map(() => routes.ref),
  });
  recordFlows(stack, vpc, encryptionKey);

  const vpcSubnets = { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };
  const subnetGroup = new rds.SubnetGroup(stack, 'DrillSubnetGroup', {
    description: 'Copies of drills',
    vpc,
    vpcSubnets,
  });
  const copies = new ec2.SecurityGroup(stack, 'Copies', { vpc, description: 'Copies', allowAllOutbound: false });
  const examiner = new ec2.SecurityGroup(stack, 'Examiners', { vpc, description: 'Examiner', allowAllOutbound: false });
  copies.connections.allowFrom(examiner, ec2.Port.tcp(5432), 'checks of a restored copy');
  return { vpc, vpcSubnets, subnetGroup, copies, examiner };
}

function recordFlows(stack: Stack, vpc: ec2.IVpc, encryptionKey: kms.IKey): void {
  const logGroup = new logs.LogGroup(stack, 'DrillFlows', { retention: logs.RetentionDays.ONE_YEAR, encryptionKey });
  const role = new iam.Role(stack, 'DrillFlowsRole', {
    assumedBy: new iam.ServicePrincipal('vpc-flow-logs.amazonaws.com'),
  });
  const policy = new iam.ManagedPolicy(stack, 'DrillFlowsPolicy', {
    roles: [role],
    statements: [
      new iam.PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    ],
  });
  new ec2.FlowLog(stack, 'DrillFlowLog', {
    resourceType: ec2.FlowLogResourceType.fromVpc(vpc),
    destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup, role.withoutPolicyUpdates()),
  }).node.addDependency(policy);
}
