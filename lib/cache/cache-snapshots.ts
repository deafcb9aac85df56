import { Annotations, Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type CacheSnapshotDefinition, METRICS, SCHEDULED_TIME } from '../../lambda/contract';
import { addAlarm } from '../alarm/alarm';
import { deadLetterAlarm, deadLetters } from '../alarm/dead-letters';
import { holdAlarm } from '../alarm/hold-alarm';
import { logKey } from '../function/log-key';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { refuseEarlyOverdue } from '../schedule/overdue';
import { markCovered } from '../synth/coverage';
import { refuseOtherUnits } from '../synth/durations';
import { Mark } from '../synth/marks';
import { copyPrefix, pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { exportsInAppOf } from './cache-export';
import { ABOUT_PATTERNS, listSnapshots, ownSnapshots } from './cache-permissions';
import type { CacheSource } from './cache-source';

/** What each schedule of snapshots decides for itself. */
export interface CacheSnapshotsOptions {
  /**
   * How often a snapshot is taken: whole minutes. ElastiCache allows 20 manual snapshots of a node within 24 hours, and
   * 24 of a serverless cache, including those taken by others.
   * https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups.html
   */
  readonly every: Duration;
  /**
   * How long each snapshot is kept, at least as long as `every`. Counted back from the newest good one, so nothing is
   * deleted when snapshots stop. When you shorten it, the next round after the deployment deletes older ones. A
   * snapshot with the tag `lifeboat:bad` is not good. Nothing is deleted while the cache is on hold (`lifeboat hold`).
   */
  readonly retention: Duration;
  /**
   * An alarm fires when the newest good snapshot is older than this.
   *
   * @default - `every` and one hour
   */
  readonly overdueAfter?: Duration;
  /**
   * Name in metrics. Printable ASCII.
   *
   * @default - the construct's path
   */
  readonly backupName?: string;
  /**
   * Encrypts the handler's log. The policy of a key of another app must allow CloudWatch Logs.
   *
   * @default - a key of its own, rotated yearly
   */
  readonly logEncryptionKey?: kms.IKey;
  /**
   * Topic to notify when the newest snapshot is too old, or the hourly watch stopped.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

export interface CacheSnapshotsProps extends CacheSnapshotsOptions {
  /** What snapshots are taken of. */
  readonly cache: CacheSource;
}

const made = new Mark<CacheSnapshots>('CacheSnapshots');

const PROPS: PropsOf<CacheSnapshotsProps> = {
  cache: true,
  every: true,
  retention: true,
  overdueAfter: true,
  backupName: true,
  logEncryptionKey: true,
  notify: true,
};

/**
 * Snapshots of a cache more than once a day, which automatic ones of ElastiCache can't be: on a schedule, named,
 * tagged, and deleted after their retention.
 *
 * Every hour, and whenever one is taken, the age of the newest good snapshot is published, including automatic ones.
 * Writes since then are lost with the cache.
 *
 * @throws Error when the schedule exceeds ElastiCache's quota, or the cache can have no snapshots; at synth when all
 * constructs that take snapshots of the cache exceed the quota together
 */
export class CacheSnapshots extends Construct {
  /** Prefix of the names of its snapshots. */
  public readonly prefix: string;

  private readonly backupName: string;
  private readonly cache: CacheSource;
  /** Snapshots within 24 hours. */
  private readonly count: number;

  constructor(scope: Construct, id: string, props: CacheSnapshotsProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    made.put(this, this);
    const { cache, every, retention } = props;
    refuseOtherUnits(`cache snapshots '${this.node.path}'`, { every, retention }, { overdueAfter: props.overdueAfter });
    this.cache = cache;
    this.count = every.isUnresolved() ? 0 : Math.ceil(1440 / every.toMinutes({ integral: false }));
    this.node.addValidation({ validate: () => this.tooManyTogether() });
    refuseAll(`cache snapshots '${this.node.path}'`, problemsOf(cache, every, retention));
    const encryptionKey = logKey(this, props.logEncryptionKey);
    markCovered(cache.cache, 'CacheSnapshots');
    this.prefix = copyPrefix(this, id);
    this.backupName = props.backupName ?? pathName(this);

    const deadLetterQueue = deadLetters(this, 'NotTaken');
    const hourly = this.start(id, props, encryptionKey, deadLetterQueue);
    deadLetterAlarm(this, 'Failed', {
      queue: deadLetterQueue,
      description: `Snapshots ${this.backupName} of a cache could not be taken or deleted. The messages in the queue and the log say why.`,
      notify: props.notify,
    });
    holdAlarm(this, 'OnHold', {
      what: `the cache of ${this.backupName}`,
      dimensions: { [METRICS.dimensions.backup]: this.backupName },
      notify: props.notify,
    });
    refuseEarlyOverdue(this, props.overdueAfter, every);
    this.addOverdueAlarm(props.overdueAfter ?? every.plus(Duration.hours(1)), hourly, props.notify);
    if (every.toDays({ integral: false }) >= 1) {
      Annotations.of(this).addInfoV2(
        'lifeboat:automatic-snapshots-do',
        "'every' is a day or more, and ElastiCache takes daily snapshots itself, without cost for the first; apply CacheBackups to turn that on",
      );
    }
  }

  /** Age in seconds of the newest good snapshot. Published every hour; missing when there is none. */
  public metricAge(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: METRICS.namespace,
      metricName: METRICS.secondsSinceBackup,
      dimensionsMap: { [METRICS.dimensions.backup]: this.backupName },
      statistic: cloudwatch.Stats.MAXIMUM,
      // Two hours always contain an hourly round, even a late one.
      period: Duration.hours(2),
      ...options,
    });
  }

  /** @returns the trigger of the hourly round, which publishes the age of the newest snapshot */
  private start(
    id: string,
    { cache, every, retention }: CacheSnapshotsProps,
    encryptionKey: kms.IKey,
    deadLetterQueue: sqs.Queue,
  ): ScheduleTrigger {
    const definition: CacheSnapshotDefinition = {
      backup: this.backupName,
      cache: cache.target,
      prefix: this.prefix,
      keepSeconds: retention.toSeconds(),
    };
    const handler = new ShippedFunction(this, 'Handler', {
      entry: 'snapshot-cache',
      description: `Lifeboat: takes, counts and deletes snapshots ${id} of a cache`,
      timeout: Duration.minutes(5),
      memorySize: 256,
      encryptionKey,
      definition,
      deadLetterQueue,
      patterns: ABOUT_PATTERNS,
      statements: [...listSnapshots(cache), ...ownSnapshots(this, cache, this.prefix)],
    });
    const trigger = (triggerId: string, rate: Duration, what: string, more: { readonly due?: string }) => {
      const made = new ScheduleTrigger(this, triggerId, {
        target: handler.function,
        schedule: ScheduleExpression.rate(rate),
        description: `Lifeboat: ${what} ${id}`,
        request: more,
        deadLetterQueue,
      });
      made.node.addDependency(handler);
      return made;
    };
    trigger('Schedule', every, 'takes snapshots', { due: SCHEDULED_TIME });
    return trigger('Hourly', Duration.hours(1), 'publishes the age of the newest snapshot of', {});
  }

  private addOverdueAlarm(overdueAfter: Duration, hourly: ScheduleTrigger, notify?: sns.ITopic): void {
    const alarm = addAlarm(this, 'Overdue', {
      metric: this.metricAge(),
      threshold: overdueAfter.toSeconds(),
      description:
        `The newest good snapshot of the cache of ${this.backupName} is older than ${overdueAfter.toHumanString()}, or there is ` +
        "none, or the hourly watch stopped. Writes since then would be lost with the cache; see the handler's log.",
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      notify,
    });
    // The first run of the watch precedes the alarm, so that its metric is not missing.
    alarm.node.addDependency(hourly);
  }

  /** Each may be within the quota by itself. The first in the app reports it. */
  private tooManyTogether(): string[] {
    const { cache } = this.cache;
    const same = made.inAppOf(this).filter((round) => round.cache.cache === cache);
    const exports = exportsInAppOf(this).filter(({ snapshotsFirst }) => snapshotsFirst === cache);
    const { count, of } = this.cache.dailyQuota;
    const total = same.reduce((sum, round) => sum + round.count, exports.length);
    if (total <= count || same[0] !== this || same.length + exports.length === 1) return [];
    const names = [...same, ...exports].map(({ node }) => `'${node.path}'`).join(', ');
    return [
      `${names} take ${total} snapshots of one cache within 24 hours, and ElastiCache allows ${count} manual snapshots of ${of}, ` +
        'so the rest would fail; take some less often',
    ];
  }
}

function problemsOf(cache: CacheSource, every: Duration, retention: Duration): string[] {
  const problems: string[] = [];
  if (cache.runsMemcachedOnNodes) {
    problems.push(
      "'cache' runs Memcached on nodes, and ElastiCache takes no snapshots of those; use a serverless cache or Valkey",
    );
  }
  problems.push(...cache.appendOnlyProblems);
  if (every.isUnresolved() || retention.isUnresolved()) return problems;
  const minutes = every.toMinutes({ integral: false });
  const { count, of } = cache.dailyQuota;
  const least = (24 * 60) / count;
  if (minutes < least) {
    problems.push(
      `'every' is ${minutes} minutes, which is ${Math.ceil(1440 / minutes)} snapshots within 24 hours, and ElastiCache allows ${count} manual ` +
        `snapshots of ${of}, so the rest would fail; set ${least} minutes or more`,
    );
  } else if (!Number.isInteger(minutes)) {
    problems.push(`'every' is ${minutes} minutes, and EventBridge takes whole minutes; round it`);
  }
  if (retention.toMilliseconds() < every.toMilliseconds()) {
    problems.push(
      `'retention' is ${retention.toHumanString()}, less than 'every' of ${every.toHumanString()}, so at times only the newest snapshot ` +
        'would exist; keep them as long as you need to notice damage',
    );
  }
  return problems;
}
