/**
 * The examiner of one recovery: it connects to the live database and to what was restored, in production's network. It
 * has no permission in AWS, and nothing of it is shared with drills, whose examiner never reaches production.
 */
import { Duration } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { ShippedFunction } from '../function/shipped-function';
import { acknowledge } from '../synth/nag-acknowledgements';

export interface LiveExaminerProps {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  /** Encrypts its log. */
  readonly encryptionKey: kms.IKey;
}

export class LiveExaminer extends Construct {
  public readonly function: lambda.IFunction;
  /** No inbound traffic, and outbound only to what its owner allows. */
  public readonly securityGroup: ec2.ISecurityGroup;

  constructor(scope: Construct, id: string, { vpc, subnets, encryptionKey }: LiveExaminerProps) {
    super(scope, id);
    this.securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Examiner of recoveries: reaches the databases that its owner allows',
      allowAllOutbound: false,
    });
    const examiner = new ShippedFunction(this, 'Handler', {
      entry: 'examine-live',
      description: 'Lifeboat: examines a live and a recovered database; no permission in AWS',
      timeout: Duration.minutes(14),
      memorySize: 1024,
      encryptionKey,
      statements: [],
      network: { vpc, subnets, securityGroup: this.securityGroup },
    });
    acknowledge(examiner, 'answers its caller');
    this.function = examiner.function;
  }
}

/** Subnets for it, if none are given: those without a route to the internet, if there are any. */
export const examinerSubnets = (vpc: ec2.IVpc): ec2.SubnetSelection => ({
  subnetType: vpc.isolatedSubnets.length > 0 ? ec2.SubnetType.PRIVATE_ISOLATED : ec2.SubnetType.PRIVATE_WITH_EGRESS,
});
