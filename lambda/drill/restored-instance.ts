/**
 * An instance that AWS Backup restored to test a recovery point.
 *
 * What makes it safe: it is read and changed only while it has the name and the tag of a restore test. IAM enforces the
 * same. AWS Backup deletes it; nothing here does.
 */
import type { RDSClient } from '@aws-sdk/client-rds';
import { RESTORE_TEST_PREFIX, RESTORE_TEST_TAG } from '../contract';
import { changePassword, findInstance, type InstanceState, stateOf } from '../rds/instance';

export class RestoredInstance {
  /** @throws when a restore test would not have given this name */
  constructor(
    private readonly rds: RDSClient,
    readonly name: string,
  ) {
    if (!name.startsWith(RESTORE_TEST_PREFIX)) {
      throw new Error(
        `instance '${name}' is not named like those of restore tests, so it is not touched; look at the restore job`,
      );
    }
  }

  /** @throws when it is gone, or was not made by a restore test */
  async look(): Promise<InstanceState> {
    const found = await findInstance(this.rds, this.name);
    if (!found) {
      throw new Error(`instance '${this.name}' was deleted before it could be checked; lengthen the validation window`);
    }
    if (!found.TagList?.some(({ Key }) => Key === RESTORE_TEST_TAG)) {
      throw new Error(
        `instance '${this.name}' does not carry the tag ${RESTORE_TEST_TAG}, so it is not touched; find out who made it`,
      );
    }
    return stateOf(found);
  }

  async setPassword(password: string): Promise<void> {
    await this.look();
    await changePassword(this.rds, this.name, password);
  }
}
