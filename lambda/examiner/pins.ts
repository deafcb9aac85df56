/** Settings that are pinned in each session on the copy, since they could change what a check reads. */
import { escapeLiteral } from 'pg';

/**
 * Set at the start of each session and again in each transaction: a database may set others for whoever connects, and a
 * login trigger may set them after that. With `pg_temp` named last, no temporary object stands before the catalog.
 */
export const PINS = {
  role: 'none', // ALTER ROLE ... SET role makes somebody else of whoever connects
  search_path: 'pg_catalog, pg_temp',
  client_encoding: 'UTF8',
  TimeZone: 'UTC', // a timestamp without zone counts as UTC
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  client_min_messages: 'warning', // a damaged page may be no more than a warning, by the settings of the database
  row_security: 'off', // rows hidden by a policy become an error instead of silence
  jit: 'off', // compiling costs more than most checks
  quote_all_identifiers: 'off',
  gin_fuzzy_search_limit: '0', // else a GIN index gives some of its entries only
  xmloption: 'content',
  work_mem: '64MB',
  exit_on_error: 'off', // else the first error ends the session
  idle_in_transaction_session_timeout: '0',
  lock_timeout: '3s', // nothing on the copy holds a lock for long, but a prepared transaction for ever
} as const;

/** Of a session's start: whatever a login trigger tries to write, it can't. */
export const AT_THE_START = { default_transaction_read_only: 'on' } as const;

/**
 * Triggers of a login and of DDL don't fire for replicas, unless they say so. rds_superuser may set it; who may not is
 * refused at the start.
 */
export const AS_REPLICA = { session_replication_role: 'replica' } as const;

/** Pins that not every version knows. The last one has foreign tables refuse to be read instead of calling elsewhere. */
export const NEWER_PINS = {
  idle_session_timeout: '0',
  transaction_timeout: '0',
  restrict_nonsystem_relation_kind: 'foreign-table',
} as const;

/** @param known settings of a server, by their names */
export const pinsOf = (known: ReadonlyMap<string, string>): Readonly<Record<string, string>> => ({
  ...PINS,
  ...Object.fromEntries(Object.entries(NEWER_PINS).filter(([name]) => known.has(name))),
  // Else a name whose bytes are not valid UTF-8 is an error.
  ...(known.get('server_encoding') === 'SQL_ASCII' && { client_encoding: 'SQL_ASCII' }),
});

/** In other languages the server's own contexts can't be told from those of functions, and damage would not be believed. */
export const IN_ENGLISH = { lc_messages: 'C' } as const;
/** A parallel worker's errors have a context; without workers most damage is met without any. */
export const NO_WORKERS = { max_parallel_workers_per_gather: '0' } as const;

/** By the name of a locale. */
export const isEnglish = (locale: string): boolean => /^($|C$|C\.|POSIX$|en([_.-]|$)|English)/i.test(locale);

/** As many statements in one. A search path is a list of names, which quotes would make one. */
export const settings = (command: 'SET' | 'SET LOCAL', values: Readonly<Record<string, string>>) =>
  Object.entries(values)
    .map(([name, value]) => `${command} ${name} = ${name === 'search_path' ? value : escapeLiteral(value)}`)
    .join('; ');
