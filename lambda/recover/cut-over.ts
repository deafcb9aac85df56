/** Sends applications to another database in every deployed way, and takes that back. */
import type { CutOver, RecoveryDocument } from '../contract';
import type { Before, CutOverWay, Endpoint, Progress, Sent } from '../cut-over/way';
import { notReady } from '../rds/instance';
import { instanceById } from '../rds/known-instance';
import type { Recovery } from './recovery';
import { type Renaming, renameInTurn } from './rename';

/** What the intent document of one way says: all that is needed to take it back. */
export interface SentIntent {
  readonly cutOver: CutOver;
  /** Of a rename: in the order in which they were begun. */
  readonly renamings?: readonly Renaming[];
  /** Of any other way. */
  readonly before?: Before;
  readonly to?: Endpoint;
}

export const INTENT_OF_CUT_OVER = 'cut over by';

export interface Sides {
  /** The damaged database; null where it is gone. */
  readonly damaged: { readonly resourceId: string; readonly instance: string } | null;
  readonly recovered: { readonly resourceId: string; readonly instance: string };
}

export async function cutOverTo(recovery: Recovery, { damaged, recovered }: Sides): Promise<void> {
  const { definition, runbook } = recovery;
  // A rename moves endpoints, so the other ways come after it.
  const ordered = [...definition.cutOver].sort((one, other) => rank(one) - rank(other));
  for (const cutOver of ordered) {
    if (cutOver.kind === 'rename') {
      const name = definition.source.instance;
      const renamings = [
        ...(damaged
          ? [{ resourceId: damaged.resourceId, from: name, to: `${definition.recovered.replacedPrefix}${runbook.id}` }]
          : []),
        { resourceId: recovered.resourceId, from: recovered.instance, to: name },
      ];
      const intent: SentIntent = { cutOver, renamings };
      await recovery.act(`${INTENT_OF_CUT_OVER} rename`, { ...intent }, () => renameInTurn(recovery, renamings));
      continue;
    }
    const way = recovery.ports.way(cutOver);
    const before = await runbook.step(`read ${way.name}`, () => way.read());
    const to = await endpointOf(recovery, recovered.resourceId);
    const intent: SentIntent = { cutOver, before, to };
    await recovery.act(`${INTENT_OF_CUT_OVER} ${way.name}`, { ...intent }, async () => {
      const sent = await runbook.step(`send ${way.name} to '${to.instance}'`, () => way.send(before, to, runbook.id));
      await arrived(recovery, way, sent, before);
    });
  }
}

/** In reverse order, from what the intents of a run say. Each is taken back as far as it was begun. */
export async function takeBack(recovery: Recovery, run: string, intents: readonly RecoveryDocument[]): Promise<void> {
  const { runbook } = recovery;
  for (const { values } of [...intents].reverse()) {
    const { cutOver, renamings, before, to } = values as unknown as SentIntent;
    if (cutOver.kind === 'rename') {
      const back = [...(renamings ?? [])]
        .reverse()
        .map(({ resourceId, from, to: name }) => ({ resourceId, from: name, to: from }));
      await recovery.act('take back the rename', { renamings: back }, () => renameInTurn(recovery, back));
      continue;
    }
    if (!before || !to)
      throw new Error('an intent document lacks what was there before, so it is not taken back; do it by hand');
    const way = recovery.ports.way(cutOver);
    await recovery.act(`take back ${way.name}`, { cutOver, before, to }, async () => {
      const sent = await runbook.step(`take ${way.name} back`, () => way.takeBack(before, to, run));
      await arrived(recovery, way, sent, before);
    });
  }
}

async function arrived(recovery: Recovery, way: CutOverWay, sent: Sent, before: Before): Promise<void> {
  const { runbook, ports } = recovery;
  await runbook.poll(
    `see that ${way.name} has changed`,
    async (): Promise<Progress> => {
      const seen = await way.look(sent);
      if (seen.failed !== undefined) throw new Error(`${way.name}: ${seen.failed}`);
      return seen;
    },
    ({ done }) => done,
    { hours: 1 },
  );
  const settles = way.settles(before);
  if (settles > 0) await pass(recovery, `wait until no client sees the old value of ${way.name}`, settles, ports.clock);
}

/** Lets time pass, whatever is looked at. */
export async function pass({ runbook }: Recovery, name: string, seconds: number, clock: () => number): Promise<void> {
  const until = runbook.now.getTime() + seconds * 1000;
  await runbook.poll(
    name,
    async () => Math.max(0, Math.ceil((until - clock()) / 1000)),
    (left) => left === 0,
    { hours: seconds / 3600 + 1 },
  );
}

export async function endpointOf(recovery: Recovery, resourceId: string): Promise<Endpoint> {
  return recovery.runbook.step(`read where ${resourceId} is`, async () => {
    const found = await instanceById(recovery.ports.rds, resourceId);
    const { Address: host, Port: port } = found?.Endpoint ?? {};
    if (!host || !port) throw notReady(`database ${resourceId} has no endpoint at the moment`);
    return { host, port, instance: found?.DBInstanceIdentifier ?? '', resourceId };
  });
}

const rank = ({ kind }: CutOver) => (kind === 'rename' ? 0 : 1);
