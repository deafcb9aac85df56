import { Duration, Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { ConfigurationRequest } from '../../lambda/contract';
import { addAlarm } from '../alarm/alarm';
import { BackupWatch } from '../alarm/backup-watch';
import { ArchiveBucket } from '../bucket/archive-bucket';
import { ArchiveTier } from '../bucket/archive-tier';
import { dataKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { backupAccess, refuseOddPrefix } from '../function/statements';
import { overdueOf } from '../schedule/overdue';
import { Recurrence } from '../schedule/recurrence';
import { isBucketResource } from '../synth/bucket-resource';
import { enclosingPlan } from '../synth/enclosing-plan';
import { pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { reading } from './configuration-permissions';

export interface ConfigurationBackupsProps {
  /**
   * Where configuration is stored: a versioned bucket of the same region. Its lifecycle should expire only noncurrent
   * versions under the prefix, since an unchanged file is not written again.
   *
   * @default - the `archive` of the enclosing plan; without one, an `ArchiveBucket` of its own, which keeps each
   * version for 90 days after it was replaced
   */
  readonly bucket?: s3.IBucket;

  /**
   * Prefix of keys, ending in a slash.
   *
   * @default 'configuration/'
   */
  readonly prefix?: string;

  /**
   * When configuration is stored.
   *
   * @default - every day at 02:00 UTC
   */
  readonly schedule?: Recurrence;

  /**
   * Names of the CloudFormation stacks whose templates and parameters are stored. A missing stack fails the run.
   *
   * @default - all stacks of the region
   */
  readonly stacks?: string[];

  /**
   * Prefixes of names of SSM parameters, as in `/zephyr/production/`.
   *
   * @default - all parameters of the region
   */
  readonly parameters?: string[];

  /**
   * Families of the ECS task definitions that are stored. A missing family fails the run.
   *
   * @default - all families of the region
   */
  readonly taskDefinitions?: string[];

  /**
   * The ECS services that are stored, as `cluster/service`. A missing service fails the run.
   *
   * @default - all services of the region
   */
  readonly services?: string[];

  /**
   * Domain names of the hosted zones in Route 53 whose records are stored, with all health checks. A missing zone fails
   * the run. Zones that AWS Cloud Map manages are not stored.
   *
   * @default - all zones of the account
   */
  readonly zones?: string[];

  /**
   * Stores the values of secure parameters, too, in a file of their own, encrypted with this key: readers of the bucket
   * can't read them without the key. Its key policy must delegate to IAM, as policies of CDK's keys do.
   *
   * @default - values of secure parameters are never read
   */
  readonly secureValuesKey?: kms.IKey;

  /**
   * Encrypts logs, and the bucket of its own.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * An alarm fires after this long without a run that stored everything.
   *
   * @default - the schedule's longest gap and 6 hours
   */
  readonly overdueAfter?: Duration;

  /**
   * Name in metrics. Printable ASCII.
   *
   * @default - the construct's path
   */
  readonly backupName?: string;

  /**
   * By how many percent the whole may be larger or smaller than the median of up to seven runs before it. Above 0 and
   * below 100.
   *
   * @default 50
   */
  readonly sizeTolerance?: number;

  /**
   * Topic to notify when something could not be stored, nothing was stored for too long, or the size is unusual.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const PROPS: PropsOf<ConfigurationBackupsProps> = {
  bucket: true,
  prefix: true,
  schedule: true,
  stacks: true,
  parameters: true,
  taskDefinitions: true,
  services: true,
  zones: true,
  secureValuesKey: true,
  encryptionKey: true,
  overdueAfter: true,
  backupName: true,
  sizeTolerance: true,
  notify: true,
};

/**
 * The configuration of a system, stored every night as files that can create it again: templates and parameters of
 * CloudFormation stacks, SSM parameters, task definitions and services of ECS, and records of Route 53. Only changed
 * files are written.
 *
 * It may read configuration and write under its prefix, and can't change or delete anything.
 *
 * @throws Error when nothing would be stored, a service is stated without its cluster, or the prefix is not a folder
 */
export class ConfigurationBackups extends Construct {
  /** Where configuration is stored. */
  public readonly bucket: s3.IBucket;

  private readonly watch: BackupWatch;

  constructor(scope: Construct, id: string, props: ConfigurationBackupsProps = {}) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { notify, prefix = 'configuration/' } = props;
    const what = `configuration backups '${this.node.path}'`;
    refuseOddPrefix(what, prefix);
    refuseAll(what, this.problemsOf(props));
    const schedule = props.schedule ?? Recurrence.daily({ hour: 2 });
    const encryptionKey = dataKey(this, props.encryptionKey);
    this.bucket =
      props.bucket ??
      enclosingPlan(this)?.archive ??
      new ArchiveBucket(this, 'Files', {
        encryptionKey,
        tiers: [ArchiveTier.prefixed(prefix, { noncurrentVersions: { expireAfter: Duration.days(90) } })],
      }).bucket;
    this.node.addValidation({ validate: () => this.losesVersions() });
    this.watch = new BackupWatch(this, 'Watch', {
      backup: props.backupName ?? pathName(this),
      bucket: this.bucket,
      prefix,
      encryptionKey,
      overdueAfter: overdueOf(this, props.overdueAfter, schedule, Duration.hours(6)),
      sizeTolerance: props.sizeTolerance ?? 50,
      overdue: `Configuration is no longer stored under ${prefix}, so a rebuilt system would be out of date`,
      notify,
    });

    const handler = this.storing(props, prefix, encryptionKey);
    this.startOn(schedule, handler, this.requestOf(props, prefix));
    addAlarm(this, 'Failed', {
      metric: handler.function.metricErrors({ period: Duration.hours(1) }),
      threshold: 0,
      description: 'Some configuration could not be stored. The rest was. The log lists what is missing.',
      notify,
    });
  }

  /** Seconds since all configuration was last stored. */
  public metricAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.watch.metricAge(options);
  }

  private requestOf(props: ConfigurationBackupsProps, prefix: string): ConfigurationRequest {
    return {
      bucket: this.bucket.bucketName,
      prefix,
      stacks: props.stacks,
      parameters: props.parameters,
      taskDefinitions: props.taskDefinitions,
      services: props.services,
      zones: props.zones?.map((zone) => zone.replace(/\.$/, '')),
      secureValuesKey: props.secureValuesKey?.keyArn,
    };
  }

  private storing(props: ConfigurationBackupsProps, prefix: string, encryptionKey: kms.IKey): ShippedFunction {
    return new ShippedFunction(this, 'Handler', {
      entry: 'store-configuration',
      description: 'Lifeboat: stores configuration that changed',
      timeout: Duration.minutes(15),
      memorySize: 512,
      encryptionKey,
      deadLetterQueue: this.watch.deadLetterQueue,
      patterns:
        'It reads resources whose names are known only at run time; listing actions can not be narrowed; it writes files ' +
        'under one prefix.',
      statements: [...reading(this, props), ...backupAccess(this.bucket, prefix)],
    });
  }

  private startOn(schedule: Recurrence, handler: ShippedFunction, request: ConfigurationRequest): void {
    const nightly = new ScheduleTrigger(this, 'Nightly', {
      target: handler.function,
      schedule: schedule.expression,
      description: 'Lifeboat: stores configuration that changed',
      request,
      deadLetterQueue: this.watch.deadLetterQueue,
    });
    nightly.node.addDependency(handler);
  }

  /** Only for a bucket of this app; Mixins may have enabled versioning since. */
  private losesVersions(): string[] {
    const made = this.bucket.node.defaultChild;
    if (!isBucketResource(made)) return [];
    const { status = 'Suspended' } = Stack.of(made).resolve(made.versioningConfiguration) ?? {};
    if (status !== 'Suspended') return [];
    return [
      `configuration backups '${this.node.path}': bucket '${made.node.path}' is not versioned, so each change, also a wrong one, ` +
        'would overwrite the configuration before it; set versioned: true',
    ];
  }

  private problemsOf({ stacks, parameters, taskDefinitions, services, zones }: ConfigurationBackupsProps): string[] {
    const problems: string[] = [];
    if ([stacks, parameters, taskDefinitions, services, zones].every((names) => names?.length === 0)) {
      problems.push(
        "'stacks', 'parameters', 'taskDefinitions', 'services' and 'zones' are empty, so nothing would be stored; leave one of " +
          'the lists out to store all of its kind',
      );
    }
    const odd = services?.filter((name) => !Token.isUnresolved(name) && !/^[^/]+\/[^/]+$/.test(name)) ?? [];
    if (odd.length > 0) {
      problems.push(
        `'services' has '${odd.join("', '")}' without a cluster, so it would not be found; write it as in 'shop/web', the ` +
          "cluster's name first",
      );
    }
    return problems;
  }
}
