import { Annotations, Duration } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Construct, type IConstruct } from 'constructs';
import { Weekday } from '../schedule/recurrence';
import { markCovered } from '../synth/coverage';
import { Mark } from '../synth/marks';
import { pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import type { AirGappedVault } from './air-gapped-vault';
import { BackupRole } from './backup-role';
import type { BackupTarget } from './backup-target';
import { BackupTier } from './backup-tier';
import { CopyWatch } from './copy-watch';
import { warnOfForeignCopies } from './cross-account-keys';
import { hasOwnAlarms } from './protected-vault';
import { targetProblems } from './target-limits';
import { type Tiered, tierProblems } from './tier-limits';
import { missingBackups, VaultAlarms } from './vault-alarms';
import type { VaultCopy } from './vault-copy';

export interface BackupTiersProps {
  /** What is backed up. */
  readonly targets: BackupTarget[];

  /** Where recovery points are kept: the vault of a `ProtectedVault`, or an existing one. */
  readonly vault: backup.IBackupVault;

  /**
   * How often backups are taken, and how long each is kept.
   *
   * @default - daily at 06:00 UTC kept 30 days, Sundays at 07:00 kept 90 days, the 1st of each month at 08:00 kept a
   * year, the 1st of January at 09:00 kept seven years
   */
  readonly tiers?: BackupTier[];

  /**
   * Copies into other vaults.
   *
   * @default - none: losing the region or the account means losing the backups too
   */
  readonly copies?: VaultCopy[];

  /**
   * A logically air-gapped vault of this account and region that snapshots also go to.
   *
   * @default - none
   */
  readonly airGapped?: AirGappedVault;

  /**
   * The role that AWS Backup works under.
   *
   * @default - a role of its own, with AWS managed policies
   */
  readonly role?: iam.IRole;

  /**
   * An alarm fires after this long without a successful backup job: 1 to 7 whole days. Each kind of target has its own
   * alarm, which counts all jobs of that kind in the vault, so give a target that must not be missed a vault of its
   * own.
   *
   * @default - the longest gap of the most frequent tier and one day; if that is more than 7 days synth warns, and
   * there is no such alarm
   */
  readonly missingAfter?: Duration;

  /**
   * Encrypts the log of the function that watches copies. Its key policy must delegate to IAM, as policies of CDK's
   * keys do.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained; without copies,
   * there is no such function
   */
  readonly logEncryptionKey?: kms.IKey;

  /**
   * Topic to notify when a job fails, expires or is missing.
   *
   * @default - the `notify` of the enclosing plan; without one, alarms have no action, and synth warns
   */
  readonly notify?: sns.ITopic;
}

const made = new Mark<BackupTiers>('BackupTiers');

/** All of the app that a construct belongs to, in the order of the tree. */
export const tiersInAppOf = (construct: IConstruct): BackupTiers[] => made.inAppOf(construct);

const PROPS: PropsOf<BackupTiersProps> = {
  targets: true,
  vault: true,
  tiers: true,
  copies: true,
  airGapped: true,
  role: true,
  missingAfter: true,
  logEncryptionKey: true,
  notify: true,
};

/**
 * Backups in generations by AWS Backup, of databases, file systems, volumes and buckets.
 *
 * Usable without a plan. Settings that AWS Backup would refuse, ignore or fail on each night are errors at synth.
 */
export class BackupTiers extends Construct {
  public readonly plan: backup.CfnBackupPlan;
  /** What is backed up. */
  public readonly targets: readonly BackupTarget[];
  /** How often, and for how long. */
  public readonly tiers: readonly BackupTier[];

  constructor(scope: Construct, id: string, props: BackupTiersProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    made.put(this, this);
    this.targets = props.targets;
    this.tiers = props.tiers ?? defaultTiers();
    const { vault, copies = [], airGapped, notify } = props;
    const tiered: Tiered = { vault, tiers: this.tiers, targets: this.targets, copies, airGapped };
    refuseAll(`backup tiers '${this.node.path}'`, tierProblems(tiered));

    this.plan = new backup.CfnBackupPlan(this, 'Plan', {
      backupPlan: {
        backupPlanName: pathName(this)
          .replace(/[^A-Za-z0-9._-]+/g, '-')
          .slice(0, 50),
        backupPlanRule: this.tiers.map((tier) => this.rule(tier, tiered)),
      },
    });
    this.select(props.role ?? this.ownRole());
    for (const { construct } of this.targets) if (construct) markCovered(construct, 'BackupTiers');
    if (!hasOwnAlarms(vault)) new VaultAlarms(this, 'Alarms', { vault, notify });
    const missingAfter = props.missingAfter ?? this.heartbeat();
    if (missingAfter) {
      for (const type of this.resourceTypes()) missingBackups(this, { vault, missingAfter, notify }, type);
    }
    if (copies.length > 0) this.watchCopies(copies, props);
    // Mixins may set windows and versioning after this, and key policies may allow more accounts.
    this.node.addValidation({ validate: () => this.inWholeApp(copies) });
  }

  private rule(
    { name, kind, schedule, retention, coldAfter, startWithin, completeWithin }: BackupTier,
    { vault, copies, airGapped }: Tiered,
  ): backup.CfnBackupPlan.BackupRuleResourceTypeProperty {
    const { expressionString, timeZone } = schedule.expression;
    const copied = copies.filter(({ tiers }) => tiers?.includes(name) ?? true);
    return {
      ruleName: name,
      targetBackupVault: vault.backupVaultName,
      scheduleExpression: expressionString,
      scheduleExpressionTimezone: timeZone?.timezoneName,
      startWindowMinutes: startWithin.toMinutes(),
      completionWindowMinutes: completeWithin?.toMinutes(),
      enableContinuousBackup: kind === 'continuous' ? true : undefined,
      lifecycle: this.lifecycle(retention, coldAfter),
      copyActions: copied.length > 0 ? copied.map((copy) => this.copyAction(copy, retention)) : undefined,
      targetLogicallyAirGappedBackupVaultArn: kind === 'snapshot' ? airGapped?.vaultArn : undefined,
      recoveryPointTags: { 'lifeboat:tier': name },
    };
  }

  private copyAction(copy: VaultCopy, retention: Duration): backup.CfnBackupPlan.CopyActionResourceTypeProperty {
    return {
      destinationBackupVaultArn: copy.vaultArn(this),
      lifecycle: this.lifecycle(copy.retention ?? retention, copy.coldAfter),
    };
  }

  /** Tags get a selection of their own: in one with resources, AWS Backup may AND the tags with them. */
  private select(role: iam.IRole): void {
    const resources = this.targets.flatMap(({ arn }) => (arn === undefined ? [] : [arn]));
    const tags = this.targets.flatMap(({ tag }) =>
      tag ? [{ conditionType: 'STRINGEQUALS', conditionKey: tag[0], conditionValue: tag[1] }] : [],
    );
    const backupPlanId = this.plan.ref;
    const iamRoleArn = role.roleArn;
    if (resources.length > 0) {
      new backup.CfnBackupSelection(this, 'Selection', {
        backupPlanId,
        backupSelection: { selectionName: 'Targets', iamRoleArn, resources },
      });
    }
    if (tags.length > 0) {
      new backup.CfnBackupSelection(this, 'TagSelection', {
        backupPlanId,
        backupSelection: { selectionName: 'Tags', iamRoleArn, listOfTags: tags },
      });
    }
  }

  /** EBS goes to cold storage only with an explicit opt-in. */
  private lifecycle(retention: Duration, coldAfter?: Duration): backup.CfnBackupPlan.LifecycleResourceTypeProperty {
    const archives = coldAfter !== undefined && this.targets.some(({ kind }) => kind === 'EBS');
    return {
      deleteAfterDays: retention.toDays(),
      moveToColdStorageAfterDays: coldAfter?.toDays(),
      optInToArchiveForSupportedResources: archives ? true : undefined,
    };
  }

  private ownRole(): iam.IRole {
    const buckets = this.targets.some(({ kind }) => kind === 'S3' || kind === undefined);
    return new BackupRole(this, 'Role', buckets ? ['backup', 'backup of buckets'] : ['backup']).role;
  }

  private watchCopies(copies: readonly VaultCopy[], { logEncryptionKey, notify }: BackupTiersProps): void {
    const types = this.resourceTypes();
    new CopyWatch(this, 'CopyWatch', {
      plan: this.plan.ref,
      backup: pathName(this),
      copies,
      tiers: this.tiers,
      // The kinds of resources selected by tag are unknown at synth.
      resourceTypes: types.includes(undefined) ? [] : types.flatMap((type) => type ?? []),
      logEncryptionKey,
      notify,
    });
  }

  /** As metrics name them; each has its own alarm. Undefined, for the vault as a whole, where unknown at synth. */
  private resourceTypes(): (string | undefined)[] {
    return [...new Set(this.targets.map(({ kind }) => (kind === 'RDS Multi-AZ cluster' ? 'RDS' : kind)))];
  }

  private heartbeat(): Duration | undefined {
    const gap = Math.min(...this.tiers.map(({ schedule }) => schedule.longestGap.toDays())) + 1;
    if (gap <= 7) return Duration.days(gap);
    Annotations.of(this).addWarningV2(
      'lifeboat:missing-backups-go-unnoticed',
      `the most frequent tier runs every ${gap - 1} days, and CloudWatch alarms look back at most 7, so no alarm would fire ` +
        'when backups stop; add a tier that runs more often',
    );
    return undefined;
  }

  /** Problems that can only be found once the app is complete. */
  private inWholeApp(copies: readonly VaultCopy[]): string[] {
    warnOfForeignCopies(this, this.targets, copies);
    return this.targets.flatMap((target) => [
      ...targetProblems(this, this.tiers, target),
      ...this.rivalProblems(target),
    ]);
  }

  /** AWS Backup keeps one continuous recovery point for each resource, across all plans. */
  private rivalProblems(target: BackupTarget): string[] {
    if (!target.construct || !this.isContinuous()) return [];
    return tiersInAppOf(this).flatMap((other) => {
      if (other === this || !other.isContinuous()) return [];
      if (!other.targets.some(({ construct }) => construct === target.construct)) return [];
      return [
        `${target} is backed up continuously by '${this.node.path}' and by '${other.node.path}', and AWS Backup keeps one ` +
          'continuous backup of a resource; remove one of the two tiers',
      ];
    });
  }

  private isContinuous(): boolean {
    return this.tiers.some(({ kind }) => kind === 'continuous');
  }
}

function defaultTiers(): BackupTier[] {
  return [
    BackupTier.daily({ hour: 6 }),
    BackupTier.weekly({ weekday: Weekday.SUNDAY, hour: 7 }),
    BackupTier.monthly({ hour: 8 }),
    BackupTier.yearly({ hour: 9 }),
  ];
}
