import type { Duration } from 'aws-cdk-lib';
import { type Check, check, parse } from '../../lambda/contract';
import { refuseOtherUnits } from '../synth/durations';

export interface RowCountBounds {
  /**
   * Fewest rows that pass.
   *
   * @default - no lower bound; then `atMost` is required
   */
  readonly atLeast?: number;
  /**
   * Most rows that pass.
   *
   * @default - no upper bound; then `atLeast` is required
   */
  readonly atMost?: number;
}

export interface TimestampColumn {
  /** `table` or `schema.table`, without quotes. */
  readonly table: string;
  /** A column of dates or timestamps. */
  readonly column: string;
}

export interface FreshnessOptions extends TimestampColumn {
  /** How much older than the restore point the newest value may be. */
  readonly within: Duration;
}

export interface ForeignKeyOptions {
  /** The referring table: `table` or `schema.table`, without quotes. */
  readonly table: string;
  /** The referring column. */
  readonly column: string;
  /** The referenced table. */
  readonly parent: string;
  /**
   * The referenced column.
   *
   * @default 'id'
   */
  readonly parentColumn?: string;
}

export interface NotShrunkOptions {
  /**
   * Share of its rows that a table may lose from one proof to the next, from 0 to 1. Partitions count as their table.
   *
   * @default 0.5
   */
  readonly lostShare?: number;
  /**
   * Tables that may lose rows or be dropped, such as queues: `table` or `schema.table`, without quotes, or a pattern
   * with `*` for any characters.
   *
   * @default - none
   */
  readonly except?: string[];
}

export interface QueryOptions {
  /** Name of the check in evidence. */
  readonly name: string;
  /** A query that returns one row with one value. It runs in a read-only transaction. */
  readonly sql: string;
  /**
   * The value, written as PostgreSQL prints it.
   *
   * @default - not compared
   */
  readonly equals?: string;
  /**
   * Smallest number that passes.
   *
   * @default - no lower bound
   */
  readonly atLeast?: number;
  /**
   * Largest number that passes.
   *
   * @default - no upper bound
   */
  readonly atMost?: number;
}

/** https://www.postgresql.org/docs/current/functions-subquery.html#FUNCTIONS-SUBQUERY-NOTIN */
function refuseNotIn(name: string, sql: string): void {
  if (!/\bnot\s+in\s*\(\s*(select|table|values|with)\b/i.test(sql)) return;
  throw new Error(
    `recovery check '${name}': 'sql' has NOT IN (subquery), which is true for no row once the subquery returns a NULL, so the check could ` +
      'pass on a damaged database; use NOT EXISTS, or RecoveryCheck.noOrphans()',
  );
}

/** One thing that a restored instance must pass. A check that could not run is never counted as passed. */
export class RecoveryCheck {
  /** All stored data can be read. `SELECT count(*)` does not prove that: it may read only an index. */
  public static readable(): RecoveryCheck {
    return new RecoveryCheck({ kind: 'readable' });
  }

  /** Every index agrees with its table, and no unique index has a key twice. */
  public static indexes(): RecoveryCheck {
    return new RecoveryCheck({ kind: 'indexes' });
  }

  /** Every foreign key that the schema declares holds. */
  public static foreignKeys(): RecoveryCheck {
    return new RecoveryCheck({ kind: 'foreign-keys' });
  }

  /** Every row satisfies the constraints of its table: NOT NULL, CHECK and exclusion constraints. */
  public static constraints(): RecoveryCheck {
    return new RecoveryCheck({ kind: 'constraints' });
  }

  /** No table lost more than a share of its rows since the last proof, and no table or constraint is gone. */
  public static notShrunk(options: NotShrunkOptions = {}): RecoveryCheck {
    return new RecoveryCheck({ kind: 'not-shrunk', lostShare: options.lostShare, except: options.except });
  }

  /** A table has as many rows as expected. */
  public static rowCount(table: string, bounds: RowCountBounds): RecoveryCheck {
    return new RecoveryCheck({ kind: 'row-count', table, atLeast: bounds.atLeast, atMost: bounds.atMost });
  }

  /** The newest value of a column is not much older than the restore point, so writes reached the backup. */
  public static fresh(options: FreshnessOptions): RecoveryCheck {
    const { table, column, within } = options;
    refuseOtherUnits(`check fresh of '${table}'`, { within });
    return new RecoveryCheck({ kind: 'fresh', table, column, withinSeconds: within.toSeconds() });
  }

  /** No value of a column is later than the restore point, so the restore went back as far as requested. */
  public static nothingAfter(options: TimestampColumn): RecoveryCheck {
    return new RecoveryCheck({ kind: 'nothing-after', table: options.table, column: options.column });
  }

  /** The parent of every referring row exists, whether a foreign key is declared or not. */
  public static noOrphans(options: ForeignKeyOptions): RecoveryCheck {
    const { table, column, parent, parentColumn = 'id' } = options;
    return new RecoveryCheck({ kind: 'no-orphans', table, column, parent, parentColumn });
  }

  /**
   * A query of your own, with its expected result.
   *
   * @throws Error when it has NOT IN (subquery), which finds nothing once the subquery returns a NULL
   */
  public static query(options: QueryOptions): RecoveryCheck {
    const { name, sql, equals, atLeast, atMost } = options;
    return new RecoveryCheck({ kind: 'query', name, sql, equals, atLeast, atMost });
  }

  /** A check that is already data, for example from a file. */
  public static fromContract(contract: Check): RecoveryCheck {
    return new RecoveryCheck(contract);
  }

  /** The check in the contract. */
  public readonly contract: Check;

  private constructor(contract: Check) {
    this.contract = parse(check, contract, `recovery check '${contract.kind}'`);
    if (contract.kind === 'query') refuseNotIn(contract.name, contract.sql);
  }
}
