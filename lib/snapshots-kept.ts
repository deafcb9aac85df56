import { Token } from 'aws-cdk-lib';

/** How many of a database's snapshots before deployments are kept. */
export class SnapshotsKept {
  /**
   * The newest so many; older ones are deleted once a newer one is available. The newest good one never is.
   *
   * @param count whole number, at least 1
   */
  public static last(count: number): SnapshotsKept {
    if (!Token.isUnresolved(count) && !(Number.isInteger(count) && count >= 1)) {
      throw new Error(
        `the last ${count} snapshots can't be kept: a deployment needs one to go back to; keep a whole number from 1`,
      );
    }
    return new SnapshotsKept(count);
  }

  /** Each for ever: nothing that is taken so is ever deleted, whatever is kept later. */
  public static forever(): SnapshotsKept {
    return new SnapshotsKept(undefined);
  }

  private constructor(
    /** How many; undefined for all. */
    public readonly count: number | undefined,
  ) {}
}
