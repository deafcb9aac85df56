/**
 * Does what one call of a survey names: phase after phase, the objects of a phase over several sessions at once.
 *
 * What is wrong is a finding, and so is what can't be examined; only losing the copy itself is an error. What one object
 * does to its session, a crash of the server included, stays that object's. What the time does not suffice for is left.
 */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { CannotCheck } from './catalog';
import { type Context, type Detector, type Examined, PHASES, type Phase, type Piece, type Verdict } from './detector';
import { type CopyFacts, readFacts } from './facts';
import { listObjects } from './objects';
import { isDamage, isFromFunction, whatPostgresSaid } from './postgres-error';
import type { Checked, CheckTask, Connection, Work } from './protocol';
import { hasReader, readerOf } from './reader';
import { CopyCrashed, CopyNotReady, CopySilent, type Deadline, type Session } from './session';
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
  try {
    return await new Run(task, detectors, sessions, deadline).all();
  } finally {
    await sessions.close();
  }
}

class Run {
  private readonly tally = new Tally((check) => this.checkOf(check).kind);
  private crashes = 0;

  constructor(
    private readonly task: CheckTask,
    private readonly detectors: readonly Detector[],
    private readonly sessions: Sessions,
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
      const jobs: Job[] = [];
      for (const work of works) jobs.push(...(await this.jobsOf(work, facts)));
      await this.serve(jobs);
    }
    return this.tally.result();
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
    const pieces = await this.pieces(detector, work, facts);
    this.tally.expect(work, pieces);
    return pieces.map((piece) => ({ work, detector, piece, context }));
  }

  private async pieces(detector: Detector, work: Work, facts: CopyFacts): Promise<Piece[]> {
    if (!work.oids) return [{ oid: 0, name: '', bytes: work.bytes }];
    const listed = detector.objects?.(facts);
    if (listed === undefined) throw new CannotCheck(`detector '${detector.name}' has no objects here`);
    const [from, to] = work.oids;
    const rows = await listObjects(this.sessions.leader, listed, `oid BETWEEN ${from} AND ${to}`);
    return rows.map(([oid, bytes, , name]) => ({
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
          await this.sessions.reopen(index);
        }
      }
    };
    await Promise.all(Array.from({ length: this.sessions.count }, (_, index) => one(index)));
    // One crash ends every session, the idle ones too, so which object it was shows only when each is read alone.
    for (const job of suspects) {
      await this.sessions.reopen(0);
      if ((await this.attempt(0, job)) !== 'lost') continue;
      this.tally.add(job.work, job.piece, crashed(job));
      if (++this.crashes > MAX_CRASHES) {
        throw new CopyNotReady(`${this.crashes} objects made the copy's server crash, so the rest was not examined`);
      }
    }
    // Whoever comes next finds every session alive.
    if (suspects.length > 0) {
      for (let index = 0; index < this.sessions.count; index++) await this.sessions.reopen(index);
    }
  }

  private async attempt(index: number, job: Job): Promise<'done' | 'lost'> {
    const { work, detector, piece, context } = job;
    if (this.deadline.left() <= 0) return this.outOfTime(job);
    const session = this.sessions.at(index);
    try {
      const examine = () => detector.examine(session, piece, context);
      const examined = detector.alone ? await examine() : await session.transaction('READ ONLY', examine);
      this.tally.add(work, piece, examined);
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
    return kinds.map((check) => ({
      check,
      outcome: 'failed',
      observed: whatPostgresSaid(error),
      expected: 'undamaged data',
    }));
  }
  const observed = error instanceof DatabaseError ? whatPostgresSaid(error) : error.message;
  const remedy = error instanceof DatabaseError ? remedyFor(error) : error.remedy;
  return kinds.map((check) => ({ check, outcome: 'not-run', observed, ...(remedy && { remedy }) }));
}

function remedyFor(error: DatabaseError): string | undefined {
  if (isFromFunction(error)) {
    return (
      'a function that it calls failed; where it names others without their schema, set its path: ' +
      'ALTER FUNCTION ... SET search_path, else it fails in dumps and vacuums too'
    );
  }
  if (error.code === '55P03') {
    return 'something holds a lock on it, such as a prepared transaction: commit or roll it back in the source';
  }
  return undefined;
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
