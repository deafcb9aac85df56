import { DatabaseError } from 'pg';
import { whatPostgresSaid } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';
import type { Healthy } from './protocol';

/** Whether a query gives one row of one true value. */
export async function health(session: Session, sql: string): Promise<Healthy> {
  try {
    const { rows } = await session.transaction('READ ONLY', () => session.single(sql));
    const isTrue = rows.length === 1 && rows[0]?.length === 1 && rows[0][0] === 't';
    return isTrue
      ? { healthy: true, state: 'the query is true' }
      : { healthy: false, state: 'the query did not give one row of one true value' };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return { healthy: false, state: `the query failed: ${whatPostgresSaid(error)}` };
  }
}
