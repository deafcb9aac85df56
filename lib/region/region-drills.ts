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
import { type DrillOptions, RestoreDrill } from '../drill/restore-drill';
import { RestorePoint } from '../drill/restore-point';
import { refusal } from '../synth/problems';
import { known } from '../synth/tokens';
import type { BackupCopy } from './backup-copy';
import type { RecoveryRegion } from './recovery-region';
import { RecoverySite, recoveryStack } from './recovery-site';

/** What each drill in the recovery region decides for itself. */
export interface RegionDrillOptions extends DrillOptions {
  /**
   * Parameter group for restored copies, by its name in the recovery region.
   *
   * @default - the default one of the engine's version; evidence says so
   */
  readonly parameterGroupName?: string;
}

/** The database whose copies are drilled, as its plan knows it. */
export interface RegionDrillsProps extends ProofOptions {
  readonly database: rds.IDatabaseInstance;
  /** @default - as the database says itself; a drill is refused where it doesn't */
  readonly instanceIdentifier?: string;
  readonly region: RecoveryRegion;
  readonly copies: BackupCopy[];
  readonly planName: string;
  readonly target: string;
  /** What a recovery there is held against. */
  readonly objectives: RecoveryObjectives;
  /** @default false */
  readonly outputs?: boolean;
}

/** A database's drills in its recovery region. They lie in that region's stack, which needs nothing of the primary's. */
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
    const { alarms, notify, props, site } = this;
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

  /** @throws Error that names all that keeps copies from being drilled there */
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
        `it restores what BackupCopy.${wanted}() brings there, and the database's copies are: ${kinds}; add that copy, or ` +
          'choose another restore point',
      );
    }
    if (name === undefined) {
      problems.push(
        `the database's identifier is only known at deployment, and ${region}'s stack must deploy without this one; ` +
          STATE_IDENTIFIER,
      );
    }
    if (Token.isUnresolved(sourceRegion)) {
      problems.push(
        `the database's region is only known at deployment, and ${region}'s stack has to name it; give its stack ` +
          'env: { region }',
      );
    }
    if (!instanceClass && !options.instanceType) {
      problems.push(
        `the database's class is not known at synth, and copies don't tell it; give the drill an 'instanceType'`,
      );
    }
    if (databaseName === undefined) {
      problems.push(
        "the database's name in the instance is not known at synth, and copies don't tell it; give databaseName to the plan's " +
          'database, and not to the instance, which CloudFormation would replace with an empty one',
      );
    }
    problems.push(...reachProblems(from, restore));
    if (name === undefined || problems.length > 0) {
      throw refusal(`drill '${scope.node.path}/${id}' can't work in ${region}`, problems);
    }
    return DrillSource.copies({
      instanceIdentifier: name,
      region: sourceRegion,
      instanceType: instanceClass ? new ec2.InstanceType(instanceClass) : undefined,
      parameterGroupName: options.parameterGroupName,
      port: from.port,
      // What somebody else brought there, somebody else encrypted.
      keyArn: region.keyArn ?? (copies.length > 0 ? RecoverySite.beside(scope, region).key.keyArn : undefined),
    });
  }
}

/** Replicated backups lose least. */
function usualRestorePoint(copies: readonly BackupCopy[]): RestorePoint {
  const isReplicated = copies.some(({ kind }) => kind === 'automatedBackups');
  return isReplicated ? RestorePoint.latest() : RestorePoint.latestSnapshot();
}

/** The kind of copy that a restore point is found in. A snapshot by its name may have come by any way. */
function neededCopy({ request }: RestorePoint): string | undefined {
  if (request.kind === 'snapshot') return undefined;
  return request.kind === 'latest-snapshot' ? 'snapshots' : 'automatedBackups';
}

/** What is drawn from has to be kept there. */
function reachProblems({ resource }: SourceDatabase, { reachSeconds }: RestorePoint): string[] {
  const days = known(resource?.automaticBackupReplicationRetentionPeriod ?? resource?.backupRetentionPeriod);
  if (!days || reachSeconds === undefined || reachSeconds <= days * 86_400) return [];
  return [
    `it draws from the last ${Duration.seconds(reachSeconds).toHumanString()}, and backups are kept there for ${days} days, so part of the draw can ` +
      'never be made; shorten the one or lengthen the other',
  ];
}

/** Plans' drills lie apart from the site and the key, whatever a plan is called. */
function planIn(stack: Stack, planName: string): Construct {
  const plans = (stack.node.tryFindChild('Plans') as Construct | undefined) ?? new Construct(stack, 'Plans');
  return (plans.node.tryFindChild(planName) as Construct | undefined) ?? new Construct(plans, planName);
}

/** Where all drills of one primary stack run in a region. Made with the first, whose region's topic it tells. */
function siteIn(stack: Stack, region: RecoveryRegion): DrillSite {
  const found = stack.node.tryFindChild('Drills') as DrillSite | undefined;
  return found ?? new DrillSite(stack, 'Drills', { notify: region.topicFor(stack, 'Topic') });
}
