/**
 * Does what one call of a survey names: phase after phase, the objects of a phase over several sessions at once.
 *
 * What is wrong is a finding, and so is what can't be examined; only losing the copy itself is an error. What one
 * object does to its session, a crash of the server included, stays that object's. What the time does not suffice for
 * is left.
 */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { CannotCheck } from '../examiner/catalog';
import {
  type Context,
  type Detector,
  type Examined,
  PHASES,
  type Phase,
  type Piece,
  type Verdict,
} from '../examiner/detector';
import { type CopyFacts, NEVER_RELEASED, readFacts, readHiding } from '../examiner/facts';
import { CopyCrashed, CopyNotReady, CopySilent } from '../examiner/lost-session';
import { isDamage, remedyFor, whatPostgresSaid } from '../examiner/postgres-error';
import type { Checked, CheckTask, Connection, Work } from '../examiner/protocol';
import { hasReader, readerOf } from '../examiner/reader';
import type { Deadline, Session } from '../examiner/session';
import { Sessions } from './sessions';
import { Tally } from './tally';

/** A server that keeps crashing is not waited for until the call ends. */
const MAX_CRASHES = 20;

/**
 * Reading rows runs functions of the database's own, so it is done as a user that can read and nothing else. What looks
 * at pages or vacuums needs the master's rights; there, PostgreSQL runs those of indexes as their owner.
 */
const READERS_PHASES: readonly Phase[] = ['rows', 'references', 'own checks'];

interface Job {
  readonly work: Work;
  readonly detector: Detector;
  readonly piece: Piece;
  readonly context: Context;
}

/**
 * @param open a session on the copy, as somebody
 * @param connections how many to use at most
 */
export async function runChecks(
  task: CheckTask,
  detectors: readonly Detector[],
  open: (as: Connection) => Promise<Session>,
  deadline: Deadline,
  connections: number,
): Promise<Checked> {
  const sessions = new Sessions(open, deadline, connections);
  const reading = new Sessions(open, deadline, connections);
  try {
    return await new Run(task, detectors, sessions, reading, deadline).all();
  } finally {
    await Promise.all([sessions.close(), reading.close()]);
  }
}

class Run {
  private readonly tally = new Tally((check) => this.checkOf(check).kind);
  private crashes = 0;

  constructor(
    private readonly task: CheckTask,
    private readonly detectors: readonly Detector[],
    private readonly sessions: Sessions,
    /** Beside them, for detectors that work alone. */
    private readonly reading: Sessions,
    private readonly deadline: Deadline,
  ) {}

  async all(): Promise<Checked> {
    const { connection, work } = this.task;
    await this.sessions.become(connection, 1);
    const { leader } = this.sessions;
    const facts = await leader.transaction('READ ONLY', () => readFacts(leader));
    const reader = (await hasReader(leader, connection)) ? readerOf(connection) : connection;
    for (const phase of PHASES) {
      const works = work.filter(({ detector }) => this.detectorOf(detector).phase === phase);
      if (works.length === 0) continue;
      const objects = works.reduce((sum, { objects }) => sum + objects, 0);
      await this.sessions.become(READERS_PHASES.includes(phase) ? reader : connection, objects);
      const alone = works.some(({ detector }) => this.detectorOf(detector).alone);
      if (alone) await this.reading.become(reader, this.sessions.count);
      const seen = { ...facts, hiding: await this.hiding(alone ? this.reading : this.sessions) };
      const jobs: Job[] = [];
      for (const work of works) jobs.push(...(await this.jobsOf(work, seen)));
      await this.serve(jobs);
      await this.reading.close();
    }
    return this.tally.result();
  }

  /** Settings that hide damage may be on for one user and off for another. */
  private async hiding({ leader }: Sessions): Promise<readonly string[]> {
    return leader.transaction('READ ONLY', () => readHiding(leader));
  }

  private async reopen(index: number): Promise<void> {
    await this.sessions.reopen(index);
    if (index < this.reading.count) await this.reading.reopen(index);
  }

  private async jobsOf(work: Work, facts: CopyFacts): Promise<Job[]> {
    const detector = this.detectorOf(work.detector);
    const kinds = work.checks.map((index) => this.checkOf(index).kind);
    const context: Context = {
      facts,
      restorePoint: this.task.restorePoint,
      wanted: new Set(kinds),
      check: detector.objects ? undefined : this.checkOf(work.checks[0]!),
    };
    this.tally.begin(work);
    if (this.deadline.left() <= 0) {
      this.tally.leave(work);
      return [];
    }
    let pieces: Piece[];
    try {
      pieces = await this.pieces(detector, work, facts);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      // The objects can't be listed, so all of them count as not examined.
      const list = { oid: 0, name: `the list of objects of '${detector.name}'`, bytes: 0 };
      this.tally.add(work, list, { verdicts: explain(error, detector, context) });
      return [];
    }
    this.tally.expect(work, pieces);
    const locked = pieces.filter(({ oid }) => facts.locked.has(oid));
    for (const piece of locked) {
      this.tally.add(work, piece, {
        verdicts: explain(new CannotCheck(NEVER_RELEASED.observed, NEVER_RELEASED.remedy), detector, context),
      });
    }
    return pieces.filter(({ oid }) => !facts.locked.has(oid)).map((piece) => ({ work, detector, piece, context }));
  }

  private async pieces(detector: Detector, work: Work, facts: CopyFacts): Promise<Piece[]> {
    if (!work.oids) return [{ oid: 0, name: '', bytes: work.bytes }];
    const listed = detector.objects?.(facts);
    if (listed === undefined) throw new CannotCheck(`detector '${detector.name}' has no objects here`);
    const [from, to] = work.oids;
    const { leader } = this.sessions;
    const rows = await leader.transaction('READ ONLY', () =>
      leader.rows(`SELECT oid, name, bytes FROM (${listed}) AS o WHERE oid BETWEEN ${from} AND ${to} ORDER BY oid`),
    );
    return rows.map(([oid, name, bytes]) => ({
      oid: Number(oid),
      name: name!,
      bytes: Number(bytes),
      blocks: work.blocks,
    }));
  }

  /** In the order of OIDs, so that what is left over is a few ranges. */
  private async serve(jobs: readonly Job[]): Promise<void> {
    const queue = [...jobs];
    const suspects: Job[] = [];
    const one = async (index: number) => {
      for (let job = queue.shift(); job; job = queue.shift()) {
        if ((await this.attempt(index, job)) === 'lost') {
          suspects.push(job);
          await this.reopen(index);
        }
      }
    };
    await Promise.all(Array.from({ length: this.sessions.count }, (_, index) => one(index)));
    // One crash ends every session, the idle ones too, so which object it was shows only when each is read alone.
    for (const job of suspects) {
      await this.reopen(0);
      if ((await this.attempt(0, job)) !== 'lost') continue;
      this.tally.add(job.work, job.piece, crashed(job));
      if (++this.crashes > MAX_CRASHES) {
        throw new CopyNotReady(`${this.crashes} objects made the copy's server crash, so the rest was not examined`);
      }
    }
    // Whoever comes next finds every session alive.
    if (suspects.length > 0) {
      for (let index = 0; index < this.sessions.count; index++) await this.reopen(index);
    }
  }

  private async attempt(index: number, job: Job): Promise<'done' | 'lost'> {
    const { work, detector, piece, context } = job;
    if (this.deadline.left() <= 0) return this.outOfTime(job);
    const session = this.sessions.at(index);
    session.damageWarnings(); // those of what failed before are told
    try {
      const beside = index < this.reading.count ? { ...context, reading: this.reading.at(index) } : context;
      const examine = () => detector.examine(session, piece, beside);
      const examined = detector.alone ? await examine() : await session.transaction('READ ONLY', examine);
      this.tally.add(work, piece, withWarnings(examined, session.damageWarnings(), detector, context));
      return 'done';
    } catch (error) {
      if (error instanceof CopySilent) return this.outOfTime(job);
      if (error instanceof CopyCrashed) return 'lost';
      if (!(error instanceof CannotCheck) && !(error instanceof DatabaseError)) throw error;
      if (error instanceof DatabaseError && error.code === '57014' && this.deadline.left() < 1_000) {
        return this.outOfTime(job);
      }
      this.tally.add(work, piece, { verdicts: explain(error, detector, context) });
      return 'done';
    }
  }

  private outOfTime({ work, piece }: Job): 'done' {
    this.tally.leave(work, piece);
    return 'done';
  }

  private detectorOf(name: string): Detector {
    const found = this.detectors.find((detector) => detector.name === name);
    if (!found) throw new Error(`there is no detector '${name}'; conductor and examiner are of different versions`);
    return found;
  }

  private checkOf(index: number): Check {
    const check = this.task.checks[index];
    if (!check) throw new Error(`the request has no check number ${index}`);
    return check;
  }
}

/** Damage counts against the first check; what can't be examined leaves all of them without an answer. */
function explain(error: CannotCheck | DatabaseError, { serves }: Detector, { wanted }: Context): Verdict[] {
  const kinds = serves.filter((kind) => wanted.has(kind));
  if (isDamage(error)) {
    const remedy = 'restore an earlier backup beside this one, and compare the object';
    return kinds.map((check, index) =>
      index === 0
        ? { check, outcome: 'failed', observed: whatPostgresSaid(error), expected: 'undamaged data', remedy }
        : { check, outcome: 'not-run', observed: 'it is damaged', remedy },
    );
  }
  const cause =
    error instanceof DatabaseError && error.code === '55P03'
      ? new CannotCheck(NEVER_RELEASED.observed, NEVER_RELEASED.remedy)
      : error;
  const observed = cause instanceof DatabaseError ? whatPostgresSaid(cause) : cause.message;
  const remedy = cause instanceof DatabaseError ? remedyFor(cause) : cause.remedy;
  return kinds.map((check) => ({ check, outcome: 'not-run', observed, ...(remedy && { remedy }) }));
}

/** Settings that were restored with the database may make damaged pages no more than a warning. */
function withWarnings(
  examined: Examined,
  warnings: readonly string[],
  { serves }: Detector,
  { wanted }: Context,
): Examined {
  const check = serves.find((kind) => wanted.has(kind));
  // Damage that ends a statement is warned of as well.
  const told = examined.verdicts.some(({ outcome }) => outcome === 'failed');
  if (warnings.length === 0 || told || !check) return examined;
  const failed: Verdict = {
    check,
    outcome: 'failed',
    observed: `PostgreSQL warned: ${warnings[0]}`,
    expected: 'undamaged data',
    remedy: 'restore an earlier backup beside this one, and compare the object',
  };
  return { ...examined, verdicts: [...examined.verdicts.filter(({ outcome }) => outcome !== 'passed'), failed] };
}

function crashed({ detector, context }: Job): Examined {
  const kinds = detector.serves.filter((kind) => context.wanted.has(kind));
  return {
    verdicts: kinds.map((check) => ({
      check,
      outcome: 'failed',
      observed: 'reading it made the server crash, twice',
      expected: 'data that can be read',
      remedy: 'restore an earlier backup beside this one and compare the object; keep the damaged copy for analysis',
    })),
  };
}
