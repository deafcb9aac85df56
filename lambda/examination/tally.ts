/** Adds up what was found out about the objects of a call, for each piece of work and each check that it serves. */
import type { Examined, Piece, Verdict } from '../examiner/detector';
import { printable } from '../examiner/postgres-error';
import { type Checked, type Finding, NAMED, type Problem, problemsOf, type Work } from '../examiner/protocol';

interface Sum {
  readonly work: Work;
  readonly pieces: Piece[];
  readonly unfinished: Set<number>;
  readonly examined: { readonly piece: Piece; readonly verdicts: readonly Verdict[] }[];
}

export class Tally {
  private readonly sums = new Map<Work, Sum>();
  private readonly rows: [oid: number, rows: number][] = [];
  private readonly left: Work[] = [];

  constructor(private readonly kindOf: (check: number) => Verdict['check']) {}

  begin(work: Work): void {
    this.sums.set(work, { work, pieces: [], unfinished: new Set(), examined: [] });
  }

  /** The objects that there are now. */
  expect(work: Work, pieces: readonly Piece[]): void {
    this.sums.get(work)!.pieces.push(...pieces);
  }

  add(work: Work, piece: Piece, { verdicts, rows }: Examined): void {
    this.sums.get(work)!.examined.push({ piece, verdicts });
    if (rows !== undefined) this.rows.push([piece.oid, rows]);
  }

  /** The time did not suffice for one object, or for the whole work. */
  leave(work: Work, piece?: Piece): void {
    if (piece) this.sums.get(work)!.unfinished.add(piece.oid);
    else {
      this.sums.delete(work);
      this.left.push(work);
    }
  }

  /** Nor did it suffice though the object had its fair part: another call tries it by itself. */
  leaveSlow(work: Work, { oid, bytes }: Piece): void {
    this.left.push({ ...work, ...(work.oids && { oids: [oid, oid] as const }), objects: 1, bytes, slow: true });
  }

  result(): Checked {
    const sums = [...this.sums.values()];
    return {
      findings: sums.flatMap((sum) => sum.work.checks.map((check) => this.finding(sum, check))),
      left: [...this.left, ...sums.flatMap(unfinished)],
      rows: this.rows,
    };
  }

  private finding({ work, examined }: Sum, check: number): Finding {
    const kind = this.kindOf(check);
    const own = examined.flatMap(({ piece, verdicts }) =>
      verdicts.filter((verdict) => verdict.check === kind).map((verdict) => ({ piece, verdict })),
    );
    const problems = (outcome: 'failed' | 'warning' | 'not-run') =>
      problemsOf(own.flatMap(({ piece, verdict }) => (verdict.outcome === outcome ? [named(piece, verdict)] : [])));
    const freshness = own.flatMap(({ verdict }) => verdict.freshnessSeconds ?? []);
    return {
      work,
      check,
      examined: examined.length,
      bytes: examined.reduce((sum, { piece }) => sum + piece.bytes, 0),
      observed: [
        ...new Set(own.flatMap(({ verdict }) => (verdict.outcome === 'passed' ? [verdict.observed] : []))),
      ].slice(0, NAMED),
      failures: problems('failed'),
      warnings: problems('warning'),
      notRun: problems('not-run'),
      ...(freshness.length > 0 && { freshnessSeconds: Math.min(...freshness) }),
    };
  }
}

function named(piece: Piece, { object, observed, expected, remedy }: Problem): Problem {
  const name = object ?? (piece.name || undefined);
  const text = (one: string | undefined) => (one === undefined ? undefined : printable(one));
  return {
    ...(name !== undefined && { object: printable(name) }),
    observed: printable(observed),
    expected: text(expected),
    remedy: text(remedy),
  };
}

/** Objects are worked through in the order of their OIDs, so what is left is one range, or few. */
function unfinished({ work, pieces, unfinished: oids }: Sum): Work[] {
  const ranges: { from: number; to: number; objects: number; bytes: number }[] = [];
  let open = false;
  for (const { oid, bytes } of pieces) {
    const last = ranges[ranges.length - 1];
    if (!oids.has(oid)) open = false;
    else if (open && last) Object.assign(last, { to: oid, objects: last.objects + 1, bytes: last.bytes + bytes });
    else {
      ranges.push({ from: oid, to: oid, objects: 1, bytes });
      open = true;
    }
  }
  return ranges.map(({ from, to, objects, bytes }) => ({
    ...work,
    ...(work.oids && { oids: [from, to] as const }),
    objects,
    bytes,
  }));
}
