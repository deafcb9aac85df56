/**
 * The database that a recovery restores: born as production, outside of drills' names and tags, and deleted by nothing
 * here.
 *
 * What makes it safe: its name is chosen before it exists, it has this run's tags from its first moment, and it is
 * modified only while it has them and the DbiResourceId that was recorded when it was first seen.
 */
import { type DBInstance, DescribeEventsCommand, type RDSClient } from '@aws-sdk/client-rds';
import { RECOVERY_TAGS } from '../contract';
import { FAILURES, findInstance } from '../rds/instance';
import { instanceById, type KnownState, knownState, type Modification, modifyById } from '../rds/known-instance';
import { requestRestore } from '../rds/restore';
import type { RestorePoint } from '../rds/restore-point';
import { type Carried, recoveryTags } from './carried';

/** A database has the name of the recovered one, and this run did not make it. */
export class NotThisRecovery extends Error {}

export class RecoveredInstance {
  constructor(
    private readonly rds: RDSClient,
    /** The name that it is born with; a rename gives it another. */
    readonly name: string,
    /** DbiResourceId of the source, or its ARN. */
    private readonly from: string,
    private readonly run: string,
  ) {}

  /** Requests the restore. A second request has no effect. */
  async restore(source: string, point: RestorePoint, { restore: settings }: Carried): Promise<void> {
    const Tags = [...(settings.Tags ?? []), ...recoveryTags(this.from, this.run)];
    const made = await requestRestore(this.rds, {
      name: this.name,
      point,
      source,
      settings: { ...settings, Tags },
    });
    // An earlier try took effect, unless another database has this name: then it is refused.
    if (!made) await this.findNew();
  }

  /**
   * While it is being restored, by its name.
   *
   * @throws when the restore has failed for good, with its RDS events
   */
  async lookAtNew(): Promise<KnownState | null> {
    const found = await this.findNew();
    if (!found) return null;
    const state = knownState(found);
    if (FAILURES.includes(state.status)) {
      throw new Error(`RDS could not restore the database: ${state.status}. ${await this.events()}`);
    }
    return state;
  }

  /** @throws when it is gone */
  async look(resourceId: string): Promise<KnownState> {
    const found = await instanceById(this.rds, resourceId);
    if (!found) throw new Error(`the recovered database ${resourceId} was not found; see whether it was deleted`);
    this.refuseOthers(found);
    return knownState(found);
  }

  async modify(resourceId: string, change: Modification): Promise<void> {
    await modifyById(this.rds, resourceId, change, (found) => this.refuseOthers(found));
  }

  private async findNew(): Promise<DBInstance | undefined> {
    const found = await findInstance(this.rds, this.name);
    if (found) this.refuseOthers(found);
    return found;
  }

  private refuseOthers({ DBInstanceIdentifier, TagList = [] }: DBInstance): void {
    const tag = (key: string) => TagList.find(({ Key }) => Key === key)?.Value;
    if (tag(RECOVERY_TAGS.recovery) === this.run && tag(RECOVERY_TAGS.recoveredFrom) === this.from) return;
    throw new NotThisRecovery(
      `database '${DBInstanceIdentifier}' does not carry the tags of this run, so it is not touched; ` +
        'find out who made it, and start the recovery again',
    );
  }

  private async events(): Promise<string> {
    const { Events = [] } = await this.rds.send(
      new DescribeEventsCommand({ SourceIdentifier: this.name, SourceType: 'db-instance', Duration: 24 * 60 }),
    );
    const said = Events.slice(-3).map(({ Message }) => Message);
    return said.length > 0 ? `Its events: ${said.join('; ')}` : 'It has no events.';
  }
}
