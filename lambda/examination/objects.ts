/** The objects of a detector, listed although a catalog is damaged. */
import type { DatabaseError } from 'pg';
import { isCatalogDamage, unlessDamaged } from '../examiner/postgres-error';
import type { Row, Session } from '../examiner/session';
import { UNMEASURED } from '../examiner/sizes';

export interface Listed {
  /** Undefined where they can't be listed at all. */
  readonly rows?: readonly Row[];
  /** What listing them met. */
  readonly damage?: DatabaseError;
}

/**
 * To measure its file PostgreSQL opens a relation, for which it reads several catalogs. Where that fails for one of
 * them, all are listed with the sizes that pg_class has.
 */
export async function listObjects(session: Session, sql: string): Promise<Listed> {
  const look = (pins = {}) => session.transaction('READ ONLY', () => session.rows(sql), pins);
  try {
    return { rows: await look() };
  } catch (error) {
    if (!isCatalogDamage(error)) throw error;
    return { rows: await unlessDamaged(look(UNMEASURED)), damage: error };
  }
}
