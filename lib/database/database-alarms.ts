import { Duration, Size } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { addAlarm } from '../alarm/alarm';
import { tellOfEvents } from '../alarm/told-events';
import { enclosingPlan } from '../synth/enclosing-plan';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import { SourceDatabase } from './source-database';

export interface DatabaseAlarmsProps {
  /** An RDS instance of any engine, of this app or imported. */
  readonly database: rds.IDatabaseInstance;

  /**
   * Topic to notify. A topic of another app must let `events.amazonaws.com` and `cloudwatch.amazonaws.com` in, and so must
   * its key.
   *
   * @default - the `notify` of the enclosing plan; without one, events are not sent, the alarm has no action, and
   * synth warns
   */
  readonly notify?: sns.ITopic;

  /**
   * An alarm fires when less storage than this is free: backups stop when none is left.
   *
   * @default - a tenth of the storage that this app states; if unknown, 10 GiB
   */
  readonly freeStorage?: Size;
}

/**
 * Events that endanger a database or its backups: RDS's categories, and the event of backups that were switched off,
 * whose category (configuration change) is mostly harmless.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
 */
const DANGERS = { EventCategories: ['deletion', 'failover', 'failure', 'low storage'], EventID: ['RDS-EVENT-0028'] };

const PROPS: PropsOf<DatabaseAlarmsProps> = { database: true, notify: true, freeStorage: true };

/**
 * Notifications of a failover, a failure, a deletion, backups that were switched off, and storage that runs out.
 *
 * Through EventBridge, since RDS's own subscriptions send nothing to encrypted topics. RDS delivers events on a
 * best-effort basis, so no message does not prove that all is well; drills and alarms on the ages of copies do.
 * https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateEventSubscription.html
 */
export class DatabaseAlarms extends Construct {
  constructor(scope: Construct, id: string, props: DatabaseAlarmsProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { database, notify, freeStorage } = props;
    const source = new SourceDatabase(database);
    const name = source.name ?? database.node.path;
    const topic = notify ?? enclosingPlan(this)?.notify;
    if (topic) tellOfDangers(this, source, topic, name);
    const allocated = Number(known(source.resource?.allocatedStorage) ?? Number.NaN);
    const tenth = Number.isNaN(allocated) ? Size.gibibytes(10) : Size.mebibytes(Math.ceil(allocated * 102.4));
    addAlarm(this, 'StorageLow', {
      metric: new cloudwatch.Metric({
        namespace: 'AWS/RDS',
        metricName: 'FreeStorageSpace',
        // In lower case, as RDS publishes it: CDK's own metric has an imported identifier as written.
        dimensionsMap: { DBInstanceIdentifier: source.identifier },
        statistic: cloudwatch.Stats.MINIMUM,
        period: Duration.minutes(5),
      }),
      threshold: (freeStorage ?? tenth).toBytes(),
      comparison: 'below',
      description:
        `Database ${name} is running out of storage, and backups stop when it is full. Add storage, or enable storage ` +
        'autoscaling (maxAllocatedStorage).',
      notify,
    });
  }
}

function tellOfDangers(scope: Construct, { identifier }: SourceDatabase, topic: sns.ITopic, name: string): void {
  tellOfEvents(scope, {
    ruleId: 'Dangers',
    alarmId: 'NotTold',
    description: `Lifeboat: what endangers database ${name}`,
    eventPattern: {
      source: ['aws.rds'],
      detailType: ['RDS DB Instance Event'],
      detail: {
        SourceIdentifier: [identifier],
        $or: Object.entries(DANGERS).map(([field, values]) => ({ [field]: values })),
      },
    },
    topic,
    notTold:
      `Something happened to database ${name} and could not be told: see its events, and let events.amazonaws.com use ` +
      'the topic and its key',
  });
}
