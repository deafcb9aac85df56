/** What drills need of a site, made in this app or in another one. */
import { Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import { refuseAll } from '../synth/problems';
import { checkOptions, type PropsOf } from '../synth/props';
import { DrillWatch } from './drill-watch';
import { grantReadEvidence } from './evidence-bucket';

/** The network of restored instances. */
export interface IDrillNetwork {
  /** For `DBSubnetGroupName` of restored instances. */
  readonly subnetGroup: rds.ISubnetGroup;
  /** Of restored instances: it allows traffic from the examiner only, and none out. */
  readonly copies: ec2.ISecurityGroup;
  /** Lets the examiner connect to restored instances on a port. @throws Error when it can't be opened from this app */
  open(port: number): void;
}

/** Where drills run: a `DrillSite`, or one of another app (`DrillSite.fromDrillSiteAttributes()`). */
export interface IDrillSite extends IConstruct {
  /** The network of restored instances. */
  readonly network: IDrillNetwork;
  /** Where evidence is stored. */
  readonly evidence: s3.IBucket;
  /** Signs evidence. */
  readonly signingKey: kms.IKey;
  /** Encrypts logs, the password key and evidence. */
  readonly encryptionKey: kms.IKey;
  /** Connects to restored instances, and has no permission in AWS. */
  readonly examiner: lambda.IFunction;
  /** Passwords of restored instances are derived from it. */
  readonly passwordKey: secretsmanager.ISecret;
  /** Holds requests that could not be started. */
  readonly deadLetterQueue: sqs.IQueue;
  /** The log of drills. */
  readonly log: logs.ILogGroup;
  /** Publishes how long ago each drill of this app last passed. */
  readonly watch: DrillWatch;
  /** Lets a grantee read all evidence stored here, and use its key for that. */
  grantReadEvidence(grantee: iam.IGrantable): iam.Grant;
}

/** A site of another app, in the same account and region, by the names of what it has. */
export interface DrillSiteAttributes {
  /** Name of `evidence`. */
  readonly evidenceBucketName: string;
  /** ARN of `signingKey`. */
  readonly signingKeyArn: string;
  /** ARN of `encryptionKey`. */
  readonly encryptionKeyArn: string;
  /** ARN of the function `examiner`. */
  readonly examinerArn: string;
  /** ARN of `passwordKey`, with the hyphen and six characters at its end. */
  readonly passwordKeyArn: string;
  /** ARN of `deadLetterQueue`. */
  readonly deadLetterQueueArn: string;
  /** Name of `log`. */
  readonly logGroupName: string;
  /** Name of `network.subnetGroup`. */
  readonly subnetGroupName: string;
  /** ID of `network.copies`. */
  readonly copiesSecurityGroupId: string;
  /**
   * Ports on which the examiner reaches copies, as the site's own app opened them.
   *
   * @default [5432]
   */
  readonly ports?: number[];
  /**
   * Topic to notify when drills of this app are not watched, or evidence is not as it was written.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const ATTRIBUTES: PropsOf<DrillSiteAttributes> = {
  evidenceBucketName: true,
  signingKeyArn: true,
  encryptionKeyArn: true,
  examinerArn: true,
  passwordKeyArn: true,
  deadLetterQueueArn: true,
  logGroupName: true,
  subnetGroupName: true,
  copiesSecurityGroupId: true,
  ports: true,
  notify: true,
};

/** It has a watch of its own: that of the other app knows no drills of this one. The janitor there looks after all copies. */
export class ImportedDrillSite extends Construct implements IDrillSite {
  public readonly network: IDrillNetwork;
  public readonly evidence: s3.IBucket;
  public readonly signingKey: kms.IKey;
  public readonly encryptionKey: kms.IKey;
  public readonly examiner: lambda.IFunction;
  public readonly passwordKey: secretsmanager.ISecret;
  public readonly deadLetterQueue: sqs.IQueue;
  public readonly log: logs.ILogGroup;
  public readonly watch: DrillWatch;

  constructor(scope: Construct, id: string, attributes: DrillSiteAttributes) {
    super(scope, id);
    const what = `drill site '${this.node.path}'`;
    checkOptions(what, 'fromDrillSiteAttributes()', attributes, ATTRIBUTES);
    refuseAll(what, attributeProblems(Stack.of(this), attributes));
    const { evidenceBucketName: bucketName, encryptionKeyArn, examinerArn: functionArn, notify } = attributes;
    this.encryptionKey = kms.Key.fromKeyArn(this, 'EncryptionKey', encryptionKeyArn);
    const { encryptionKey } = this;
    this.evidence = s3.Bucket.fromBucketAttributes(this, 'Evidence', { bucketName, encryptionKey });
    this.signingKey = kms.Key.fromKeyArn(this, 'SigningKey', attributes.signingKeyArn);
    this.examiner = lambda.Function.fromFunctionAttributes(this, 'Examiner', { functionArn, sameEnvironment: true });
    const { passwordKeyArn, deadLetterQueueArn, logGroupName } = attributes;
    this.passwordKey = secretsmanager.Secret.fromSecretCompleteArn(this, 'PasswordKey', passwordKeyArn);
    this.deadLetterQueue = sqs.Queue.fromQueueArn(this, 'NotStarted', deadLetterQueueArn);
    this.log = logs.LogGroup.fromLogGroupName(this, 'Log', logGroupName);
    this.network = this.networkOf(attributes);
    const { evidence, signingKey, deadLetterQueue } = this;
    this.watch = new DrillWatch(this, 'Watch', { evidence, signingKey, encryptionKey, deadLetterQueue, notify });
  }

  public grantReadEvidence(grantee: iam.IGrantable): iam.Grant {
    return grantReadEvidence(this.evidence, grantee);
  }

  private networkOf({ subnetGroupName, copiesSecurityGroupId, ports = [5432] }: DrillSiteAttributes): IDrillNetwork {
    return {
      subnetGroup: rds.SubnetGroup.fromSubnetGroupName(this, 'SubnetGroup', subnetGroupName),
      copies: ec2.SecurityGroup.fromSecurityGroupId(this, 'Copies', copiesSecurityGroupId),
      // A rule that two apps make is one too many for EC2, which refuses the second.
      open: (port) => {
        if (ports.includes(port)) return;
        throw new Error(
          `drill site '${this.node.path}': its examiner reaches copies on port ${ports.join(', ')}, and a drill's database listens on ` +
            `${port}, so each check would time out; have the site's own app call site.network.open(${port}), and add it to 'ports'`,
        );
      },
    };
  }
}

/** Attributes whose value is an ARN, and its service. */
const ARNS = {
  signingKeyArn: 'kms',
  encryptionKeyArn: 'kms',
  examinerArn: 'lambda',
  passwordKeyArn: 'secretsmanager',
  deadLetterQueueArn: 'sqs',
} as const;

function attributeProblems(stack: Stack, attributes: Partial<DrillSiteAttributes>): string[] {
  const required = Object.keys(ATTRIBUTES).filter((name) => name !== 'ports' && name !== 'notify');
  const missing = required.filter((name) => attributes[name as keyof DrillSiteAttributes] === undefined);
  if (missing.length > 0) return missing.map((name) => `'${name}' is missing, so no drill could run there; state it`);
  const { ports } = attributes;
  const portProblems =
    ports === undefined || Array.isArray(ports)
      ? []
      : [`'ports' is ${ports} and not a list, so no port could be looked up in it; write it as in [5432]`];
  const arnProblems = Object.entries(ARNS).flatMap(([name, service]) => {
    const arn = attributes[name as keyof typeof ARNS];
    return arn === undefined || Token.isUnresolved(arn) ? [] : problemsOfArn(name, arn, service, stack);
  });
  return [...portProblems, ...arnProblems];
}

function problemsOfArn(name: string, arn: string, service: string, { region, account }: Stack): string[] {
  const [, , ofService, there, owner] = arn.split(':');
  if (ofService !== service) return [`'${name}' is '${arn}', which is not an ARN of ${service}; state the ARN`];
  if (there !== region && !Token.isUnresolved(region)) {
    return [
      `'${name}' is '${arn}', which is not an ARN in ${region}, where the drills run; give a site of that region`,
    ];
  }
  if (owner !== account && !Token.isUnresolved(account)) {
    return [`'${name}' is '${arn}', and the drills run in account ${account}; give a site of that account`];
  }
  return [];
}
