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

/** What each replica decides for itself. */
export interface ReplicaOptions {
  /** Subnet group of your network in the recovery region, by name: two zones at least. */
  readonly subnetGroupName: string;

  /** Security groups of that network, by id: the application must reach the replica once it is promoted. */
  readonly securityGroupIds: string[];

  /**
   * Identifier of the replica: up to 63 letters, digits and single hyphens.
   *
   * @default - the source's, followed by the region, as in `orders-us-west-2`
   */
  readonly instanceIdentifier?: string;

  /**
   * Class of the replica. A smaller one may fall behind, and is too small once it is promoted.
   *
   * @default - the source's, which an imported database does not tell
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * How long the replica's own automated backups are kept: 1 to 35 whole days. They go on when it is promoted.
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
   * Parameter group in the recovery region, by name.
   *
   * @default - the default one of the engine
   */
  readonly parameterGroupName?: string;

  /**
   * How far the replica may fall behind before its alarm rings.
   *
   * @default Duration.minutes(5)
   */
  readonly maxLag?: Duration;

  /**
   * Who is told that it fell behind: a topic in the recovery region, since an alarm reaches none in another.
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
   * Class of the replica as RDS writes it, where `instanceType` is left out.
   *
   * @default - none: one of the two is needed
   */
  readonly sourceClass?: string;

  /**
   * Encrypts the replica: a key of its own region.
   *
   * @default - not encrypted, which RDS takes for a source that is not encrypted only
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
 * A read replica of a database in another region, with backups of its own, to be promoted when that region is lost. Put
 * it in a stack of the recovery region: it names its source, and needs nothing else of it.
 *
 * What was lost by a bad write is lost here as well, seconds later: a replica is no backup, so it has some.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.XRgn.html
 */
export class RegionReplica extends Construct {
  public readonly instance: rds.IDatabaseInstance;
  /** Seconds that the replica is behind. */
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
        `replica '${known(dbInstanceIdentifier) ?? this.node.path}' has no key, so what it holds is not encrypted; where the source ` +
          'is encrypted, give the replica a key of its own region; where it is not, restore an encrypted copy of a snapshot ' +
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
        'replicate at all: promoting it now would lose that much',
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      notify,
    });
  }

  /**
   * The lag, or a year where RDS gives -1 throughout: then nothing is replicated.
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
      problems.push(`${region} is the source's own region, so it would be lost with it; put it in a stack of another`);
    }
    if (!Token.isUnresolved(identifier) && !/^(?=.{1,63}$)[a-z](-?[a-z0-9])*$/.test(identifier)) {
      problems.push(
        `'${identifier}' is no identifier that RDS takes; give up to 63 letters, digits and single hyphens as ` +
          'instanceIdentifier',
      );
    }
    if (instanceClass === undefined) {
      problems.push("its source does not tell its class, so RDS would not know the replica's; give an instanceType");
    }
    const days = known(retention.toDays({ integral: false }));
    if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= 35)) {
      problems.push(
        `a backup retention of ${retention.toHumanString()} is outside of 1 to 35 whole days, so RDS would refuse it, or a promoted replica ` +
          'would have no backup; keep longer copies with AWS Backup',
      );
    }
    if (props.securityGroupIds.length === 0) {
      problems.push(
        "it has no security group, so RDS would give it the network's default one, whatever that lets in; name one",
      );
    }
    return problems;
  }
}
