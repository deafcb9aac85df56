import { Duration, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deadLetterAlarm, deadLetters } from '../alarm/dead-letters';
import { dataKey } from '../function/log-key';
import { runbookLog, ShippedFunction } from '../function/shipped-function';
import { SIGNERS_PATH } from '../function/statements';
import { removalPolicyOf } from '../synth/enclosing-plan';
import { acknowledge } from '../synth/nag-acknowledgements';
import { checkProps, type PropsOf } from '../synth/props';
import { DrillNetwork } from './drill-network';
import { DrillWatch } from './drill-watch';
import { EvidenceBucket, grantReadEvidence } from './evidence-bucket';
import { Janitor } from './janitor';
import { type DrillSiteAttributes, type IDrillSite, ImportedDrillSite } from './shared-site';

export interface DrillSiteProps {
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

  /**
   * Where evidence is stored. Use a bucket of another stack to keep all systems' evidence together; it needs versioning
   * and Object Lock, as `EvidenceBucket` has.
   *
   * @default - an `EvidenceBucket` of the site's own
   */
  readonly evidence?: s3.IBucket;

  /**
   * Encrypts logs, the password key, and evidence in the site's own bucket. Its key policy must delegate to IAM, as
   * policies of CDK's keys do, and allow CloudWatch Logs, which is added for keys of the same app.
   *
   * @default - the key of the enclosing plan; without one, a key of the site's own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Topic to notify when a drill could not be started, or an expired restored instance could not be deleted.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<DrillSiteProps> = { vpc: true, subnets: true, evidence: true, encryptionKey: true, notify: true };

/**
 * Where drills run, and what they share: an isolated network, the examiner in it, the password key of restored
 * instances, the evidence, a janitor, and the watch on overdue drills.
 */
export class DrillSite extends Construct implements IDrillSite {
  /**
   * A site of another app, in the same account and region: its network, examiner, keys, evidence and janitor are
   * shared, and drills of this app are watched by one of their own.
   *
   * @throws Error when an ARN is of another region; when a drill's database listens on a port that the site has not
   * opened
   */
  public static fromDrillSiteAttributes(scope: Construct, id: string, attributes: DrillSiteAttributes): IDrillSite {
    return new ImportedDrillSite(scope, id, attributes);
  }

  /** Where copies are restored. */
  public readonly network: DrillNetwork;
  /** Where evidence is stored. */
  public readonly evidence: s3.IBucket;
  /**
   * Signs evidence. Only the drills' functions can use it; its public key, for verification, is stored beside the
   * evidence.
   */
  public readonly signingKey: kms.IKey;
  /** Encrypts logs, the password key and evidence. */
  public readonly encryptionKey: kms.IKey;
  /** Connects to restored instances, and has no permission in AWS. */
  public readonly examiner: lambda.IFunction;
  /** Passwords of restored instances are derived from it. */
  public readonly passwordKey: secretsmanager.ISecret;
  /** Holds requests that could not be started. */
  public readonly deadLetterQueue: sqs.IQueue;
  /** The log of drills. */
  public readonly log: logs.ILogGroup;
  /** Publishes how long ago each drill last passed. */
  public readonly watch: DrillWatch;

  constructor(scope: Construct, id: string, props: DrillSiteProps = {}) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { vpc, subnets, notify } = props;
    const encryptionKey = dataKey(this, props.encryptionKey);
    this.encryptionKey = encryptionKey;
    this.evidence = props.evidence ?? new EvidenceBucket(this, 'Evidence', { encryptionKey }).bucket;
    this.signingKey = new kms.Key(this, 'SigningKey', {
      description: 'Lifeboat: signs the evidence of drills',
      keySpec: kms.KeySpec.ECC_NIST_P256,
      keyUsage: kms.KeyUsage.SIGN_VERIFY,
      removalPolicy: removalPolicyOf(this),
    });
    this.signingKey.addToResourcePolicy(signersOnly(Stack.of(this)));
    this.network = new DrillNetwork(this, 'Network', { vpc, subnets, encryptionKey });

    this.passwordKey = new secretsmanager.Secret(this, 'PasswordKey', {
      description: 'Lifeboat: passwords of restored instances are derived from it',
      encryptionKey,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
    });
    acknowledge(this.passwordKey, 'rotation');

    const examiner = new ShippedFunction(this, 'Examiner', {
      entry: 'examine',
      description: 'Lifeboat: examines a restored instance; no permission in AWS, no route to the internet',
      timeout: Duration.minutes(14),
      memorySize: 1024,
      encryptionKey,
      statements: [],
      network: { vpc: this.network.vpc, subnets: this.network.subnets, securityGroup: this.network.examiner },
    });
    acknowledge(examiner, 'answers its caller');
    this.examiner = examiner.function;

    const deadLetterQueue = deadLetters(this, 'NotStarted');
    this.deadLetterQueue = deadLetterQueue;
    deadLetterAlarm(this, 'NotStartedAlarm', {
      queue: deadLetterQueue,
      description: 'A drill, the janitor or the watch could not be started. The messages in the queue say why.',
      notify,
    });

    new Janitor(this, 'Janitor', { encryptionKey, deadLetterQueue, notify });
    this.watch = new DrillWatch(this, 'Watch', {
      evidence: this.evidence,
      signingKey: this.signingKey,
      encryptionKey,
      deadLetterQueue,
      notify,
    });
    this.log = runbookLog(this, encryptionKey);
  }

  /** Lets a grantee read all evidence that lies here, and use its key for that. */
  public grantReadEvidence(grantee: iam.IGrantable): iam.Grant {
    return grantReadEvidence(this.evidence, grantee);
  }
}

/**
 * Denies signing to all but drills' roles, since the key policy delegates to IAM, where many principals may use any
 * key. By path, since roles of drills in other stacks can't be named in it.
 */
function signersOnly(stack: Stack): iam.PolicyStatement {
  const signers = stack.formatArn({ service: 'iam', region: '', resource: `role${SIGNERS_PATH}*` });
  return new iam.PolicyStatement({
    sid: 'DrillsSign',
    effect: iam.Effect.DENY,
    principals: [new iam.AnyPrincipal()],
    actions: ['kms:Sign'],
    resources: ['*'],
    conditions: { ArnNotLike: { 'aws:PrincipalArn': signers } },
  });
}
