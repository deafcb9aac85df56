/**
 * Statements whose texts PostgreSQL gives: read with the tables' schemas in the search path, which leaves them out of the
 * text, and run with the shadows' schema ahead of them, so that the same names mean the shadows.
 */
import type { Row } from '../examiner/session';
import { STAGING_SCHEMA } from '../tables/protocol';
import { type Asks, list } from './names';

/** A statement that is not complete before the catalog has given a text: `before`, that text, `after`. */
export interface Garment {
  readonly name: string;
  readonly before: string;
  /** Ready for SQL, of a function that gives a text by the search path; none where `before` is complete. */
  readonly call: string | undefined;
  readonly after: string;
}

/** The row of a query for garments: a name for people, the beginning, a call, the end. */
export const garmentOf = ([name, before, call, after]: Row): Garment => {
  return { name: name ?? '', before: before!, call: call ?? undefined, after: after ?? '' };
};

const PINNED = 'SET LOCAL search_path = pg_catalog, pg_temp';

/** The statements, read with the tables' own schemas in the path. */
export async function spell(db: Asks, schemas: readonly string[], garments: readonly Garment[]): Promise<string[]> {
  const calls = garments.filter(({ call }) => call !== undefined);
  if (calls.length === 0) return garments.map(({ before }) => before);
  await db.rows(`SET LOCAL search_path = ${list(schemas)}, pg_temp`);
  const [texts] = await db.rows(`SELECT ${calls.map(({ call }) => call).join(', ')}`);
  await db.rows(PINNED);
  return garments.map((garment) => {
    const at = calls.indexOf(garment);
    return at < 0 ? garment.before : `${garment.before}${texts![at] ?? ''}${garment.after}`;
  });
}

/** Runs statements that name tables bare, so that they mean the shadows. */
export async function asShadow(db: Asks, schemas: readonly string[], statement: string): Promise<void> {
  await db.rows(`SET LOCAL search_path = ${list([STAGING_SCHEMA, ...schemas])}, pg_temp`);
  await db.rows(statement);
  await db.rows(PINNED);
}

/** One schema's names come first: those of the table, or view, that the statements are for. */
export const pathOf = (first: string, schemas: readonly string[]): string[] => [
  first,
  ...schemas.filter((schema) => schema !== first),
];
