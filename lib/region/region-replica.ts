import { Annotations, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { addAlarm } from '../alarm/alarm';
import type { BackupWindow } from '../schedule/backup-window';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { acknowledge } from '../synth/nag-acknowledgements';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { asKept, known } from '../synth/tokens';

/** Options of each replica. */
export interface ReplicaOptions {
  /** Name of the subnet group of your network in the recovery region, with at least two zones. */
  readonly subnetGroupName: string;

  /** IDs of security groups of that network that allow the application to connect once the replica is promoted. */
  readonly securityGroupIds: string[];

  /**
   * Identifier of the replica: up to 63 letters, digits and single hyphens.
   *
   * @default - the source's, followed by the region, as in `orders-us-west-2`
   */
  readonly instanceIdentifier?: string;

  /**
   * Class of the replica. A smaller one may fall behind, and may be too small once it is promoted.
   *
   * @default - the source's; required for an imported database
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * How long the replica's own automated backups are kept: 1 to 35 whole days. They continue when it is promoted.
   *
   * @default Duration.days(7)
   */
  readonly retention?: Duration;

  /**
   * When the replica's own daily backup is taken.
   *
   * @default - 30 minutes that RDS picks at random
   */
  readonly window?: BackupWindow;

  /**
   * Name of the parameter group in the recovery region.
   *
   * @default - the engine's default
   */
  readonly parameterGroupName?: string;

  /**
   * How far the replica may fall behind before its alarm fires.
   *
   * @default Duration.minutes(5)
   */
  readonly maxLag?: Duration;

  /**
   * Topic to notify when the replica falls behind. It must be in the recovery region: alarms notify only topics of
   * their own region.
   *
   * @default - in a plan, the topic that its `RecoveryRegion` names; else the alarm has no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

export interface RegionReplicaProps extends ReplicaOptions {
  /** Identifier of the source. */
  readonly sourceIdentifier: string;

  /** Region of the source. */
  readonly sourceRegion: string;

  /**
   * Class of the replica in the form of RDS, used if `instanceType` is left out.
   *
   * @default - none: one of the two is required
   */
  readonly sourceClass?: string;

  /**
   * Encrypts the replica: a key of its own region.
   *
   * @default - not encrypted, which RDS accepts only if the source is not encrypted
   */
  readonly encryptionKey?: kms.IKey;
}

const PROPS: PropsOf<RegionReplicaProps> = {
  sourceIdentifier: true,
  sourceRegion: true,
  sourceClass: true,
  encryptionKey: true,
  subnetGroupName: true,
  securityGroupIds: true,
  instanceIdentifier: true,
  instanceType: true,
  retention: true,
  window: true,
  parameterGroupName: true,
  maxLag: true,
  notify: true,
};

/**
 * A read replica in another region, with backups of its own, to be promoted when the source's region is lost. Put it in
 * a stack of the recovery region: it names its source without a reference.
 *
 * A bad write reaches the replica seconds later: a replica is not a backup, so it has backups of its own.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.XRgn.html
 */
export class RegionReplica extends Construct {
  public readonly instance: rds.IDatabaseInstance;
  /** Seconds that the replica lags behind its source. */
  public readonly lag: cloudwatch.Metric;

  constructor(scope: Construct, id: string, props: RegionReplicaProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { sourceIdentifier, sourceRegion, encryptionKey, retention = Duration.days(7) } = props;
    const stack = Stack.of(this);
    const dbInstanceIdentifier = asKept(props.instanceIdentifier ?? `${sourceIdentifier}-${stack.region}`);
    const dbInstanceClass = props.instanceType ? `db.${props.instanceType}` : props.sourceClass;
    refuseAll(
      `replica '${this.node.path}' of '${sourceIdentifier}'`,
      this.problemsOf(props, dbInstanceIdentifier, dbInstanceClass, retention),
    );

    const replica = new rds.CfnDBInstance(this, 'Instance', {
      dbInstanceIdentifier,
      dbInstanceClass,
      sourceDbInstanceIdentifier: `arn:${stack.partition}:rds:${sourceRegion}:${stack.account}:db:${sourceIdentifier}`,
      sourceRegion,
      kmsKeyId: encryptionKey?.keyArn,
      dbSubnetGroupName: props.subnetGroupName,
      vpcSecurityGroups: props.securityGroupIds,
      dbParameterGroupName: props.parameterGroupName,
      publiclyAccessible: false,
      backupRetentionPeriod: retention.toDays(),
      preferredBackupWindow: props.window?.expression,
      deleteAutomatedBackups: false,
      copyTagsToSnapshot: true,
      deletionProtection: true,
    });
    replica.applyRemovalPolicy(RemovalPolicy.RETAIN);
    warnOfFleetingKey(this, encryptionKey?.keyArn);
    acknowledge(replica, 'replica');
    if (!encryptionKey) {
      Annotations.of(this).addWarningV2(
        'lifeboat:copies-not-encrypted',
        `replica '${known(dbInstanceIdentifier) ?? this.node.path}' has no 'encryptionKey', so its data is not encrypted; if the source ` +
          "is encrypted, state a key of the replica's region; if it is not, restore an encrypted copy of a snapshot " +
          'as a new database, and replicate that (storageEncrypted on the source would make CloudFormation replace it with an ' +
          'empty one)',
      );
    }
    this.instance = rds.DatabaseInstance.fromDatabaseInstanceAttributes(this, 'Replica', {
      instanceIdentifier: dbInstanceIdentifier,
      instanceEndpointAddress: replica.attrEndpointAddress,
      port: 5432,
      securityGroups: [],
    });

    this.lag = new cloudwatch.Metric({
      namespace: 'AWS/RDS',
      metricName: 'ReplicaLag',
      dimensionsMap: { DBInstanceIdentifier: dbInstanceIdentifier },
      statistic: cloudwatch.Stats.MINIMUM,
      period: Duration.minutes(5),
    });
    this.addLagAlarm(dbInstanceIdentifier, props).node.addDependency(replica);
  }

  private addLagAlarm(identifier: string, props: RegionReplicaProps): cloudwatch.Alarm {
    const { sourceIdentifier, maxLag = Duration.minutes(5), notify } = props;
    return addAlarm(this, 'Lag', {
      metric: this.behind(),
      threshold: maxLag.toSeconds(),
      description:
        `Replica ${identifier} is more than ${maxLag.toHumanString()} behind ${sourceIdentifier}, or does not ` +
        "replicate at all. Promoting it now would lose that much data. See the replica's replication state.",
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      notify,
    });
  }

  /**
   * The lag, or a year if RDS publishes only -1, which means that nothing is replicated.
   * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.Monitoring.html
   */
  private behind(): cloudwatch.MathExpression {
    return new cloudwatch.MathExpression({
      expression: `IF(most < 0, ${Duration.days(365).toSeconds()}, least)`,
      usingMetrics: { least: this.lag, most: this.lag.with({ statistic: cloudwatch.Stats.MAXIMUM }) },
      label: 'Seconds behind',
      period: Duration.minutes(5),
    });
  }

  private problemsOf(
    props: RegionReplicaProps,
    identifier: string,
    instanceClass: string | undefined,
    retention: Duration,
  ): string[] {
    const problems: string[] = [];
    const { region } = Stack.of(this);
    if (props.sourceRegion === region) {
      problems.push(
        `its stack is in ${region}, the source's own region, so the replica would be lost with it; use a stack of another region`,
      );
    }
    if (!Token.isUnresolved(identifier) && !/^(?=.{1,63}$)[a-z](-?[a-z0-9])*$/.test(identifier)) {
      problems.push(
        `'instanceIdentifier' is '${identifier}', which RDS would refuse; use up to 63 letters, digits and single hyphens, ` +
          'with a letter first',
      );
    }
    if (instanceClass === undefined) {
      problems.push("'instanceType' is missing, and the source's class is unknown at synth; state it");
    }
    const days = known(retention.toDays({ integral: false }));
    if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= 35)) {
      problems.push(
        `'retention' is ${retention.toHumanString()}, not 1 to 35 whole days, so RDS would refuse it, or a promoted replica ` +
          'would have no backup; to keep backups longer, use AWS Backup',
      );
    }
    if (props.securityGroupIds.length === 0) {
      problems.push(
        "'securityGroupIds' is empty, so RDS would use the VPC's default group, whatever it allows; state one",
      );
    }
    return problems;
  }
}
