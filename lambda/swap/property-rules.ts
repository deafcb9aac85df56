/** Properties of a table, and owners of what is tied to it, that keep it from being swapped. */
import { printable } from '../examiner/postgres-error';
import type { TableName } from '../tables/protocol';
import { FAMILY, versionOf } from './definition';
import { type Asks, OURS, shown } from './names';

export interface Findings {
  readonly refused: readonly string[];
  readonly warnings: readonly string[];
}

const INSTEAD = 'or use insert-missing or overwrite-changed';

/** A condition on the catalog: its rows hold a name, or a kind; each is refused, or warned about, in a sentence. */
interface Rule {
  readonly sql: (family: string, version: number) => string;
  readonly says: (name: string, detail: string) => string;
  readonly warns?: true;
}

/** Every statement begins with the family: `f`, the table and its partitions; `f.root` is the table. */
const RULES: readonly Rule[] = [
  {
    sql: (family) =>
      `${family} SELECT relkind FROM pg_class WHERE oid IN (SELECT root FROM f) AND relkind NOT IN ('r', 'p')`,
    says: (kind) => {
      const kinds: Record<string, string> = { v: 'a view', m: 'a materialized view', f: 'a foreign table' };
      return `it is ${kinds[kind] ?? 'not a table'}, whose rows are not its own; name the tables that hold them`;
    },
  },
  {
    sql: (family) =>
      `${family} SELECT relpersistence FROM pg_class WHERE oid IN (SELECT oid FROM f) AND relpersistence <> 'p' LIMIT
        1`,
    says: () => 'it is unlogged or temporary, so no backup holds its rows, and the copy is empty; leave it out',
  },
  {
    sql: (family) => `${family} SELECT p.inhparent::regclass FROM f JOIN pg_inherits p ON p.inhrelid = f.root
      JOIN pg_class c ON c.oid = f.root WHERE f.oid = f.root AND c.relispartition`,
    says: (parent) =>
      `it is a partition of ${parent}; name that table, so that all of its partitions are swapped with it, ${INSTEAD}`,
  },
  {
    sql: (family) => `${family} SELECT p.inhrelid::regclass, p.inhparent::regclass FROM pg_inherits p
      JOIN pg_class c ON c.oid = p.inhrelid WHERE NOT c.relispartition AND (inhrelid IN (SELECT oid FROM f) OR
        inhparent IN (SELECT oid FROM f))`,
    says: (child, parent) =>
      `${child} inherits from ${parent}, and would go on inheriting from the old table; end it with ` +
      `ALTER TABLE ... NO INHERIT, ${INSTEAD}`,
  },
  {
    sql: (family) => `${family} SELECT oid::regclass FROM pg_class WHERE oid IN (SELECT oid FROM f) AND relkind = 'f'`,
    says: (name) =>
      `its partition ${name} is a foreign table, whose rows are in no backup of this database; detach it, ${INSTEAD}`,
  },
  {
    sql: (family) =>
      `${family} SELECT relname FROM pg_class WHERE oid IN (SELECT oid FROM f) GROUP BY relname HAVING count(*) > 1`,
    says: (name) =>
      `several of its partitions are named ${name}, in different schemas, and would be staged under ` +
      `one name; rename them, ${INSTEAD}`,
  },
  {
    sql: (family) => `${family} SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid IN (SELECT oid FROM f) AND c.relkind = 'p' AND c.oid NOT IN (SELECT root FROM f)`,
    says: (name) =>
      `its partition ${name} is partitioned itself, and only one level of partitions is carried ` +
      `over; ${INSTEAD.slice(3)}`,
  },
  {
    sql: (family) =>
      `${family} SELECT c.oid::regclass, c.reloftype::regtype FROM pg_class c WHERE c.oid IN (SELECT oid FROM f) AND
        c.reloftype <> 0`,
    says: (name, type) =>
      `${name} is a typed table of ${type}; ALTER TABLE ... NOT OF makes it a plain one, ${INSTEAD}`,
  },
  {
    sql: (family) => `${family} SELECT c.oid::regclass, m.amname FROM pg_class c JOIN pg_am m ON m.oid = c.relam
      WHERE c.oid IN (SELECT oid FROM f) AND c.relkind = 'r' AND m.amname <> 'heap'`,
    says: (name, method) =>
      `${name} has the access method ${method}, and only heap is carried over; ${INSTEAD.slice(3)}`,
  },
  {
    sql: (
      family,
    ) => `${family} SELECT c.oid::regclass, s.spcname FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace
      WHERE c.oid IN (SELECT oid FROM f) OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid
        FROM f))`,
    says: (name, space) =>
      `${name} is in the tablespace ${space}, which is not carried over; move it to the default one, ${INSTEAD}`,
  },
  {
    sql: (family) =>
      `${family} SELECT indexrelid::regclass FROM pg_index WHERE indrelid IN (SELECT oid FROM f) AND NOT (indisvalid
        AND indisready AND indislive)`,
    says: (name) =>
      `the index ${name} is not valid, as CREATE INDEX CONCURRENTLY leaves it when it fails; drop ` +
      'it or REINDEX it first',
  },
  {
    sql: (family) => `${family} SELECT 1 FROM pg_class c WHERE c.oid IN (SELECT root FROM f) AND NOT EXISTS (
      SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND
        x.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attnotnull
          AND a.attnum = ANY ((string_to_array(x.indkey::text, ' ')::int2[])[1:x.indnkeyatts])))`,
    says: () =>
      'it has no primary key, and no unique key of NOT NULL columns, by which writes during the recovery could be merged; add one first',
  },
  {
    sql: (
      family,
    ) => `${family} SELECT c.oid::regclass FROM pg_class c WHERE c.oid IN (SELECT oid FROM f) AND c.relforcerowsecurity
      AND c.relrowsecurity AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)`,
    says: (name) =>
      `row security of ${name} is forced on its owner, so not all of its rows can be read; ALTER ` +
      'TABLE ... NO FORCE ROW LEVEL SECURITY for the time of the recovery',
  },
  {
    sql: (family) =>
      `${family} SELECT c.oid::regclass, c.relowner::regrole FROM pg_class c WHERE c.oid IN (SELECT oid FROM f) AND
        NOT pg_has_role(c.relowner, 'USAGE')`,
    says: (name, owner) =>
      `${name} belongs to ${owner}, and only its owner may replace it; GRANT ${owner} TO the user of the recovery`,
  },
  {
    sql: (
      family,
    ) => `${family} SELECT DISTINCT n.nspname FROM f JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid =
      c.relnamespace
      WHERE NOT has_schema_privilege(n.oid, 'CREATE')`,
    says: (schema) =>
      `the user of the recovery may not create in schema ${schema}, so it can't move a table there; ` +
      `GRANT CREATE ON SCHEMA ${schema} to it`,
  },
  {
    sql: () => `SELECT current_database() WHERE NOT has_database_privilege(current_database(), 'CREATE')
      AND (SELECT count(*) FROM pg_namespace WHERE nspname IN (${OURS.map((schema) => `'${schema}'`).join(', ')})) < ${OURS.length}`,
    says: (database) =>
      `the user of the recovery may not create schemas in database ${database}, where the restored ` +
      `table is staged; GRANT CREATE ON DATABASE ${database} to it`,
  },
  {
    sql: (
      family,
    ) => `${family} SELECT k.conname, k.conrelid::regclass FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM f) AND NOT
        pg_has_role(c.relowner, 'USAGE')`,
    says: (name, child) =>
      `the foreign key ${name} of ${child} refers to it, and only the owner of ${child} may have it ` +
      'refer to the restored table; GRANT that role to the user of the recovery',
  },
  {
    sql: (
      family,
      version,
    ) => `${family} SELECT k.conname, k.conrelid::regclass FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (SELECT oid FROM f) AND c.relkind = 'p' AND
        ${version < 180_000}`,
    says: (name, child) =>
      `the foreign key ${name} of the partitioned table ${child} refers to it, and PostgreSQL ` +
      `before 18 can't add that one without reading all rows under a lock; drop it for the time of ` +
      `the swap, ${INSTEAD}`,
  },
  {
    sql: (family) => `${family} SELECT k.conname, k.confrelid::regclass FROM pg_constraint k
      WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid IN (SELECT oid FROM f)
        AND k.confrelid NOT IN (SELECT oid FROM f) AND NOT has_table_privilege(k.confrelid, 'REFERENCES')`,
    says: (name, parent) =>
      `its foreign key ${name} refers to ${parent}, which the user of the recovery may not refer ` +
      `to; GRANT REFERENCES ON ${parent} to it`,
  },
  {
    sql: (family) => `${family} SELECT DISTINCT k.conname, g.tgrelid::regclass FROM pg_constraint k JOIN pg_trigger g ON
      g.tgconstraint = k.oid
      WHERE k.contype = 'f' AND (k.conrelid IN (SELECT oid FROM f) OR k.confrelid IN (SELECT oid FROM f)) AND
        g.tgenabled <> 'O'`,
    says: (name, table) =>
      `a trigger of the foreign key ${name} on ${table} is disabled or set to another mode, which ` +
      `only a superuser can carry over; ALTER TABLE ${table} ENABLE TRIGGER ALL first`,
  },
  {
    sql: (family) => `${family} SELECT v.oid::regclass, v.relowner::regrole FROM f
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = f.oid AND d.classid =
        'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
      WHERE NOT pg_has_role(v.relowner, 'USAGE') GROUP BY v.oid, v.relowner`,
    says: (view, owner) =>
      `the view ${view} belongs to ${owner}, and only its owner may have it read the restored ` +
      `table; GRANT ${owner} TO the user of the recovery`,
  },
  {
    sql: (family) => `${family} SELECT DISTINCT v.oid::regclass, u.ev_class::regclass FROM f
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = f.oid AND d.classid =
        'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'm'
      JOIN pg_depend e ON e.refclassid = 'pg_class'::regclass AND e.refobjid = v.oid AND e.classid =
        'pg_rewrite'::regclass
      JOIN pg_rewrite u ON u.oid = e.objid AND u.ev_class <> v.oid`,
    says: (view, above) =>
      `${above} reads the materialized view ${view}, which is made anew with the table, and would ` +
      `stay bound to the old one; drop ${above} for the time of the swap, ${INSTEAD}`,
  },
  {
    sql: () => 'SELECT pubname FROM pg_publication WHERE puballtables',
    says: (name) =>
      `the publication ${name} is FOR ALL TABLES, so staged rows would be sent to its subscribers; ` +
      `drop it for the time of the swap, ${INSTEAD}`,
  },
  {
    sql: (
      family,
    ) => `${family} SELECT p.pubname, p.pubowner::regrole FROM pg_publication_rel r JOIN pg_publication p ON p.oid =
      r.prpubid
      WHERE r.prrelid IN (SELECT oid FROM f) AND NOT pg_has_role(p.pubowner, 'USAGE')`,
    says: (name, owner) =>
      `the publication ${name} belongs to ${owner}, and only its owner may publish the restored ` +
      `table; GRANT ${owner} TO the user of the recovery`,
  },
  {
    sql: (family) =>
      `${family} SELECT DISTINCT p.pubname FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE
        r.prrelid IN (SELECT oid FROM f)`,
    says: (name) =>
      `subscribers of publication ${name} are not sent the restored rows: refresh their ` +
      'subscriptions, and copy the table there',
    warns: true,
  },
  {
    sql: (family) =>
      `${family} SELECT DISTINCT srrelid::regclass FROM pg_subscription_rel WHERE srrelid IN (SELECT oid FROM f)`,
    says: (name) =>
      `${name} is filled by a subscription, which would go on writing into the old table; take it ` +
      'out of the publication first',
  },
  {
    sql: () => "SELECT evtname FROM pg_event_trigger WHERE evtenabled <> 'D'",
    says: (name) => `the event trigger ${name} fires for the statements of the swap`,
    warns: true,
  },
];

const IN_SCHEMA: Rule = {
  sql: (family) => `${family} SELECT DISTINCT p.pubname FROM f JOIN pg_class c USING (oid)
    JOIN pg_publication_namespace s ON s.pnnspid = c.relnamespace JOIN pg_publication p ON p.oid = s.pnpubid`,
  says: (name) =>
    `publication ${name} publishes its schema, and so the restored table: refresh the ` +
    'subscriptions, and copy the table there',
  warns: true,
};

export async function refusalsOfProperties(db: Asks, table: TableName): Promise<Findings> {
  const version = await versionOf(db);
  const family = FAMILY([table]);
  const refused: string[] = [];
  const warnings: string[] = [];
  for (const { sql, says, warns } of version >= 150_000 ? [...RULES, IN_SCHEMA] : RULES) {
    for (const [name, detail] of await db.rows(sql(family, version))) {
      (warns ? warnings : refused).push(`${shown(table)}: ${printable(says(name ?? '', detail ?? ''))}`);
    }
  }
  return { refused, warnings };
}
