import { Annotations, CfnDeletionPolicy, Mixin } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { known } from '../synth/tokens';
import { NOT_PROTECTED } from './backup-settings';
import { type DatabaseResource, isDatabase, isLimitless, isReplica } from './database-resource';

/**
 * Protects an RDS instance or a cluster from deletion. Its owner applies it: `database.with(new DatabaseProtection())`.
 *
 * It enables deletion protection. If the database is deleted nevertheless, a final snapshot is taken, and automated
 * backups are kept for their retention. Snapshots get its tags. Contrary settings of the database itself stay, and
 * synth warns of them (`lifeboat:database-not-protected`).
 *
 * A read replica gets no final snapshot: RDS takes none of replicas.
 * https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
 */
export class DatabaseProtection extends Mixin {
  public supports(construct: IConstruct): construct is DatabaseResource {
    return isDatabase(construct);
  }

  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    construct.deletionProtection ??= true;
    construct.copyTagsToSnapshot ??= true;
    if (!isLimitless(construct)) construct.deleteAutomatedBackups ??= false;
    if (!isReplica(construct)) {
      construct.cfnOptions.deletionPolicy ??= CfnDeletionPolicy.SNAPSHOT;
      construct.cfnOptions.updateReplacePolicy ??= CfnDeletionPolicy.SNAPSHOT;
    }
    warnOfTheRest(construct);
  }
}

function warnOfTheRest(database: DatabaseResource): void {
  const { deletionPolicy, updateReplacePolicy } = database.cfnOptions;
  const gaps: string[] = [];
  if (known(database.deletionProtection) === false) gaps.push('its deletion protection is off, so one call deletes it');
  if (known(database.deleteAutomatedBackups) === true) gaps.push('its automated backups are deleted with it');
  if (known(database.copyTagsToSnapshot) === false) gaps.push("its snapshots don't get its tags");
  if (!isReplica(database) && [deletionPolicy, updateReplacePolicy].includes(CfnDeletionPolicy.DELETE)) {
    gaps.push('CloudFormation deletes or replaces it without a final snapshot');
  }
  if (gaps.length === 0) return;
  Annotations.of(database).addWarningV2(
    NOT_PROTECTED,
    `database '${database.node.path}' has settings that contradict DatabaseProtection: ${gaps.join('; ')}; remove those ` +
      'settings, or acknowledge this with the reason',
  );
}
