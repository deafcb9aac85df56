/**
 * Quiets a database of the copy before anything else happens to it: what it would do of its own accord, it would do to
 * production. It fetches rows by subscriptions, runs jobs, and reacts to what is done here by event triggers.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { asOwner, joinOwner, type Refused, refusalOf } from './attempt';
import { many } from './figures';
import { printable } from './postgres-error';
import type { Session } from './session';

/**
 * @param kept the copy is going to be production: what acts on production by itself is stopped all the same, and nothing else
 * @returns what was changed, and what could not be, a sentence each
 */
export async function quiet(session: Session, kept = false): Promise<string[]> {
  const always = [(as: Session) => subscriptions(as, kept), scheduledJobs];
  const parts = kept ? always : [...always, eventTriggers, preparedTransactions];
  const notes: string[] = [];
  for (const part of parts) {
    const refused = await refusalOf(async () => notes.push(...(await part(session))));
    if (refused) notes.push(`What runs in this database by itself could not be looked at: ${refused}.`);
  }
  return notes;
}

async function subscriptions(session: Session, kept: boolean): Promise<string[]> {
  const found = await list(
    session,
    `SELECT s.subname, r.rolname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_roles r ON r.oid = s.subowner
     WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND (s.subenabled OR s.subslotname IS NOT NULL) ORDER BY s.subname`,
  );
  const notes: string[] = [];
  for (const [name = '', owner = ''] of found) {
    const alter = `ALTER SUBSCRIPTION ${escapeIdentifier(name)}`;
    const disabled = await asOwner(session, owner, `${alter} DISABLE`);
    if (kept) {
      const said = disabled
        ? `could not be disabled, so it may fetch what production's fetches: ${disabled}`
        : 'was disabled';
      notes.push(`Subscription '${printable(name)}' ${said}.`);
      continue;
    }
    // With its slot, dropping the subscription or the copy could take the slot of production away.
    const detached = disabled ?? (await asOwner(session, owner, `${alter} SET (slot_name = NONE)`));
    notes.push(
      detached === undefined
        ? `Subscription '${printable(name)}' was disabled on the restored instance and detached from its slot.`
        : `Subscription '${printable(name)}' could not be ${disabled ? 'disabled' : 'detached from its slot'} on the restored instance, so it ` +
            `${disabled ? 'may fetch' : 'still names'} what production's fetches: ${detached}.`,
    );
  }
  return notes;
}

async function scheduledJobs(session: Session): Promise<string[]> {
  const [installed] = await list(session, "SELECT extname FROM pg_catalog.pg_extension WHERE extname = 'pg_cron'");
  if (!installed) return [];
  // The owner of the jobs doesn't matter here; pg_cron notices a change by a trigger, which has to fire.
  const pins = { row_security: 'on', ...(session.isReplica && { session_replication_role: 'origin' }) };
  let stopped = 0;
  const refused = await refusalOf(() =>
    session.transaction(
      'READ WRITE',
      async () => {
        stopped = (await session.rows('UPDATE cron.job SET active = false WHERE active RETURNING jobid')).length;
      },
      pins,
    ),
  );
  if (refused) return [`The jobs of pg_cron could not be stopped on the restored instance: ${refused}.`];
  return stopped > 0
    ? [`${many(stopped, 'job')} of pg_cron ${stopped === 1 ? 'was' : 'were'} stopped on the restored instance.`]
    : [];
}

async function eventTriggers(session: Session): Promise<string[]> {
  const found = await list(
    session,
    `SELECT t.evtname, r.rolname, t.evtevent FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_roles r ON r.oid = t.evtowner
     WHERE t.evtenabled <> 'D' ORDER BY t.evtname`,
  );
  const notes: string[] = [];
  for (const [name = '', owner = '', event] of found) {
    const refused = await asOwner(session, owner, `ALTER EVENT TRIGGER ${escapeIdentifier(name)} DISABLE`);
    notes.push(
      refused === undefined
        ? `Event trigger '${printable(name)}' (${event}) was disabled on the restored instance.`
        : `Event trigger '${printable(name)}' (${event}) could not be disabled on the restored instance, so what it refuses could not be done: ${refused}.`,
    );
  }
  return notes;
}

/** A crash leaves them undecided, with their locks: a recovery decides, and so does the copy. */
async function preparedTransactions(session: Session): Promise<string[]> {
  const found = await list(
    session,
    `SELECT gid, owner FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY prepared`,
  );
  let rolledBack = 0;
  let refused: Refused | undefined;
  for (const [gid = '', owner = ''] of found) {
    const end = `ROLLBACK PREPARED ${escapeLiteral(gid)}`;
    if ((await refusalOf(() => session.alone(end))) === undefined) rolledBack++;
    else {
      // Only the user who prepared it, or a superuser, may end it.
      await joinOwner(session, owner);
      const still = await refusalOf(() => session.alone(end, { role: owner }));
      if (still === undefined) rolledBack++;
      else refused ??= still;
    }
  }
  const left = found.length - rolledBack;
  return [
    ...(rolledBack > 0
      ? [
          `${many(rolledBack, 'prepared transaction')}, neither committed nor rolled back at the restore point, ` +
            `${rolledBack === 1 ? 'was' : 'were'} rolled back on the restored instance: ${rolledBack === 1 ? 'its' : 'their'} rows are not counted.`,
        ]
      : []),
    ...(left > 0
      ? [
          `${many(left, 'prepared transaction')} could not be rolled back on the restored instance (${refused}), so tables that ` +
            `${left === 1 ? 'it locks' : 'they lock'} can't be examined; commit or roll back ${left === 1 ? 'it' : 'them'} in the source.`,
        ]
      : []),
  ];
}

async function list(session: Session, sql: string): Promise<string[][]> {
  const rows = await session.transaction('READ ONLY', () => session.rows(sql));
  return rows.map((row) => row.map((value) => value ?? ''));
}
