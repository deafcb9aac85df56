/**
 * All that Lifeboat provisions, in one primary region and one recovery region: what a shop with a database, files, a
 * cache, logs, images and configuration would deploy. Copy from it what you need; each construct works alone.
 */
import {
  type App,
  AspectPriority,
  Aspects,
  Duration,
  RemovalPolicy,
  Stack,
  type StackProps,
  Validations,
} from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import {
  ArchiveBucket,
  ArchiveTier,
  BackupAudit,
  BackupControl,
  BackupCopy,
  BackupTarget,
  BackupTier,
  BackupTiers,
  BackupWindow,
  BucketBackups,
  CacheBackups,
  CacheExport,
  CacheExportAccess,
  CacheSnapshots,
  CacheSource,
  ConfigurationBackups,
  CoverageCheck,
  DatabaseAlarms,
  DatabaseLogs,
  DatabaseProtection,
  DatabaseStandby,
  DatabaseWatch,
  DeploymentSnapshot,
  type DrillSite,
  DumpSource,
  ImageArchive,
  ImageBackups,
  ImageReplication,
  LogArchive,
  LogicalDump,
  ProtectedVault,
  ProtectionPlan,
  RecoveryRegion,
  Recurrence,
  RestorePoint,
  RestoreTesting,
  SecretReplicas,
  SnapshotExport,
  SnapshotsKept,
  StorageTransition,
  TemplateCheck,
  TestedRecoveryPoints,
  VaultCopy,
  VaultLock,
  Weekday,
} from '../../lib';

const EAST = 'us-east-1';
const WEST = 'us-west-2';
/** Names that both regions state, so that neither stack needs the other. */
const ARCHIVE_WEST = 'everything-archive-us-west-2';
const RESUMES_WEST = 'everything-resumes-us-west-2';
const VAULT_WEST = 'Everything';

/** Adds the stacks of both regions. @returns the primary one */
export function addEverything(app: App): Stack {
  const west = new EverythingWest(app, 'Everything-west', { env: { region: WEST } });
  const primary = new EverythingStack(app, 'Everything', { env: { region: EAST }, western: west.operators });
  // An order of deployment and no more: S3 takes no replication into a bucket that is not there.
  primary.addStackDependency(west, 'its buckets are replicated there, its backups copied');
  for (const check of [new CoverageCheck(), new TemplateCheck()]) {
    Aspects.of(app).add(check, { priority: AspectPriority.READONLY });
  }
  return primary;
}

/** What the recovery region holds besides the copies of databases, whose stack the plan makes. */
class EverythingWest extends Stack {
  public readonly operators: sns.Topic;

  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    const key = operatorsKey(this);
    this.operators = new sns.Topic(this, 'Operators', { masterKey: key, enforceSSL: true });
    new ArchiveBucket(this, 'Archive', { bucketName: ARCHIVE_WEST, notify: this.operators });
    new ArchiveBucket(this, 'Resumes', { bucketName: RESUMES_WEST, notify: this.operators });
    new ProtectedVault(this, 'Vault', { vaultName: VAULT_WEST, notify: this.operators });
  }
}

interface EverythingStackProps extends StackProps {
  /** Who is told in the recovery region: an alarm reaches no topic of another one. */
  readonly western: sns.ITopic;
}

class EverythingStack extends Stack {
  private readonly key: kms.Key;
  private readonly operators: sns.Topic;
  private readonly vpc: ec2.Vpc;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: EverythingStackProps,
  ) {
    super(scope, id, props);
    this.key = operatorsKey(this);
    this.operators = new sns.Topic(this, 'Operators', { masterKey: this.key, enforceSSL: true });
    this.vpc = this.network();
    const archive = this.archive();
    const orders = this.orders();
    const plan = this.planned(orders);
    this.exported(orders, archive);
    this.vaulted(orders, plan.site);
    this.cached(archive);
    this.restOfTheSystem();
  }

  /** A database under a plan: backed up, copied into the other region in all three ways, drilled here and there. */
  private planned(database: rds.DatabaseInstance): ProtectionPlan {
    const plan = new ProtectionPlan(this, 'Protection', {
      objectives: { rpo: Duration.minutes(15), rto: Duration.hours(4) },
      notify: this.operators,
      recovery: RecoveryRegion.named(WEST, { topicArn: this.props.western.topicArn }),
    });
    const orders = plan.addDatabase('Orders', {
      database,
      window: BackupWindow.daily('03:00', '04:00'),
      retention: Duration.days(30),
      copies: [
        BackupCopy.automatedBackups({ retention: Duration.days(14) }),
        BackupCopy.snapshots({ keep: Duration.days(90) }),
        BackupCopy.replica({
          subnetGroupName: 'everything-data',
          securityGroupIds: ['sg-0123456789abcdef0'],
        }),
      ],
    });
    orders.addDrill('Monthly', {
      schedule: Recurrence.firstSunday({ hour: 10 }),
      restore: RestorePoint.random({ within: Duration.days(7) }),
    });
    orders.addRegionDrill('QuarterlyWest', { schedule: Recurrence.quarterly({ hour: 14 }) });
    new DatabaseWatch(this, 'OrdersWatch', { database, encryptionKey: this.key, notify: this.operators });
    new DatabaseAlarms(this, 'OrdersAlarms', { database, notify: this.operators });
    // Made by hand, years ago: its settings are applied by a custom resource.
    const billing = rds.DatabaseInstance.fromDatabaseInstanceAttributes(this, 'Billing', {
      instanceIdentifier: 'billing',
      instanceEndpointAddress: 'billing.example.us-east-1.rds.amazonaws.com',
      port: 5432,
      securityGroups: [],
    });
    plan.addDatabase('Billing', {
      database: billing,
      window: BackupWindow.daily('02:00', '02:30'),
      retention: Duration.days(14),
    });
    return plan;
  }

  /** What leaves RDS: a snapshot before each deployment, weekly Parquet, nightly dumps. */
  private exported(database: rds.DatabaseInstance, archive: s3.IBucket): void {
    new DeploymentSnapshot(this, 'BeforeDeployment', {
      database,
      deploymentVersion: 'v1.4.2',
      kept: SnapshotsKept.last(5),
      encryptionKey: this.key,
    });
    new SnapshotExport(this, 'WeeklyExport', {
      database,
      bucket: archive,
      prefix: 'weekly/orders',
      notify: this.operators,
    });
    const dump = new LogicalDump(this, 'Dump', {
      source: DumpSource.database(database, { databaseName: 'orders' }),
      vpc: this.vpc,
      bucket: archive,
      encryptionKey: this.key,
      notify: this.operators,
    });
    database.connections.allowFrom(dump, ec2.Port.POSTGRES, 'dumps');
  }

  /** AWS Backup beside it: generations in a locked vault, copied away, and restore tests that are really checked. */
  private vaulted(database: rds.DatabaseInstance, site: DrillSite): void {
    const files = new efs.FileSystem(this, 'Uploads', { vpc: this.vpc, encrypted: true, kmsKey: this.key });
    const { vault } = new ProtectedVault(this, 'Vault', {
      lock: VaultLock.governance({ minRetention: Duration.days(7) }),
      notify: this.operators,
    });
    const west = VaultCopy.toRegion(WEST, VAULT_WEST, { keep: Duration.days(30), tiers: ['Daily'] });
    new BackupTiers(this, 'Databases', {
      targets: [BackupTarget.database(database)],
      vault,
      copies: [west],
      notify: this.operators,
    });
    new BackupTiers(this, 'Files', {
      targets: [BackupTarget.fileSystem(files)],
      vault,
      tiers: [
        BackupTier.daily({ hour: 6 }),
        BackupTier.weekly({ weekday: Weekday.SUNDAY, hour: 7 }),
        BackupTier.monthly({ hour: 8, coldAfter: Duration.days(30) }),
        BackupTier.yearly({ hour: 9, coldAfter: Duration.days(30) }),
      ],
      copies: [west],
      notify: this.operators,
    });
    new RestoreTesting(this, 'RestoreTests', {
      vaults: [vault],
      schedule: Recurrence.quarterly({ hour: 10 }),
      recoveryPoints: TestedRecoveryPoints.random({ within: Duration.days(90) }),
      // The plan's: one network, one examiner and one place of evidence for all.
      site,
      notify: this.operators,
    }).addDatabase('OrdersFromVault', {
      database,
      objectives: { rpo: Duration.hours(24), rto: Duration.hours(4) },
    });
    new BackupAudit(this, 'Audit', {
      controls: [BackupControl.protectedByPlan(), BackupControl.encrypted(), BackupControl.noManualDeletion()],
    });
  }

  /** A cache whose sessions are worth keeping: daily and six-hourly snapshots, a weekly one in the archive. */
  private cached(archive: s3.IBucket): void {
    const group = new ec2.SecurityGroup(this, 'CacheGroup', { vpc: this.vpc, allowAllOutbound: false });
    const subnets = new elasticache.CfnSubnetGroup(this, 'CacheSubnets', {
      description: 'Where the cache lives',
      subnetIds: this.vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
    });
    const token = new secretsmanager.Secret(this, 'CacheToken', {
      encryptionKey: this.key,
      generateSecretString: { excludePunctuation: true, passwordLength: 64 },
    });
    acknowledge(token, 'A new token has to reach the cache and all that use it in one deployment.', ...ROTATION);
    const sessions = new elasticache.CfnReplicationGroup(this, 'Sessions', {
      replicationGroupDescription: 'Sessions of the shop',
      engine: 'valkey',
      engineVersion: '8.0',
      cacheNodeType: 'cache.t4g.small',
      numCacheClusters: 2,
      automaticFailoverEnabled: true,
      multiAzEnabled: true,
      port: 6380,
      atRestEncryptionEnabled: true,
      transitEncryptionEnabled: true,
      kmsKeyId: this.key.keyArn,
      cacheSubnetGroupName: subnets.ref,
      securityGroupIds: [group.securityGroupId],
      authToken: token.secretValue.unsafeUnwrap(),
      preferredMaintenanceWindow: 'sun:06:00-sun:07:00',
    });
    sessions.with(new CacheBackups({ window: BackupWindow.daily('04:00', '05:00'), retention: Duration.days(15) }));
    const cache = CacheSource.replicationGroup(sessions);
    new CacheSnapshots(this, 'SixHourly', {
      cache,
      every: Duration.hours(6),
      keep: Duration.days(2),
      notify: this.operators,
    });
    archive.with(new CacheExportAccess());
    new CacheExport(this, 'WeeklyCache', {
      cache,
      bucket: archive,
      prefix: 'weekly-sessions-',
      notify: this.operators,
    });
  }

  /** Secrets, configuration, images, logs and files of users. */
  private restOfTheSystem(): void {
    const paymentKey = new secretsmanager.Secret(this, 'PaymentKey', {
      encryptionKey: this.key,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    paymentKey.with(new SecretReplicas({ replicas: [{ region: WEST }] }));
    acknowledge(paymentKey, 'Who takes the payments says when its key changes.', ...ROTATION);
    new ConfigurationBackups(this, 'Configuration', { encryptionKey: this.key, notify: this.operators });
    const web = new ecr.Repository(this, 'Web', { encryption: ecr.RepositoryEncryption.KMS, imageScanOnPush: true });
    web.with(new ImageBackups());
    new ImageReplication(this, 'ImagesWest', { destinations: [{ region: WEST }] });
    new ImageArchive(this, 'Images', { repositories: [web], encryptionKey: this.key, notify: this.operators });
    const logArchive = new LogArchive(this, 'Logs', { encryptionKey: this.key, notify: this.operators });
    logArchive.addLogGroup('Application', { retention: logs.RetentionDays.ONE_MONTH });
    const resumes = new s3.Bucket(this, 'Resumes', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    resumes.with(
      new BucketBackups({
        tiers: [ArchiveTier.everything({ noncurrentVersions: { expireAfter: Duration.days(90), keepNewest: 3 } })],
        replication: { bucketName: RESUMES_WEST, region: WEST },
      }),
    );
    acknowledge(
      resumes,
      "Reads of people's files are recorded in CloudTrail, by object and with who read them.",
      'AwsSolutions-S1',
      'NIST.800.53.R5-S3BucketLoggingEnabled',
      'HIPAA.Security-S3BucketLoggingEnabled',
    );
    acknowledge(
      resumes,
      "S3's own keys, so that replicas need none in the other region.",
      'NIST.800.53.R5-S3DefaultEncryptionKMS',
      'HIPAA.Security-S3DefaultEncryptionKMS',
    );
  }

  private archive(): s3.IBucket {
    const cold = (days: number) => StorageTransition.glacierFlexibleRetrieval(Duration.days(days));
    return new ArchiveBucket(this, 'Archive', {
      tiers: [
        ArchiveTier.daily({ expireAfter: Duration.days(30) }),
        ArchiveTier.weekly({ expireAfter: Duration.days(90) }),
        ArchiveTier.monthly({ transitions: [cold(30)], expireAfter: Duration.days(365) }),
        ArchiveTier.yearly({ transitions: [cold(30)], expireAfter: Duration.days(7 * 365) }),
        ArchiveTier.prefixed('weekly-sessions-', { expireAfter: Duration.days(365) }),
      ],
      replication: { bucketName: ARCHIVE_WEST, region: WEST },
      notify: this.operators,
    }).bucket;
  }

  private orders(): rds.DatabaseInstance {
    const database = new rds.DatabaseInstance(this, 'Orders', {
      instanceIdentifier: 'orders',
      engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
      databaseName: 'orders',
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.LARGE),
      allocatedStorage: 100,
      vpc: this.vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      credentials: rds.Credentials.fromGeneratedSecret('orders', { encryptionKey: this.key }),
      storageEncryptionKey: this.key,
      preferredMaintenanceWindow: 'sun:05:00-sun:06:00',
      monitoringInterval: Duration.minutes(1),
    });
    database.with(new DatabaseProtection(), new DatabaseStandby(), new DatabaseLogs());
    acknowledge(database, 'The security group guards the port, and psql expects the usual one.', 'AwsSolutions-RDS11');
    acknowledge(
      database,
      'The policy that AWS made for enhanced monitoring: it writes to one log group.',
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]',
    );
    acknowledge(database, 'Rotation needs functions of the shop itself, which this example leaves out.', ...ROTATION);
    return database;
  }

  private network(): ec2.Vpc {
    const vpc = new ec2.Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 1,
      subnetConfiguration: [
        { name: 'Public', subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: false },
        { name: 'Tasks', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
        { name: 'Data', subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      ],
    });
    const flows = new logs.LogGroup(this, 'Flows', {
      retention: logs.RetentionDays.ONE_MONTH,
      encryptionKey: this.key,
    });
    const flowLog = vpc.addFlowLog('FlowLog', { destination: ec2.FlowLogDestination.toCloudWatchLogs(flows) });
    acknowledge(
      flowLog,
      'CDK writes the policy into the role, which has this one use and goes with it.',
      'NIST.800.53.R5-IAMNoInlinePolicy',
      'HIPAA.Security-IAMNoInlinePolicy',
    );
    acknowledge(
      vpc,
      'Dumps pull their images from a public registry through a NAT gateway, which needs the way out.',
      'NIST.800.53.R5-VPCNoUnrestrictedRouteToIGW',
      'HIPAA.Security-VPCNoUnrestrictedRouteToIGW',
    );
    return vpc;
  }
}

/** Encrypts what a stack holds, and what CloudWatch writes: alarms to the topic, logs. */
function operatorsKey(stack: Stack): kms.Key {
  const key = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  for (const service of ['cloudwatch.amazonaws.com', `logs.${stack.region}.amazonaws.com`, 'backup.amazonaws.com']) {
    key.grantEncryptDecrypt(new iam.ServicePrincipal(service));
  }
  return key;
}

/** Says to auditors why rules of cdk-nag's packs are not followed in this example. */
function acknowledge(on: Construct, reason: string, ...rules: string[]): void {
  Validations.of(on).acknowledge(...rules.map((id) => ({ id, reason })));
}

const ROTATION = [
  'AwsSolutions-SMG4',
  'NIST.800.53.R5-SecretsManagerRotationEnabled',
  'HIPAA.Security-SecretsManagerRotationEnabled',
];
