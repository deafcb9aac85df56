import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ISchedule } from 'aws-cdk-lib/aws-scheduler';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type DrillDefinition, type DrillRequest, drillDefinition } from '../../lambda/contract';
import { addAlarm } from '../alarm/alarm';
import { ObjectiveAlarms } from '../alarm/objective-alarms';
import type { RecoveryObjectives } from '../alarm/objectives';
import { RecoveryMetrics, secondsSinceProven } from '../alarm/recovery-metrics';
import { grantStart } from '../function/grant-start';
import { ScheduleTrigger } from '../function/schedule-trigger';
import { ShippedFunction } from '../function/shipped-function';
import { gapOf, warnOfOverdueDrills } from '../schedule/overdue';
import type { Recurrence } from '../schedule/recurrence';
import { markCovered } from '../synth/coverage';
import { enclosingPlan } from '../synth/enclosing-plan';
import { copyPrefix, pathName } from '../synth/names';
import { checkProps, type PropsOf } from '../synth/props';
import { parseAtSynth } from '../synth/tokens';
import { outputDrill, publishDrill } from './deployed-drill';
import { refuseUndrillable, warnOfAnotherClass, warnOfExpiry, warnOfOldSnapshots } from './drill-limits';
import { copyPermissions } from './drill-permissions';
import { DrillSite } from './drill-site';
import type { DrillSource } from './drill-source';
import { enclosingSite } from './enclosing-site';
import { PROOF_OPTIONS, type ProofOptions, proofOf } from './proof';
import { RestorePoint } from './restore-point';
import type { SharedByDrills } from './shared-by-drills';
import type { IDrillSite } from './shared-site';
import { evidencePermissions, sharedPermissions } from './site-permissions';

/** Time that a drill may take after its restored instance has expired: to finish, delete it and publish evidence. */
const FOR_THE_END = Duration.hours(8);

/** Options of each drill. Those of a plan's database share its checks and names, which `plan.addDatabase()` takes. */
export interface DrillOptions {
  /** When it runs. */
  readonly schedule: Recurrence;

  /**
   * The moment to restore.
   *
   * @default RestorePoint.latest()
   */
  readonly restore?: RestorePoint;

  /**
   * Objectives that the drill is compared with. A drill of a plan with objectives of its own also has alarms and a
   * chain of evidence of its own: those of the target `<database>-<drill>`.
   *
   * @default - the plan's; required without a plan
   */
  readonly objectives?: RecoveryObjectives;

  /**
   * Class of the restored instance. A smaller one is cheaper, and proves that it can be restored, but not how fast.
   *
   * @default - the source's
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * How long a restored instance may exist. A drill that takes longer fails, and its restored instance is deleted.
   *
   * @default - four times the RTO, and at least 6 hours
   */
  readonly expiresAfter?: Duration;

  /**
   * An alarm fires after this long without a drill that passed, including drills started by hand. Synth warns if it is
   * shorter than the schedule's gap, or twice that or more.
   *
   * @default - the schedule's longest gap and one day
   */
  readonly overdueAfter?: Duration;
}

export interface RestoreDrillProps extends DrillOptions, ProofOptions {
  /** The backups to restore: `DrillSource.database(orders)`, or `DrillSource.copies()` of a database elsewhere. */
  readonly source: DrillSource;

  /** Objectives that the drill is compared with. */
  readonly objectives: RecoveryObjectives;

  /**
   * Name of the plan, in evidence and metrics.
   *
   * @default - the name of the enclosing plan; without one, the path of the parent construct
   */
  readonly planName?: string;

  /**
   * Name of the target, in evidence and metrics. Drills of one database share it, and so its chain of evidence.
   *
   * @default - the drill's id
   */
  readonly target?: string;

  /**
   * Where the drill runs.
   *
   * @default - the site of the enclosing plan; without one, one of the drill's own
   */
  readonly site?: IDrillSite;

  /**
   * Alarms on the outcome, shared by the drills of one target.
   *
   * @default - alarms of the drill's own
   */
  readonly alarms?: ObjectiveAlarms;

  /**
   * Whether the stack has outputs for an operator: what starts the drill, its schedule, the bucket of its evidence.
   *
   * @default - as the enclosing plan; without one, false
   */
  readonly outputs?: boolean;

  /**
   * Topic to notify when a drill fails, misses an objective or is overdue.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

export const DRILL_OPTIONS: PropsOf<DrillOptions> = {
  schedule: true,
  restore: true,
  objectives: true,
  instanceType: true,
  expiresAfter: true,
  overdueAfter: true,
};

const PROPS: PropsOf<RestoreDrillProps> = {
  ...DRILL_OPTIONS,
  ...PROOF_OPTIONS,
  source: true,
  planName: true,
  target: true,
  site: true,
  alarms: true,
  outputs: true,
  notify: true,
};

/**
 * Proves on a schedule that a database can be restored: beside the source, never over it.
 *
 * Its conductor, a durable function, may create, modify and delete only restored instances of this database, recognized
 * by their names and tags.
 */
export class RestoreDrill extends Construct {
  /** The definition that is deployed with the conductor. Anyone who starts a run can't change it. */
  public readonly definition: DrillDefinition;
  /** What starts it. */
  public readonly schedule: ISchedule;
  /** Starts a drill when it is invoked, asynchronously, with `{ restore?, reason? }`. */
  public readonly function: lambda.IAlias;
  /** What the drill measures. */
  public readonly metrics: RecoveryMetrics;

  constructor(scope: Construct, id: string, props: RestoreDrillProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { source, objectives, notify, restore = RestorePoint.latest() } = props;
    const planName = props.planName ?? enclosingPlan(this)?.planName ?? pathName(scope);
    refuseUndrillable(this, props, restore);
    const usual = Math.max(Duration.hours(6).toSeconds(), 4 * objectives.rto.toSeconds());
    const expiresAfter = props.expiresAfter ?? Duration.seconds(usual);
    if (source.database) markCovered(source.database, 'RestoreDrill');
    warnOfAnotherClass(this, source.instanceClass, props.instanceType);
    warnOfOldSnapshots(this, source, restore, objectives.rpo.toSeconds());
    warnOfExpiry(this, source, restore);
    warnOfOverdueDrills(this, props.overdueAfter, gapOf(props.schedule));

    const site = props.site ?? enclosingSite(this) ?? new DrillSite(this, 'Site', { notify });
    site.network.open(source.port);
    this.definition = parseAtSynth(
      drillDefinition,
      this.definitionOf(props, { plan: planName, restore, expiresAfter, site }),
      `restore drill '${this.node.path}'`,
    );
    const shared = site.watch.sharedWith(this, sharedPermissions(site));
    const runbook = this.runbook(source, expiresAfter, site, shared);
    this.function = new lambda.Alias(this, 'Live', { aliasName: 'live', version: runbook.function.currentVersion });
    this.schedule = this.startOn(props.schedule, runbook, site, shared);

    publishDrill(this, this);
    if (props.outputs ?? enclosingPlan(this)?.outputs) outputDrill(this, this);
    this.metrics = new RecoveryMetrics(this.definition);
    this.addAlarms(props, site);
  }

  /**
   * Allows a principal to start the drill at any time, and to choose only the restore point and a reason.
   *
   * @throws Error when the grantee is in a stack of another region, whose policies can't refer to the drill
   */
  public grantStart(grantee: iam.IGrantable): iam.Grant {
    return grantStart('drill', this, this.function, grantee);
  }

  /** Seconds since it last passed. Published every hour; missing data means that the hourly watch stopped. */
  public metricSecondsSinceProven(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return secondsSinceProven(this.definition, options);
  }

  private definitionOf(props: RestoreDrillProps, { plan, restore, expiresAfter, site }: Settled): DrillDefinition {
    const { objectives, target = this.node.id } = props;
    return {
      plan,
      target,
      drill: this.node.id,
      source: props.source.definition(this),
      restore: restore.request,
      copy: {
        prefix: copyPrefix(this, target),
        subnetGroup: site.network.subnetGroup.subnetGroupName,
        securityGroups: [site.network.copies.securityGroupId],
        instanceClass: props.instanceType && `db.${props.instanceType}`,
        expiresAfterSeconds: expiresAfter.toSeconds(),
      },
      ...proofOf(site, objectives, props),
    };
  }

  private runbook({ keyArn }: DrillSource, expiresAfter: Duration, site: IDrillSite, { basics }: SharedByDrills) {
    return new ShippedFunction(this, 'Conductor', {
      entry: 'drill-restore',
      description: `Lifeboat: drill ${this.name}, restored beside its source`,
      timeout: Duration.minutes(15),
      memorySize: 512,
      encryptionKey: site.encryptionKey,
      logGroup: site.log,
      definition: this.definition,
      durableFor: expiresAfter.plus(FOR_THE_END),
      deadLetterQueue: site.deadLetterQueue,
      patterns:
        'Copies are named at run time, so they are allowed by prefix, and by the tags they are made with; replicated ' +
        'backups are named by RDS, at random, and only restored from; a restore ' +
        'names parameter and option groups without changing them; what only describes can not be narrowed; evidence is ' +
        'a document a run under one prefix.',
      statements: copyPermissions(this, this.definition, keyArn, 'delete it'),
      basics,
      evidence: evidencePermissions(site, this.definition),
    });
  }

  private startOn(schedule: Recurrence, runbook: ShippedFunction, site: IDrillSite, shared: SharedByDrills) {
    const { plan, target, drill } = this.definition;
    site.watch.add(shared, runbook.function, { plan, target, drill });
    const trigger = new ScheduleTrigger(this, 'Schedule', {
      target: this.function,
      schedule: schedule.expression,
      description: `Lifeboat: drill ${this.name}`,
      request: { reason: 'scheduled' } satisfies DrillRequest,
      deadLetterQueue: site.deadLetterQueue,
      starter: shared.starter,
    });
    trigger.node.addDependency(runbook);
    return trigger.schedule;
  }

  private addAlarms(props: RestoreDrillProps, site: IDrillSite): void {
    const { objectives, schedule, notify } = props;
    const { plan: planName, target } = this.definition;
    if (!props.alarms) new ObjectiveAlarms(this, 'Alarms', { planName, target, objectives, notify });
    const overdueAfter = props.overdueAfter ?? schedule.longestGap.plus(Duration.days(1));
    const overdue = addAlarm(this, 'Overdue', {
      metric: this.metricSecondsSinceProven(),
      threshold: overdueAfter.toSeconds(),
      description:
        `Drill ${this.name} has not passed for ${overdueAfter.toHumanString()}, or the hourly watch stopped: ` +
        'what it protects is unproven',
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      notify,
    });
    // The first run of the watch precedes the alarm, so that its metric is not missing.
    overdue.node.addDependency(site.watch);
  }

  /** Name of the drill in alarms. */
  private get name(): string {
    return `${this.definition.drill} of ${this.definition.target}`;
  }
}

interface Settled {
  readonly plan: string;
  readonly restore: RestorePoint;
  readonly expiresAfter: Duration;
  readonly site: IDrillSite;
}
