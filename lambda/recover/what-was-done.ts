/** Reads a run's documents: what it changed, and what was there before. Only signed and linked ones count. */
import type { RecoveryDocument } from '../contract';
import type { RecoveryChain } from '../evidence/recovery-chain';
import type { FenceBefore } from '../live/protocol';
import type { Counts } from './compare';
import { INTENT_OF_CUT_OVER, type Sides } from './cut-over';
import { type FencedSide, fenceName } from './fence';
import { COUNTS, DAMAGED, RECOVERED } from './story';

export interface Done {
  /** The run that sent applications away: where an earlier rollback is gone on with, the run that this was of. */
  readonly run: string;
  /** Around the damaged database; null where there was none. */
  readonly fence: FencedSide | null;
  /** Intent documents of ways, in the order in which they were begun. */
  readonly ways: readonly RecoveryDocument[];
  /** Null where nobody was sent to the recovered database. */
  readonly cutOver: (Sides & { readonly counts: Counts; readonly moment: string }) | null;
  /** Around the recovered database, of an earlier rollback. */
  readonly fenceOfRecovered: FencedSide | null;
}

/** @throws when there is nothing to roll back, or it is too late */
export async function whatWasDone(chain: RecoveryChain, run: string, now: Date, holdSeconds: number): Promise<Done> {
  const own = await chain.ofRun(run);
  const { request } = (named(own, 'started')?.values ?? {}) as { request?: { action: string; run?: string } };
  const original = request?.action === 'roll-back' ? request.run : undefined;
  const documents = original === undefined ? own : await chain.ofRun(original);
  const ended = named(documents, 'report')?.written;
  if (ended !== undefined && now.getTime() > Date.parse(ended) + holdSeconds * 1000) {
    throw new Error(
      `run ${run} ended at ${ended}, and can be rolled back for ${holdSeconds} s, so it is too late; recover to a point in time, or ` +
        'cut over by hand',
    );
  }
  const fence = fenceIn(documents, DAMAGED, original ?? run);
  const ways = documents.filter(({ kind, name }) => kind === 'intent' && name.startsWith(INTENT_OF_CUT_OVER));
  if (!fence && ways.length === 0) {
    throw new Error(
      `run ${run} has changed nothing of production that its documents tell, so there is nothing to roll back`,
    );
  }
  const counted = named(documents, COUNTS);
  return {
    run: original ?? run,
    fence,
    ways,
    // Without an intent, no way was begun.
    cutOver: counted && ways.length > 0 ? (counted.values as unknown as Done['cutOver']) : null,
    fenceOfRecovered: original === undefined ? null : fenceIn(own, RECOVERED, run),
  };
}

const named = (documents: readonly RecoveryDocument[], name: string) =>
  documents.find((document) => document.name === name);

function fenceIn(documents: readonly RecoveryDocument[], title: string, fencedBy: string): FencedSide | null {
  const values = named(documents, fenceName(title))?.values as { resourceId: string; before: FenceBefore } | undefined;
  return values ? { ...values, fencedBy } : null;
}
