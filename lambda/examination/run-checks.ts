/**
 * Does what one call of a survey names: phase after phase, the objects of a phase over several sessions at once.
 *
 * What is wrong is a finding, and so is what can't be examined; only losing the copy itself is an error. What one
 * object does to its session, a crash of the server included, stays that object's. What the time does not suffice for
 * is left.
 */
import { DatabaseError } from 'pg';
import { CannotCheck } from '../examiner/catalog';
import type { Deadline } from '../examiner/deadline';
import { type Detector, PHASES, type Phase } from '../examiner/detector';
import { lockTimeout, readFacts, readHiding } from '../examiner/facts';
import { CopyCrashed, CopyNotReady, CopySilent, OutOfTime, SessionEnded } from '../examiner/lost-session';
import type { Checked, CheckTask } from '../examiner/protocol';
import { hasReader, readerOf } from '../examiner/reader';
import { crashed, endedSession, explain, tooSlow, withWarnings } from './explain';
import { type Job, Jobs } from './jobs';
import { type Open, Sessions } from './sessions';

/**
 * No object takes more than half of the time that others wait for, unless that is less than this part of the whole: so
 * the call tells all the others, and one that had its fair part and did not end is tried again in another call.
 */
const FAIR_PART = 1 / 8;

/** A server that keeps crashing is not waited for until the call ends. */
const MAX_CRASHES = 20;

/** Objects that may be looked at in one statement, and how many: so many that their locks fit where there is little room. */
const SMALL_BYTES = 1024 ** 2;
const TOGETHER = 16;

/**
 * Reading rows runs functions of the database's own, so it is done as a user that can read and nothing else. What looks
 * at pages or vacuums needs the master's rights; there, PostgreSQL runs those of indexes as their owner.
 */
const READERS_PHASES: readonly Phase[] = ['rows', 'references', 'own checks'];

/** What became of an object: its session may be lost over it. */
type Attempt = 'done' | 'silent' | 'crashed' | 'ended';

/** What became of several in one statement: where anything is wrong, each is examined alone. */
type AttemptOfAll = Attempt | 'apart';

/**
 * @param open a session on the copy, as somebody
 * @param connections how many to use at most
 */
export async function runChecks(
  task: CheckTask,
  detectors: readonly Detector[],
  open: Open,
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
  private readonly jobs: Jobs;
  private readonly fairPart: number;
  private crashes = 0;
  /** Whether an object is left that must be looked at before anything of a later phase. */
  private slow = false;
  /** What something was wrong with when several were looked at together. */
  private readonly apart = new Set<Job>();

  constructor(
    private readonly task: CheckTask,
    detectors: readonly Detector[],
    private readonly sessions: Sessions,
    /** Beside them, for detectors that run functions of the database's own. */
    private readonly reading: Sessions,
    private readonly deadline: Deadline,
  ) {
    this.jobs = new Jobs(task, detectors, deadline);
    this.fairPart = deadline.left() * FAIR_PART;
  }

  async all(): Promise<Checked> {
    const { connection, work } = this.task;
    await this.sessions.become(connection, 1);
    const { leader } = this.sessions;
    const facts = await leader.transaction('READ ONLY', () => readFacts(leader));
    const reader = (await hasReader(leader, connection)) ? readerOf(connection) : connection;
    let waiting = [...work];
    for (const phase of PHASES) {
      const works = waiting.filter(({ detector }) => this.jobs.detectorOf(detector).phase === phase);
      if (works.length === 0) continue;
      if (this.slow || this.deadline.left() <= 0) break;
      waiting = waiting.filter((one) => !works.includes(one));
      const objects = works.reduce((sum, { objects }) => sum + objects, 0);
      await this.sessions.become(READERS_PHASES.includes(phase) ? reader : connection, objects);
      const beside = reader !== connection && works.some(({ detector }) => this.jobs.detectorOf(detector).reads);
      if (beside) await this.reading.become(reader, this.sessions.count);
      const seen = { ...facts, hiding: await this.hiding(beside ? this.reading : this.sessions) };
      const jobs: Job[] = [];
      for (const work of works) jobs.push(...(await this.jobs.of(work, seen, this.sessions.leader)));
      // Each has one beside it: else it would run the database's functions as the master.
      const lanes = beside ? Math.min(this.sessions.count, this.reading.count) : this.sessions.count;
      await this.serve(jobs, lanes, waiting.length > 0);
      await this.reading.close();
    }
    for (const work of waiting) this.jobs.tally.leave(work);
    return this.jobs.tally.result();
  }

  /** Settings that hide damage may be on for one user and off for another. */
  private async hiding({ leader }: Sessions): Promise<readonly string[]> {
    return leader.transaction('READ ONLY', () => readHiding(leader));
  }

  /** Once the time is over no session is needed any more. */
  private async reopen(index: number, silent = false): Promise<void> {
    const both = index < this.reading.count ? [this.sessions, this.reading] : [this.sessions];
    try {
      if (silent) for (const one of both) await one.terminate(index);
      for (const one of both) await one.reopen(index);
    } catch (error) {
      if (!(error instanceof CopyNotReady) || this.deadline.left() > 0) throw error;
    }
  }

  /**
   * In the order of OIDs, so that what is left over is a few ranges; what was slow before comes last.
   *
   * @param waiting whether work of later phases waits
   */
  private async serve(jobs: readonly Job[], lanes: number, waiting: boolean): Promise<void> {
    const queue = [...jobs.filter(({ work }) => !work.slow), ...jobs.filter(({ work }) => work.slow)];
    while (queue.length > 0) {
      const suspects: Job[] = [];
      const one = async (index: number) => {
        while (suspects.length === 0) {
          const job = queue.shift();
          if (!job) return;
          const together = [job, ...this.alike(job, queue)];
          const others = queue.length > 0 || (waiting && !job.work.slow);
          const became =
            together.length > 1
              ? await this.attemptAll(index, together, others)
              : await this.attempt(index, job, others);
          if (became === 'silent') await this.reopen(index, true);
          if (became === 'crashed' || became === 'ended') suspects.push(...together);
          else if (together.length > 1 && became !== 'done') {
            for (const one of together) this.apart.add(one);
            queue.unshift(...together);
          }
        }
      };
      await Promise.all(Array.from({ length: lanes }, (_, index) => one(index)));
      // A crash ends every session, and so may a function: which object it was shows only when each is read alone.
      for (const job of suspects) {
        await this.reopen(0);
        await this.tryAlone(job, queue.length > 0 || waiting);
      }
      // Whoever comes next finds every session alive.
      if (suspects.length > 0) {
        for (let index = 0; index < this.sessions.count; index++) await this.reopen(index);
      }
    }
  }

  private async tryAlone(job: Job, others: boolean): Promise<void> {
    const became = await this.attempt(0, job, others);
    if (became === 'ended') this.jobs.tally.add(job.work, job.piece, endedSession(job));
    if (became !== 'crashed') return;
    this.jobs.tally.add(job.work, job.piece, crashed(job));
    if (++this.crashes > MAX_CRASHES) {
      throw new CopyNotReady(
        `${this.crashes} objects made the server of the restored instance crash, so the rest was not examined`,
      );
    }
  }

  /** Takes small ones of the same work from the head of the queue. */
  private alike(job: Job, queue: Job[]): Job[] {
    const fits = (one: Job | undefined) => {
      if (!one || one.work !== job.work || !one.detector.examineAll || this.apart.has(one)) return false;
      // Under these settings a damaged page is warned of once.
      return one.piece.bytes <= SMALL_BYTES && !one.piece.blocks && one.context.facts.hiding.length === 0;
    };
    let count = 0;
    if (fits(job)) while (count < TOGETHER - 1 && fits(queue[count])) count++;
    return queue.splice(0, count);
  }

  private async attemptAll(index: number, jobs: readonly Job[], others: boolean): Promise<AttemptOfAll> {
    const [{ detector, context, work }] = jobs as [Job];
    if (this.deadline.left() <= 0) return 'apart';
    const session = this.sessions.at(index);
    try {
      const pieces = jobs.map(({ piece }) => piece);
      const examine = async () => detector.examineAll?.(session, pieces, context);
      const examined = await session.within(this.limit(this.shareOf(others)), () =>
        session.transaction('READ ONLY', examine, lockTimeout(context.facts)),
      );
      if (!examined) return 'apart';
      for (const piece of pieces) this.jobs.tally.add(work, piece, examined);
      return 'done';
    } catch (error) {
      const loss = lossOf(error);
      if (!loss && !(error instanceof OutOfTime) && !(error instanceof DatabaseError)) throw error;
      return loss ?? 'apart';
    }
  }

  /** @param others whether others wait for the time that it takes */
  private async attempt(index: number, job: Job, others: boolean): Promise<Attempt> {
    const { work, detector, piece, context } = job;
    if (this.deadline.left() <= 0) {
      this.jobs.tally.leave(work, piece);
      return 'done';
    }
    const share = this.shareOf(others);
    const limit = this.limit(share);
    const session = this.sessions.at(index);
    const reading = index < this.reading.count ? this.reading.at(index) : undefined;
    for (const one of [session, reading]) one?.damageWarnings(); // those of what failed before are told
    try {
      const examine = () => detector.examine(session, piece, { ...context, reading });
      const whole = () =>
        detector.alone ? examine() : session.transaction('READ ONLY', examine, lockTimeout(context.facts));
      const examined = await session.within(limit, () => (reading ? reading.within(limit, whole) : whole()));
      const warnings = [session, reading].flatMap((one) => one?.damageWarnings() ?? []);
      this.jobs.tally.add(work, piece, withWarnings(examined, warnings, detector, context));
      return 'done';
    } catch (error) {
      const loss = lossOf(error);
      if (loss === 'silent' || error instanceof OutOfTime) this.outOfTime(job, share);
      if (loss) return loss;
      if (error instanceof OutOfTime) return 'done';
      if (!(error instanceof CannotCheck) && !(error instanceof DatabaseError)) throw error;
      this.jobs.tally.add(work, piece, { verdicts: explain(error, detector, context) });
      return 'done';
    }
  }

  private shareOf(others: boolean): number {
    const left = this.deadline.left();
    return others && left / 2 >= this.fairPart ? left / 2 : left;
  }

  private limit(milliseconds: number): Deadline {
    const end = performance.now() + milliseconds;
    return { left: () => end - performance.now() };
  }

  private outOfTime({ work, piece, detector, context }: Job, share: number): void {
    if (share < this.fairPart) this.jobs.tally.leave(work, piece);
    else if (work.slow) this.jobs.tally.add(work, piece, { verdicts: explain(tooSlow(share), detector, context) });
    else {
      this.jobs.tally.leaveSlow(work, piece);
      this.slow = true;
    }
  }
}

/** How a session was lost over what it read; undefined where it is still there. */
function lossOf(error: unknown): Exclude<Attempt, 'done'> | undefined {
  if (error instanceof CopySilent) return 'silent';
  if (error instanceof CopyCrashed) return 'crashed';
  return error instanceof SessionEnded ? 'ended' : undefined;
}
