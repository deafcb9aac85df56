import { Annotations, CfnDeletionPolicy, Mixin } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { known } from '../synth/tokens';
import { NOT_PROTECTED } from './backup-settings';
import { type DatabaseResource, isDatabase, isLimitless, isReplica } from './database-resource';

/**
 * What keeps an RDS instance or a cluster from being lost with its deletion, for its owner to apply:
 * `database.with(new DatabaseProtection())`.
 *
 * It refuses to be deleted; when it is deleted all the same, a final snapshot is taken, and the automated backups stay
 * as long as their retention says; and snapshots carry its tags. What the database says otherwise stays so, and synth
 * warns of it (`lifeboat:database-not-protected`).
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
  if (known(database.deletionProtection) === false) gaps.push('deletion protection is off, so one call deletes it');
  if (known(database.deleteAutomatedBackups) === true) gaps.push('its automated backups are deleted along with it');
  if (known(database.copyTagsToSnapshot) === false) gaps.push("snapshots don't carry its tags");
  if (!isReplica(database) && [deletionPolicy, updateReplacePolicy].includes(CfnDeletionPolicy.DELETE)) {
    gaps.push('CloudFormation deletes or replaces it without a final snapshot');
  }
  if (gaps.length === 0) return;
  Annotations.of(database).addWarningV2(
    NOT_PROTECTED,
    `database '${database.node.path}' says otherwise than its protection: ${gaps.join('; ')}; take that off the database, ` +
      'or acknowledge this with the reason',
  );
}
