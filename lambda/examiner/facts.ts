/** What is true of a database of the copy, whatever table is looked at: read once for each call. */
import { findFunctions, type KnownFunctions } from './extensions';
import type { Session } from './session';

export interface CopyFacts {
  readonly database: string;
  readonly user: string;
  /** As `server_version_num` has it: 170010. */
  readonly version: number;
  readonly blockSize: number;
  /** Whether pages carry checksums, which tell damage inside a row from a row. */
  readonly checksums: boolean;
  /** As `UTF8`. */
  readonly encoding: string;
  /** Functions of amcheck, pg_visibility and others that this user may call. */
  readonly functions: KnownFunctions;
  /** Transactions that were prepared and neither committed nor rolled back: their rows and locks are still there. */
  readonly preparedTransactions: number;
}

export async function readFacts(session: Session): Promise<CopyFacts> {
  const [facts] = await session.rows(`
    SELECT pg_catalog.current_database(), current_user, pg_catalog.current_setting('server_version_num'),
      pg_catalog.current_setting('block_size'), pg_catalog.current_setting('data_checksums'),
      pg_catalog.current_setting('server_encoding'),
      (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database())`);
  const [database, user, version, blockSize, checksums, encoding, prepared] = facts!;
  return {
    database: database!,
    user: user!,
    version: Number(version),
    blockSize: Number(blockSize),
    checksums: checksums === 'on',
    encoding: encoding!,
    functions: await findFunctions(session),
    preparedTransactions: Number(prepared),
  };
}
