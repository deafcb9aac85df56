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

/** What a daily report lists. */
export enum BackupReport {
  /** Each backup job of the last day. */
  BACKUP_JOBS = 'BACKUP_JOB_REPORT',
  /** Each copy job of the last day. */
  COPY_JOBS = 'COPY_JOB_REPORT',
  /** Each restore job of the last day. */
  RESTORE_JOBS = 'RESTORE_JOB_REPORT',
  /** The compliance of each control. */
  CONTROL_COMPLIANCE = 'CONTROL_COMPLIANCE_REPORT',
  /** The compliance of each resource. */
  RESOURCE_COMPLIANCE = 'RESOURCE_COMPLIANCE_REPORT',
}

export interface BackupAuditProps {
  /**
   * What Audit Manager checks each day. AWS Config must record in this region before the first deployment: controls
   * become Config rules. Config refuses them in an account that records nothing; where it records too little, controls
   * stay empty.
   * https://docs.aws.amazon.com/aws-backup/latest/devguide/turning-on-resource-tracking.html
   *
   * @default - every resource in a plan, no deletion by hand, encrypted, and locked
   */
  readonly controls?: BackupControl[];

  /**
   * The daily reports.
   *
   * @default - all five
   */
  readonly reports?: BackupReport[];

  /**
   * Where reports are stored. AWS Backup's role for reports must be allowed to write by the bucket's policy (added here
   * for buckets of the same app) and by the policy of its key, if it has one.
   *
   * @default - a bucket of its own: private, versioned, encrypted with a key of its own, retained
   */
  readonly bucket?: s3.IBucket;

  /**
   * Name of the framework, and prefix of the names of report plans: a letter, then letters, digits and underscores.
   *
   * @default - derived from the construct path
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
  /** Where reports are stored. */
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
      frameworkDescription: `Lifeboat: compliance of the backups of ${this.node.path}`,
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

  /** The limit is for all frameworks of a region; the first audit of the app reports it. */
  private tooManyTogether(): string[] {
    const { environment } = Stack.of(this);
    const audits = made.inAppOf(this).filter((one) => Stack.of(one).environment === environment);
    const total = audits.reduce((sum, { controls }) => sum + controls, 0);
    if (total <= MAX_CONTROLS || audits[0] !== this) return [];
    const names = audits.map(({ node }) => `'${node.path}'`).join(', ');
    return [
      `${names} have ${total} controls together, and Audit Manager allows ${MAX_CONTROLS} in one region; use one audit for the region`,
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
      'Reports cover one region, are written anew each day, and are not backups. If they must outlive the region, set ' +
        "'bucket' to a bucket that is replicated.",
    );
    markCovered(bucket, 'BackupAudit');
    return bucket;
  }
}

function problemsOf(name: string, controls: readonly BackupControl[]): string[] {
  const problems: string[] = [];
  if (!Token.isUnresolved(name) && !/^[A-Za-z][A-Za-z0-9_]{0,199}$/.test(name)) {
    problems.push(
      `'frameworkName' is '${name}', not a letter followed by up to 199 letters, digits and underscores, so AWS Backup would refuse it; rename it`,
    );
  }
  if (controls.length === 0 || controls.length > MAX_CONTROLS) {
    problems.push(
      `'controls' has ${controls.length} entries, and Audit Manager allows 1 to ${MAX_CONTROLS} in one region; state that many`,
    );
  }
  const names = controls.map((control) => control.name);
  for (const twice of new Set(names.filter((one, index) => names.indexOf(one) !== index))) {
    problems.push(`'controls' has ${twice} twice, and a framework takes each control once; remove one`);
  }
  return problems;
}

/**
 * AWS Backup creates the role that writes reports with the first report plan. A policy that names it as a principal
 * before that is refused, so a condition names it.
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
