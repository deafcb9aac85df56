/**
 * Zephyr, live polls: PostgreSQL on RDS, backed up every night, and restored every month to prove it.
 */
import { Annotations, Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { BackupWindow, CutOver, ProtectionPlan, RecoveryCheck, Recurrence, RestorePoint } from '../../lib';
import { zephyr } from './plan';

/** All that differs between environments: class, disk in GiB, a standby, days of backups, a guard against deletion. */
// biome-ignore format: a table
export const ENVIRONMENTS = {
  development: { class: ec2.InstanceSize.SMALL,  storage: 20,  standby: false, retention: 3,  guarded: false },
  staging:     { class: ec2.InstanceSize.MEDIUM, storage: 50,  standby: false, retention: 7,  guarded: true },
  production:  { class: ec2.InstanceSize.LARGE,  storage: 100, standby: true,  retention: 30, guarded: true },
};

export interface ZephyrStackProps extends StackProps {
  readonly environment: keyof typeof ENVIRONMENTS;
}

export class ZephyrStack extends Stack {
  constructor(scope: Construct, id: string, props: ZephyrStackProps) {
    super(scope, id, props);
    const size = ENVIRONMENTS[props.environment];
    const key = this.key();

    const database = new rds.DatabaseInstance(this, 'Database', {
      instanceIdentifier: `zephyr-${props.environment}-db`,
      // The guide's 14.7 has left RDS: PostgreSQL 14 reached its end of life in November 2026.
      engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
      databaseName: zephyr.database,
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.T3, size.class),
      allocatedStorage: size.storage,
      multiAz: size.standby,
      vpc: this.network(key),
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      manageMasterUserPassword: true,
      storageEncryptionKey: key,
      preferredMaintenanceWindow: 'sun:04:00-sun:05:00',
      cloudwatchLogsExports: ['postgresql', 'upgrade'],
      monitoringInterval: Duration.minutes(1),
      copyTagsToSnapshot: true,
      deletionProtection: size.guarded,
      // Deletion leaves a final snapshot behind.
      removalPolicy: RemovalPolicy.SNAPSHOT,
    });

    const plan = new ProtectionPlan(this, 'Protection', {
      objectives: {
        rpo: Duration.seconds(zephyr.objectives.rpoSeconds),
        rto: Duration.seconds(zephyr.objectives.rtoSeconds),
      },
      notify: new sns.Topic(this, 'Alerts', { masterKey: key, enforceSSL: true }),
    });
    const polls = plan.addDatabase('Polls', {
      database,
      window: BackupWindow.daily('03:00', '04:00'),
      retention: Duration.days(size.retention),
      checks: zephyr.checks.map((check) => RecoveryCheck.fromContract(check)),
      databaseName: zephyr.database,
    });
    polls.addDrill('Monthly', {
      schedule: Recurrence.firstSunday({ hour: 10 }),
      restore: RestorePoint.random({ within: Duration.days(Math.min(7, size.retention)) }),
    });
    const production = polls.addRecovery('Production', { cutOver: [CutOver.rename()] });
    production.connections.allowTo(database, ec2.Port.POSTGRES, 'examiner of recoveries');
    Annotations.of(production).acknowledgeWarning(
      'lifeboat:managed-secret-stays',
      'Zephyr logs in as a user of its own; the master user, whose password RDS manages, is for operators.',
    );
    this.acknowledge(database, size);
  }

  /** Rules of cdk-nag's AwsSolutions and NIST 800-53 R5 packs that Zephyr doesn't follow, and why. */
  private acknowledge(database: rds.DatabaseInstance, size: { standby: boolean; guarded: boolean }): void {
    const rules = [
      {
        id: 'AwsSolutions-RDS11',
        reason: "Security groups guard the port, and the guide's commands name the usual one.",
      },
      {
        id: 'NIST.800.53.R5-RDSInBackupPlan',
        reason: 'Automated backups give any second of the retention, and a drill proves them every month.',
      },
      {
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]',
        reason: 'The policy that AWS made for enhanced monitoring: it writes to one log group.',
      },
    ];
    const standby = 'Not production: an outage of a zone is waited out, or answered by a restore.';
    if (!size.standby) {
      rules.push(
        { id: 'AwsSolutions-RDS3', reason: standby },
        { id: 'NIST.800.53.R5-RDSMultiAZSupport', reason: standby },
      );
    }
    const guard = 'Development: the environment is torn down at will, and leaves a final snapshot.';
    if (!size.guarded) {
      rules.push(
        { id: 'AwsSolutions-RDS10', reason: guard },
        { id: 'NIST.800.53.R5-RDSInstanceDeletionProtectionEnabled', reason: guard },
      );
    }
    Validations.of(database).acknowledge(...rules);
  }

  /** Encrypts the database, and what CloudWatch writes: alarms to the topic, flows to their log. */
  private key(): kms.Key {
    const key = new kms.Key(this, 'Key', { enableKeyRotation: true });
    for (const service of ['cloudwatch.amazonaws.com', `logs.${this.region}.amazonaws.com`]) {
      key.grantEncryptDecrypt(new iam.ServicePrincipal(service));
    }
    return key;
  }

  private network(encryptionKey: kms.IKey): ec2.Vpc {
    const vpc = new ec2.Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'Database', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    });
    const flows = new logs.LogGroup(this, 'Flows', { retention: logs.RetentionDays.ONE_MONTH, encryptionKey });
    const flowLog = vpc.addFlowLog('FlowLog', { destination: ec2.FlowLogDestination.toCloudWatchLogs(flows) });
    Validations.of(flowLog).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'CDK writes the policy into the role, which has this one use and goes with it.',
    });
    return vpc;
  }
}
