/** Functions of PostgreSQL's own extensions that examine damage: which there are, and which this user may call. */
import { unlessDamaged } from './postgres-error';
import type { Session } from './session';

/** The schema of ours that extensions are created into, so that no object of the user's can stand before them. */
export const SCHEMA = 'lifeboat_examiner';

/** In the order in which they are wished for; what a server does not have narrows what is examined. */
export const EXTENSIONS = ['amcheck', 'pg_visibility', 'pg_prewarm', 'pgstattuple'] as const;

export interface KnownFunctions {
  /** `verify_heapam(regclass, ...)`, since 14. */
  readonly verifyHeapam?: string;
  /** `bt_index_check(regclass, boolean, ...)` */
  readonly btIndexCheck?: string;
  readonly btIndexParentCheck?: string;
  /** Whether the two before it take `checkunique`, since 17. */
  readonly checksUnique: boolean;
  /** Since 18. */
  readonly ginIndexCheck?: string;
  readonly pgVisibility?: string;
  readonly pgVisibilityMap?: string;
  readonly pgPrewarm?: string;
  readonly pgstattuple?: string;
}

const FUNCTIONS = `
  SELECT p.proname, pg_catalog.format('%I.%I', n.nspname, p.proname),
    'checkunique' = ANY (coalesce(p.proargnames, ARRAY[]::pg_catalog.text[]))
  FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
    AND d.deptype = 'e' AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  JOIN pg_catalog.pg_proc p ON p.oid = d.objid
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  WHERE l.lanname = 'c' AND p.probin = '$libdir/' || e.extname AND e.extname IN (${EXTENSIONS.map((name) => `'${name}'`).join(', ')})
    AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  ORDER BY p.pronargs`;

/**
 * The schema-qualified names, ready for SQL. Only functions that belong to an extension of that name count, and that
 * are still what it brought: its owner could have put others in their place. None where the catalogs that say so are
 * damaged.
 */
export async function findFunctions(session: Session): Promise<KnownFunctions> {
  await session.rows('SAVEPOINT functions');
  const listed = await unlessDamaged(session.rows(FUNCTIONS));
  if (!listed) await session.rows('ROLLBACK TO SAVEPOINT functions');
  const found = listed ?? [];
  const named = (name: string) => found.find(([own]) => own === name)?.[1] ?? undefined;
  return {
    verifyHeapam: named('verify_heapam'),
    btIndexCheck: named('bt_index_check'),
    btIndexParentCheck: named('bt_index_parent_check'),
    checksUnique: found.some(([name, , unique]) => name === 'bt_index_parent_check' && unique === 't'),
    ginIndexCheck: named('gin_index_check'),
    pgVisibility: named('pg_visibility'),
    pgVisibilityMap: named('pg_visibility_map'),
    pgPrewarm: named('pg_prewarm'),
    pgstattuple: named('pgstattuple'),
  };
}
