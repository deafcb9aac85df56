import type { DatabaseRecoveryDefinition } from '../../lambda/contract';

/** Whether the damaged database still takes writes while applications are sent to the recovered one. */
export class Fence {
  /**
   * Nobody but the master user may connect to its databases, sessions are ended, and the recovery sees that no
   * transaction begins, before it sends anyone to the recovered database. A rollback opens it again.
   */
  public static connect(): Fence {
    return new Fence('connect');
  }

  /**
   * Writes go on until applications have moved. Rows that are written to the damaged database after the comparison are
   * not in the recovered one; the approval says so.
   */
  public static none(): Fence {
    return new Fence('none');
  }

  private constructor(
    /** The fence in the contract. */
    public readonly request: DatabaseRecoveryDefinition['fence'],
  ) {}
}
