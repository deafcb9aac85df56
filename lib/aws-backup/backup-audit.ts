import { Stack, Token } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { accessLogs, logAccess } from '../bucket/access-logs';
import { ownKey } from '../function/log-key';
import { markCovered } from '../synth/coverage';
import { enclosingPlan, removalPolicyOf } from '../synth/enclosing-plan';
import { Mark } from '../synth/marks';
import { acknowledgeRules } from '../synth/nag-acknowledgements';
import { pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { BackupControl } from './backup-control';

/** What a daily report tells of. */
export enum BackupReport {
  /** Each backup job of the last day. */
  BACKUP_JOBS = 'BACKUP_JOB_REPORT',
  /** Each copy job of the last day. */
  COPY_JOBS = 'COPY_JOB_REPORT',
  /** Each restore job of the last day. */
  RESTORE_JOBS = 'RESTORE_JOB_REPORT',
  /** How each control stands. */
  CONTROL_COMPLIANCE = 'CONTROL_COMPLIANCE_REPORT',
  /** How each resource stands. */
  RESOURCE_COMPLIANCE = 'RESOURCE_COMPLIANCE_REPORT',
}

export interface BackupAuditProps {
  /**
   * What is looked at each day. AWS Config must record in this region before this is deployed: AWS Backup makes rules of it,
   * which Config refuses to an account that records nothing, and where it records too little, controls stay empty.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/turning-on-resource-tracking.html
   *
   * @default - every resource in a plan, no deletion by hand, encrypted, and locked
   */
  readonly controls?: BackupControl[];

  /**
   * What is reported each day.
   *
   * @default - all five
   */
  readonly reports?: BackupReport[];

  /**
   * Where reports lie. Its policy must let AWS Backup's role for reports write, which is added for buckets of the same
   * app; so must the policy of the key, where it has one.
   *
   * @default - a bucket of its own: private, versioned, encrypted with a key of its own, kept when the stack goes
   */
  readonly bucket?: s3.IBucket;

  /**
   * Name of the framework, and what names of report plans start with: a letter, then letters, digits and underscores.
   *
   * @default - made of the path
   */
  readonly frameworkName?: string;
}

/** https://docs.aws.amazon.com/aws-backup/latest/devguide/controls-and-remediation.html */
const MAX_CONTROLS = 50;
/** Names have 256 characters; report plans end in their template's. */
const NAME_LENGTH = 200;
const COMPLIANCE: BackupReport[] = [BackupReport.CONTROL_COMPLIANCE, BackupReport.RESOURCE_COMPLIANCE];

const made = new Mark<BackupAudit>('BackupAudit');

const PROPS: PropsOf<BackupAuditProps> = { controls: true, reports: true, bucket: true, frameworkName: true };

/** Has AWS Backup Audit Manager look at backups each day, and report to a bucket. */
export class BackupAudit extends Construct {
  public readonly framework: backup.CfnFramework;
  /** Where reports lie. */
  public readonly bucket: s3.IBucket;

  private readonly controls: number;

  constructor(scope: Construct, id: string, props: BackupAuditProps = {}) {
    super(scope, id);
    checkProps(this, props, PROPS);
    made.put(this, this);
    const controls = props.controls ?? [
      BackupControl.protectedByPlan(),
      BackupControl.noManualDeletion(),
      BackupControl.encrypted(),
      BackupControl.vaultLock(),
    ];
    const name =
      props.frameworkName ?? `Lifeboat_${pathName(this)}`.replace(/[^A-Za-z0-9_]/g, '_').slice(0, NAME_LENGTH);
    refuseAll(`backup audit '${this.node.path}'`, problemsOf(name, controls));
    this.controls = controls.length;
    this.node.addValidation({ validate: () => this.tooManyTogether() });
    this.framework = new backup.CfnFramework(this, 'Framework', {
      frameworkName: name,
      frameworkDescription: `Lifeboat: what holds of the backups of ${this.node.path}`,
      frameworkControls: controls.map((control) => control.property),
    });
    const bucket = props.bucket ?? this.ownBucket();
    this.bucket = bucket;
    const granted = bucket.addToResourcePolicy(
      reporting(this, ['s3:PutObject'], [bucket.arnForObjects('*')], {
        StringEquals: { 's3:x-amz-acl': 'bucket-owner-full-control' },
      }),
    );
    for (const report of new Set(props.reports ?? Object.values(BackupReport))) {
      const plan = new backup.CfnReportPlan(this, report, {
        reportPlanName: `${name}_${report}`,
        // These two are plain JSON to CDK, so they are written as CloudFormation has them.
        reportDeliveryChannel: { S3BucketName: bucket.bucketName, Formats: ['CSV', 'JSON'] },
        reportSetting: {
          ReportTemplate: report,
          FrameworkArns: COMPLIANCE.includes(report) ? [this.framework.attrFrameworkArn] : undefined,
        },
      });
      if (granted.policyDependable) plan.node.addDependency(granted.policyDependable);
    }
  }

  /** The limit is the region's, for all frameworks in it; the first of the app tells. */
  private tooManyTogether(): string[] {
    const { environment } = Stack.of(this);
    const audits = made.inAppOf(this).filter((one) => Stack.of(one).environment === environment);
    const total = audits.reduce((sum, { controls }) => sum + controls, 0);
    if (total <= MAX_CONTROLS || audits[0] !== this) return [];
    const names = audits.map(({ node }) => `'${node.path}'`).join(', ');
    return [
      `${names} have ${total} controls together, and Audit Manager takes ${MAX_CONTROLS} in one region; put them into one`,
    ];
  }

  private ownBucket(): s3.IBucket {
    const encryptionKey = enclosingPlan(this)?.encryptionKey ?? ownKey(this);
    encryptionKey.addToResourcePolicy(reporting(this, ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'], ['*']));
    const bucket = new s3.Bucket(this, 'Reports', {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey,
      bucketKeyEnabled: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
      removalPolicy: removalPolicyOf(this),
    });
    logAccess(bucket, accessLogs(this, 'BackupAudit'), 'reports/');
    acknowledgeRules(
      bucket,
      ['NIST.800.53.R5', 'HIPAA.Security'].map((pack) => `${pack}-S3BucketReplicationEnabled`),
      'Reports tell of one region, are made anew each day, and are no backup. Where they must outlive the region, give ' +
        'the audit a bucket that is replicated.',
    );
    markCovered(bucket, 'BackupAudit');
    return bucket;
  }
}

function problemsOf(name: string, controls: readonly BackupControl[]): string[] {
  const problems: string[] = [];
  if (!Token.isUnresolved(name) && !/^[A-Za-z][A-Za-z0-9_]{0,199}$/.test(name)) {
    problems.push(
      `'${name}' is not a letter with up to 199 letters, digits and underscores, so AWS Backup would refuse it; rename it`,
    );
  }
  if (controls.length === 0 || controls.length > MAX_CONTROLS) {
    problems.push(
      `it has ${controls.length} controls, and Audit Manager takes 1 to ${MAX_CONTROLS} in one region; name as many`,
    );
  }
  const names = controls.map((control) => control.name);
  for (const twice of new Set(names.filter((one, index) => names.indexOf(one) !== index))) {
    problems.push(`control ${twice} is asked for twice, and a framework takes it once; make it one`);
  }
  return problems;
}

/**
 * The role that AWS Backup writes reports under is made with the first report plan: named as a principal before, a policy
 * would be refused. So it is named in a condition.
 */
function reporting(
  scope: Construct,
  actions: string[],
  resources: string[],
  conditions: iam.Conditions = {},
): iam.PolicyStatement {
  const { partition, account } = Stack.of(scope);
  const role = `arn:${partition}:iam::${account}:role/aws-service-role/reports.backup.amazonaws.com/AWSServiceRoleForBackupReports`;
  return new iam.PolicyStatement({
    principals: [new iam.AnyPrincipal()],
    actions,
    resources,
    conditions: { ...conditions, ArnEquals: { 'aws:PrincipalArn': role } },
  });
}
