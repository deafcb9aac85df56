import { Duration, type Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import { ObjectiveAlarms } from '../alarm/objective-alarms';
import type { RecoveryObjectives } from '../alarm/objectives';
import { warnOfUnheardAlarms } from '../alarm/unheard-alarms';
import { SourceDatabase, STATE_IDENTIFIER } from '../database/source-database';
import { engineProblems } from '../drill/drill-limits';
import { DrillSite } from '../drill/drill-site';
import { DrillSource } from '../drill/drill-source';
import { type ProofOptions, proofOptionsOf } from '../drill/proof';
import { DRILL_OPTIONS, type DrillOptions, RestoreDrill } from '../drill/restore-drill';
import { RestorePoint } from '../drill/restore-point';
import { refusal } from '../synth/problems';
import { checkOptions, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import type { BackupCopy } from './backup-copy';
import type { RecoveryRegion } from './recovery-region';
import { RecoverySite, recoveryStack } from './recovery-site';

/** Options of each drill in the recovery region. */
export interface RegionDrillOptions extends DrillOptions {
  /**
   * Parameter group of restored instances, by its name in the recovery region.
   *
   * @default - the default group of the engine's version, which evidence notes
   */
  readonly parameterGroupName?: string;
}

const OPTIONS: PropsOf<RegionDrillOptions> = { ...DRILL_OPTIONS, parameterGroupName: true };

/** The database whose copies are drilled, from its plan. */
export interface RegionDrillsProps extends ProofOptions {
  readonly database: rds.IDatabaseInstance;
  /** @default - the database's own; required if that is unknown at synth */
  readonly instanceIdentifier?: string;
  readonly region: RecoveryRegion;
  readonly copies: BackupCopy[];
  readonly planName: string;
  readonly target: string;
  /** Objectives of a recovery there. */
  readonly objectives: RecoveryObjectives;
  /** @default false */
  readonly outputs?: boolean;
}

/** A database's drills in its recovery region, in that region's stack, which does not depend on the primary's. */
export class RegionDrills {
  private readonly drills: Construct;
  private readonly site: DrillSite;
  private readonly alarms: ObjectiveAlarms;
  private readonly notify?: sns.ITopic;

  constructor(
    private readonly scope: IConstruct,
    private readonly props: RegionDrillsProps,
  ) {
    const { region, planName, target, objectives } = props;
    const stack = recoveryStack(scope, region);
    this.site = siteIn(stack, region);
    warnOfUnheardAlarms(planIn(stack, planName));
    // One below the other: joined by a hyphen, `A-B` of plan `C` would be `B` of plan `C-A`.
    const group = new Construct(planIn(stack, planName), target);
    this.notify = region.topicFor(group, 'Topic');
    this.drills = new Construct(group, 'Drills');
    this.alarms = new ObjectiveAlarms(group, 'Alarms', { planName, target, objectives, notify: this.notify });
  }

  public add(id: string, options: RegionDrillOptions): RestoreDrill {
    const { alarms, notify, props, scope, site } = this;
    checkOptions(`drill '${scope.node.path}/${id}'`, 'addRegionDrill()', options, OPTIONS);
    const { copies, objectives, planName, target } = props;
    const restore = options.restore ?? usualRestorePoint(copies);
    const databaseName = known(props.databaseName ?? new SourceDatabase(props.database).resource?.dbName);
    const source = this.source(id, options, restore, databaseName);
    const { parameterGroupName: _, ...ofDrill } = options;
    const given = { ...ofDrill, ...proofOptionsOf(props), restore, source, databaseName };
    const own = options.objectives;
    const judged = own ? { objectives: own, target: `${target}-${id}` } : { objectives, target, alarms };
    return new RestoreDrill(this.drills, id, { ...given, ...judged, planName, site, notify, outputs: props.outputs });
  }

  /** @throws Error that lists all that would make a drill there fail */
  private source(id: string, options: RegionDrillOptions, restore: RestorePoint, databaseName?: string): DrillSource {
    const { scope, props } = this;
    const { database, region, copies } = props;
    const from = new SourceDatabase(database, props.instanceIdentifier);
    const sourceRegion = database.env.region;
    const instanceClass = from.instanceClass?.replace(/^db\./, '');
    const { name } = from;
    const wanted = neededCopy(restore);
    const problems = engineProblems(from.engine);
    if (wanted && !copies.some(({ kind }) => kind === wanted)) {
      const kinds = copies.map(({ kind }) => kind).join(', ') || 'none';
      problems.push(
        `'restore' needs a copy by BackupCopy.${wanted}(), and the database's copies are: ${kinds}; add that copy, or ` +
          'choose another restore point',
      );
    }
    if (name === undefined) {
      problems.push(
        `the database's identifier is unknown until deployment, and ${region}'s stack must deploy without this one; ` +
          STATE_IDENTIFIER,
      );
    }
    if (Token.isUnresolved(sourceRegion)) {
      problems.push(
        `the database's region is unknown until deployment, and ${region}'s stack needs it; create the database's stack with ` +
          'env: { region }',
      );
    }
    if (!instanceClass && !options.instanceType) {
      problems.push(
        `'instanceType' is missing, and the database's class is unknown at synth and from copies; state it for the drill`,
      );
    }
    if (databaseName === undefined) {
      problems.push(
        "'databaseName' is missing, and unknown at synth and from copies; state it in addDatabase(), and not on the " +
          'instance, which CloudFormation would replace with an empty one',
      );
    }
    problems.push(...reachProblems(from, restore));
    if (name === undefined || problems.length > 0) {
      throw refusal(`drill '${scope.node.path}/${id}' in ${region}`, problems);
    }
    return DrillSource.copies({
      instanceIdentifier: name,
      region: sourceRegion,
      instanceType: instanceClass ? new ec2.InstanceType(instanceClass) : undefined,
      parameterGroupName: options.parameterGroupName,
      port: from.port,
      // Copies made by others are encrypted with the keys of others.
      keyArn: region.keyArn ?? (copies.length > 0 ? RecoverySite.beside(scope, region).key.keyArn : undefined),
    });
  }
}

/** Replicated backups lose the least data. */
function usualRestorePoint(copies: readonly BackupCopy[]): RestorePoint {
  const isReplicated = copies.some(({ kind }) => kind === 'automatedBackups');
  return isReplicated ? RestorePoint.latest() : RestorePoint.latestSnapshot();
}

/** The kind of copy that a restore point needs. A snapshot by its name may be of any kind. */
function neededCopy({ request }: RestorePoint): string | undefined {
  if (request.kind === 'snapshot') return undefined;
  return request.kind === 'latest-snapshot' ? 'snapshots' : 'automatedBackups';
}

/** Backups of the whole range of a random restore point must be kept there. */
function reachProblems({ resource }: SourceDatabase, { reachSeconds }: RestorePoint): string[] {
  const days = known(resource?.automaticBackupReplicationRetentionPeriod ?? resource?.backupRetentionPeriod);
  if (!days || reachSeconds === undefined || reachSeconds <= days * 86_400) return [];
  return [
    `'restore' draws from the last ${Duration.seconds(reachSeconds).toHumanString()}, and backups are kept there for ${days} days, so some drawn ` +
      'moments could not be restored; shorten the range or lengthen the retention',
  ];
}

/** Drills of plans have a scope of their own, so that no plan's name collides with the site or the key. */
function planIn(stack: Stack, planName: string): Construct {
  const plans = (stack.node.tryFindChild('Plans') as Construct | undefined) ?? new Construct(stack, 'Plans');
  return (plans.node.tryFindChild(planName) as Construct | undefined) ?? new Construct(plans, planName);
}

/**
 * The site of all drills of one primary stack in a region. Created with the first, whose region's topic it notifies.
 */
function siteIn(stack: Stack, region: RecoveryRegion): DrillSite {
  const found = stack.node.tryFindChild('Drills') as DrillSite | undefined;
  return found ?? new DrillSite(stack, 'Drills', { notify: region.topicFor(stack, 'Topic') });
}
