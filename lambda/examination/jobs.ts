/** The objects that a call is to look at, listed anew from the copy's catalogs. */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { CannotCheck, whatDamagedCatalogSaid } from '../examiner/catalog';
import type { Deadline } from '../examiner/deadline';
import type { Context, Detector, Piece } from '../examiner/detector';
import { type CopyFacts, NEVER_RELEASED } from '../examiner/facts';
import type { CheckTask, Work } from '../examiner/protocol';
import type { Session } from '../examiner/session';
import { explain, failedAs } from './explain';
import { listObjects } from './objects';
import { Tally } from './tally';

export interface Job {
  readonly work: Work;
  readonly detector: Detector;
  readonly piece: Piece;
  readonly context: Context;
}

export class Jobs {
  readonly tally = new Tally((check) => this.checkOf(check).kind);

  constructor(
    private readonly task: CheckTask,
    private readonly detectors: readonly Detector[],
    private readonly deadline: Deadline,
  ) {}

  /** Of one piece of work; what can't be listed is told. */
  async of(work: Work, facts: CopyFacts, leader: Session): Promise<Job[]> {
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
    const list = { oid: 0, name: `the list of objects of '${detector.name}'`, bytes: 0 };
    let pieces: Piece[];
    try {
      const listed = await this.pieces(detector, work, facts, leader);
      pieces = listed.pieces;
      if (listed.damage) {
        const said = await whatDamagedCatalogSaid(leader, listed.damage);
        this.tally.add(work, list, { verdicts: failedAs(said, detector, context) });
      }
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      // Which objects there are is unknown, so none of them is examined.
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

  private async pieces(detector: Detector, work: Work, facts: CopyFacts, leader: Session) {
    if (!work.oids) return { pieces: [{ oid: 0, name: '', bytes: work.bytes }] };
    const listed = detector.objects?.(facts);
    if (listed === undefined) throw new CannotCheck(`detector '${detector.name}' has no objects here`);
    const [from, to] = work.oids;
    const { rows = [], damage } = await listObjects(
      leader,
      `SELECT oid, name, bytes FROM (${listed}) AS o WHERE oid BETWEEN ${from} AND ${to} ORDER BY oid`,
    );
    const pieces = rows.map(
      ([oid, name, bytes]): Piece => ({ oid: Number(oid), name: name!, bytes: Number(bytes), blocks: work.blocks }),
    );
    return { pieces, damage };
  }

  detectorOf(name: string): Detector {
    const found = this.detectors.find((detector) => detector.name === name);
    if (!found) throw new Error(`there is no detector '${name}'; conductor and examiner are of different versions`);
    return found;
  }

  checkOf(index: number): Check {
    const check = this.task.checks[index];
    if (!check) throw new Error(`the request has no check number ${index}`);
    return check;
  }
}
