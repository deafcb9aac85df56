/**
 * The checks of a drill of Zephyr as plain SQL: what an engineer's own script would run to find the same damage. It is
 * written for this schema, on PostgreSQL 17, and shares no code with the examiner.
 */

/** A statement that fails, or gives false first, where something is wrong; of several, the last one counts. */
export type Statement = string;

/** Statements of a phase may run side by side; the next phase may destroy what they had to see. */
export type Phase = readonly Statement[];

const EVERY_RELATION = `pg_class WHERE relkind IN ('r', 'm', 't', 'S', 'i') AND pg_relation_size(oid) > 0`;
const TABLES = ['polls', 'participants', 'votes', 'audit_logs'];

/** Large ones apart, so that two connections have an equal share. */
const files: Phase = [
  "SELECT pg_prewarm('votes', 'buffer') > 0",
  `SELECT sum(pg_prewarm(oid, 'buffer')) > 0 FROM ${EVERY_RELATION} AND oid <> 'votes'::regclass`,
  "SELECT count(*) = 0 FROM pg_class WHERE relkind IN ('r', 'm', 't', 'i') AND relpages > pg_relation_size(oid) / 8192",
  `SELECT count(*) FILTER (WHERE pg_xact_status(xid::text::xid8) = 'committed') > 0
   FROM generate_series(3, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) AS xid`,
  "SELECT count(*) = 0 FROM pg_settings WHERE name IN ('zero_damaged_pages', 'ignore_checksum_failure') AND setting = 'on'",
  "SELECT count(*) = 0 FROM pg_class WHERE relkind = 'm' AND NOT relispopulated",
];

const STORED = `pg_class c WHERE relkind IN ('r', 'm', 't') AND relpersistence <> 't'`;

const pages: Phase = [
  "SELECT count(*) = 0 FROM verify_heapam('votes', on_error_stop := false, check_toast := true)",
  `SELECT count(*) = 0 FROM (SELECT oid FROM ${STORED} AND oid <> 'votes'::regclass OFFSET 0) AS c,
     LATERAL verify_heapam(c.oid, on_error_stop := false, check_toast := true)`,
  `SELECT count(*) = 0 FROM (SELECT oid FROM ${STORED} AND pg_relation_size(oid) > 0 OFFSET 0) AS c,
     LATERAL pg_visibility(c.oid) WHERE all_visible AND NOT pd_all_visible`,
];

const FROM_THE_TABLE =
  'SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off;';

/** Every value decoded, what the table declares, and the value that its sequence must be beyond, in one pass. */
const pass = (table: string, text: string, notNull: string, check = 'true', blocks = '') => `${FROM_THE_TABLE}
  SELECT count(*) FILTER (WHERE num_nulls(${notNull}) > 0) = 0 AND count(*) FILTER (WHERE NOT (${check})) = 0
    AND coalesce(max(id), 0) <= (SELECT last_value FROM ${table}_id_seq), count(*),
    ${text
      .split(', ')
      .map((column) => `count(convert_to(${column}::text, 'UTF8'))`)
      .join(' + ')}
  FROM ONLY ${table} ${blocks}`;

const votes = (blocks: string) =>
  pass(
    'votes',
    'user_agent',
    'id, poll_id, participant_id, choice, session_id, user_agent, created_at',
    'choice >= 1',
    blocks,
  );

/** Zephyr's votes are in about 20,000 blocks. */
const HALF = "'(10000,0)'";

const rows: Phase = [
  votes(`WHERE ctid < ${HALF}`),
  votes(`WHERE ctid >= ${HALF}`),
  ...TABLES.map(
    (table) => `${FROM_THE_TABLE}
    SELECT count(*) = 0 FROM (SELECT DISTINCT xmin FROM ONLY ${table}) AS writer
    WHERE pg_xact_status(xmin::text::xid8) = 'aborted'`,
  ),
  ...TABLES.map((table) => `SELECT dead_tuple_count < 1000 OR dead_tuple_percent < 40 FROM pgstattuple('${table}')`),
  pass(
    'polls',
    'room_code, question, options, status',
    'id, room_code, question, options, status, created_at',
    "status IN ('draft', 'open', 'closed') AND array_length(options, 1) >= 2",
  ),
  pass('participants', 'nickname', 'id, nickname, joined_at'),
  pass('audit_logs', 'actor, action, details', 'id, actor, action, details, created_at'),
  'SELECT count(sha256(data)) >= 0 FROM pg_largeobject',
  `SELECT count(pg_get_viewdef(oid)) > 0 FROM pg_class WHERE relkind IN ('v', 'm')`,
  `SELECT count(pg_get_functiondef(oid)) > 0 FROM pg_proc WHERE prokind <> 'a'`,
  'SELECT count(pg_get_indexdef(indexrelid)) > 0 FROM pg_index',
  'SELECT count(pg_get_constraintdef(oid)) > 0 FROM pg_constraint',
  'SELECT count(pg_get_triggerdef(oid)) >= 0 FROM pg_trigger',
  'SELECT count(pg_get_ruledef(oid)) > 0 FROM pg_rewrite',
  'SELECT count(pg_get_expr(adbin, adrelid)) >= 0 FROM pg_attrdef',
  'SELECT count(pg_sequence_last_value(seqrelid)) >= 0 FROM pg_sequence',
];

const BTREES = `pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
  WHERE a.amname = 'btree' AND c.relkind = 'i'`;
const OF_VOTES = ['votes_once', 'votes_pkey', 'votes_created_at'];

/**
 * Keys of the large table are grouped, and not by its index, which may be what is wrong. amcheck's checkunique would visit
 * its rows in the order of the index.
 */
const indexes: Phase = [
  ...OF_VOTES.map((index) => `SELECT bt_index_parent_check('${index}', true)`),
  `SELECT count(bt_index_parent_check(oid, true, false, true)) > 0
   FROM (SELECT c.oid FROM ${BTREES} AND i.indrelid <> 'votes'::regclass OFFSET 0) AS o`,
  ...['poll_id, participant_id', 'id'].map(
    (key) => `${FROM_THE_TABLE}
    SELECT count(*) = 0 FROM (SELECT FROM ONLY votes GROUP BY ${key} HAVING count(*) > 1) AS twice`,
  ),
  'SELECT count(*) = 0 FROM pg_index WHERE NOT indisvalid',
];

/** A vacuum, then one scan of each index, whose entries must be as many as the rows. */
const vacuum: Phase = TABLES.map(
  (table) => `VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF, DISABLE_PAGE_SKIPPING, SKIP_DATABASE_STATS) ${table}`,
);

const BY_INDEX =
  'SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL max_parallel_workers_per_gather = 0;';

const returned = (index: string) => `pg_stat_get_xact_tuples_returned('${index}'::regclass)`;

/** The counter also holds what earlier transactions of the session have not reported yet. */
const scan = (index: string, table: string, order: string) => `${BY_INDEX}
  SELECT set_config('by_hand.before', ${returned(index)}::text, true);
  SELECT count(*) FROM (SELECT FROM ONLY ${table} ORDER BY ${order} OFFSET 0) AS found;
  ${FROM_THE_TABLE} SET LOCAL enable_seqscan = on;
  SELECT ${returned(index)} - current_setting('by_hand.before')::bigint = (SELECT count(*) FROM ONLY ${table})`;

const entries: Phase = [
  scan('votes_once', 'votes', 'poll_id, participant_id'),
  scan('votes_pkey', 'votes', 'id'),
  scan('votes_created_at', 'votes', 'created_at'),
  scan('polls_pkey', 'polls', 'id'),
  scan('polls_room_code', 'polls', 'room_code'),
  scan('polls_created_at', 'polls', 'created_at'),
  scan('participants_pkey', 'participants', 'id'),
  scan('audit_logs_pkey', 'audit_logs', 'id'),
  scan('audit_logs_created_at', 'audit_logs', 'created_at'),
];

const orphans = (child: string, column: string, parent: string) => `
  SELECT count(*) = 0 FROM ${child} c WHERE ${column} IS NOT NULL AND NOT EXISTS (SELECT FROM ${parent} p WHERE p.id = c.${column})`;

const references: Phase = [
  orphans('votes', 'poll_id', 'polls'),
  orphans('votes', 'participant_id', 'participants'),
  orphans('audit_logs', 'poll_id', 'polls'),
];

/** The checks that Zephyr's plan names, and what the next run would compare the schema with. */
const own = (restored: string): Phase => [
  ...['votes', 'polls', 'audit_logs'].map(
    (table) => `${FROM_THE_TABLE} SELECT count(*) = 0 FROM ${table} WHERE created_at > '${restored}'`,
  ),
  ...TABLES.map((table) => `${FROM_THE_TABLE} SELECT count(*) >= 1 FROM ${table}`),
  `SELECT max(created_at) >= '${restored}'::timestamptz - interval '1 day' FROM polls`,
  `SELECT count(*) > 0 FROM (
     SELECT conname FROM pg_constraint UNION ALL SELECT relname FROM pg_class UNION ALL SELECT tgname FROM pg_trigger
     UNION ALL SELECT polname FROM pg_policy UNION ALL SELECT rolname FROM pg_roles UNION ALL SELECT extname FROM pg_extension
     UNION ALL SELECT proname FROM pg_proc) AS object`,
];

/** For the catalogs, row by row as well: each has its own SELECT. */
export const CATALOGS = `
  SELECT format('SELECT count(t::text) >= 0 FROM ONLY %s AS t', oid::regclass) FROM pg_class
  WHERE relkind = 'r' AND relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    AND has_table_privilege(oid, 'SELECT') AND oid <> 2613`;

/** TOAST has entries and rows of its own. */
export const TOAST = `
  SELECT format('VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF, DISABLE_PAGE_SKIPPING, SKIP_DATABASE_STATS) %s', oid::regclass)
  FROM pg_class WHERE relkind = 't' AND oid >= 16384 AND pg_relation_size(oid) > 0`;

export const EXTENSIONS = ['amcheck', 'pg_visibility', 'pg_prewarm', 'pgstattuple'];

/** @param restored the restore point, ISO 8601 */
export const phases = (restored: string, catalogs: Phase, toast: Phase): readonly Phase[] => [
  files,
  pages,
  [...rows, ...catalogs],
  indexes,
  [...vacuum, ...toast],
  entries,
  references,
  own(restored),
];
