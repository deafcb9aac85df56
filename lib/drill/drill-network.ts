import { Annotations, Fn } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { allow } from '../function/statements';
import { removalPolicyOf } from '../synth/enclosing-plan';
import { acknowledge } from '../synth/nag-acknowledgements';
import { checkProps, type PropsOf } from '../synth/props';

export interface DrillNetworkProps {
  /** Encrypts flow logs of a network of the drills' own. */
  readonly encryptionKey: kms.IKey;

  /**
   * An existing VPC.
   *
   * @default - one of the drills' own, separate from production: two isolated subnets without gateway or endpoint
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Subnets of that VPC for restored instances and the examiner, in at least two zones, as RDS requires.
   *
   * @default - its isolated subnets
   */
  readonly subnets?: ec2.SubnetSelection;
}

const PROPS: PropsOf<DrillNetworkProps> = { encryptionKey: true, vpc: true, subnets: true };

/** Where copies are restored: subnets, and groups that let the examiner reach copies and nothing else. */
export class DrillNetwork extends Construct {
  public readonly vpc: ec2.IVpc;
  public readonly subnets: ec2.SubnetSelection;
  /** Subnet group of restored instances. */
  public readonly subnetGroup: rds.ISubnetGroup;
  /** Security group of restored instances: only the examiner can connect, and no outbound traffic is allowed. */
  public readonly copies: ec2.ISecurityGroup;
  /** Security group of the examiner: no inbound traffic, and outbound only to restored instances. */
  public readonly examiner: ec2.ISecurityGroup;

  private readonly ports = new Set<number>();

  constructor(scope: Construct, id: string, props: DrillNetworkProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    this.vpc = props.vpc ?? this.isolatedVpc(props.encryptionKey);
    this.subnets = props.subnets ?? { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };
    if (props.vpc) this.refusePublicSubnets();

    this.subnetGroup = new rds.SubnetGroup(this, 'SubnetGroup', {
      description: 'Copies that restore drills make',
      vpc: this.vpc,
      vpcSubnets: this.subnets,
    });
    this.copies = this.group('Copies', 'Copies that restore drills make: reached by the examiner alone');
    this.examiner = this.group('Examiner', 'Examiner of restore drills: reaches copies alone');
  }

  /** Allows the examiner to connect to restored instances on a port. A second call for a port has no effect. */
  public open(port: number): void {
    if (this.ports.has(port)) return;
    this.ports.add(port);
    this.copies.connections.allowFrom(this.examiner, ec2.Port.tcp(port), 'checks of a restored copy');
  }

  private group(id: string, description: string): ec2.SecurityGroup {
    return new ec2.SecurityGroup(this, id, { vpc: this.vpc, description, allowAllOutbound: false });
  }

  private refusePublicSubnets(): void {
    const chosen = this.vpc.selectSubnets(this.subnets);
    if (chosen.hasPublic) {
      throw new Error(
        `drill network '${this.node.path}': 'subnets' are public, so only a security group would separate copies of your data ` +
          `from the internet; choose isolated ones, or leave 'vpc' out for a network of the drills' own`,
      );
    }
    const isolated = new Set(this.vpc.isolatedSubnets.map((subnet) => subnet.subnetId));
    if (chosen.subnetIds.every((subnet) => isolated.has(subnet))) return;
    Annotations.of(this).addWarningV2(
      'lifeboat:drill-subnets-reach-the-internet',
      "'subnets' have a route to the internet through NAT, so only security groups keep the examiner, which reads your data, " +
        'from connecting there; choose isolated subnets',
    );
  }

  /** Zones come from Fn::GetAZs, since CDK would need a lookup. The route table has no route out. */
  private isolatedVpc(encryptionKey: kms.IKey): ec2.IVpc {
    const tags = [{ key: 'Name', value: this.node.path }];
    const vpc = new ec2.CfnVPC(this, 'Vpc', {
      cidrBlock: '10.255.255.0/24',
      enableDnsSupport: true,
      enableDnsHostnames: true,
      tags,
    });
    const zones = [0, 1].map((index) => Fn.select(index, Fn.getAzs()));
    const routeTable = new ec2.CfnRouteTable(this, 'Routes', { vpcId: vpc.ref, tags });
    const subnets = zones.map((availabilityZone, index) => {
      const cidrBlock = `10.255.255.${index * 128}/25`;
      const subnet = new ec2.CfnSubnet(this, `Subnet${index}`, {
        vpcId: vpc.ref,
        availabilityZone,
        cidrBlock,
        mapPublicIpOnLaunch: false,
        tags,
      });
      new ec2.CfnSubnetRouteTableAssociation(this, `Subnet${index}Routes`, {
        subnetId: subnet.ref,
        routeTableId: routeTable.ref,
      });
      return subnet;
    });
    acknowledge(vpc, 'default security group');
    const network = ec2.Vpc.fromVpcAttributes(this, 'Network', {
      vpcId: vpc.ref,
      availabilityZones: zones,
      isolatedSubnetIds: subnets.map((subnet) => subnet.ref),
      isolatedSubnetRouteTableIds: subnets.map(() => routeTable.ref),
    });
    this.recordFlows(network, encryptionKey);
    return network;
  }

  /** Flow logs, which show an auditor that only the examiner connected to restored instances. */
  private recordFlows(vpc: ec2.IVpc, encryptionKey: kms.IKey): void {
    const logGroup = new logs.LogGroup(this, 'Flows', {
      retention: logs.RetentionDays.ONE_YEAR,
      encryptionKey,
      removalPolicy: removalPolicyOf(this),
    });
    const role = new iam.Role(this, 'FlowsRole', {
      assumedBy: new iam.ServicePrincipal('vpc-flow-logs.amazonaws.com'),
    });
    const policy = new iam.ManagedPolicy(this, 'FlowsPolicy', {
      roles: [role],
      statements: [
        allow(['logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'], [logGroup.logGroupArn]),
      ],
    });
    const flowLog = new ec2.FlowLog(this, 'FlowLog', {
      resourceType: ec2.FlowLogResourceType.fromVpc(vpc),
      destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup, role.withoutPolicyUpdates()),
    });
    flowLog.node.addDependency(policy);
  }
}
