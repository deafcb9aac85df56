/** Keeps writers out of one of both databases, and sees that they are: before anyone is sent to the other one. */
import type { FenceBefore, FenceLook } from '../live/protocol';
import { fencePassword, type Recovery, type Side } from './recovery';

interface Seen extends FenceLook {
  /** Looks in a row that ended no session and saw no write. */
  readonly quiet: number;
}

/** Looks that must agree, 10 seconds or more apart. */
const QUIET_LOOKS = 2;

/** A side behind a fence, and what lifting that goes back to. */
export interface FencedSide extends Side {
  readonly fencedBy: string;
  readonly before: FenceBefore;
}

/**
 * @param title as in 'the damaged database'
 * @param earlier a fence that an earlier run put up, or began to
 * @returns the side, as it is connected to from now on
 */
export async function putUpFence(
  recovery: Recovery,
  side: Side,
  title: string,
  earlier: FencedSide | null = null,
): Promise<FencedSide> {
  const { runbook, live } = recovery;
  const run = earlier?.fencedBy ?? runbook.id;
  const before =
    earlier?.before ??
    (await runbook.step(`look who may connect to ${title}`, async () =>
      live.fenceBefore({ connection: await recovery.connection(side) }),
    ));
  const fenced = { ...side, fencedBy: run, before };
  await recovery.act(fenceName(title), { resourceId: side.resourceId, before }, async () => {
    const { open } = await runbook.step(`fence ${title}`, async () => {
      const connection = await recovery.connection(side);
      return live.fence({ connection, before, fencePassword: fencePassword(connection.password, run) });
    });
    if (open.length > 0) {
      throw new Error(
        `CONNECT could not be revoked from ${open.join(', ')} in ${title}, so writes could go on there; revoke it as whoever granted ` +
          'it, or deploy the recovery without a fence',
      );
    }
    await runbook.poll(
      `see that nobody writes to ${title}`,
      async (last?: Seen): Promise<Seen> => {
        const seen = await live.fenceLook({ connection: await recovery.connection(fenced) });
        const isQuiet = seen.ended === 0 && (last === undefined || seen.writes === last.writes);
        return { ...seen, quiet: isQuiet ? (last?.quiet ?? 0) + 1 : 0 };
      },
      ({ quiet }) => quiet >= QUIET_LOOKS,
      { hours: 0.5 },
    );
  });
  return fenced;
}

/** The intent document of a fence has this name. */
export const fenceName = (title: string) => `fence of ${title}`;

/** Lets everybody in again who could be before. */
export async function liftFence(recovery: Recovery, fenced: FencedSide, title: string): Promise<Side> {
  const { runbook, live } = recovery;
  const { resourceId, fencedBy, before } = fenced;
  const open = { resourceId };
  await recovery.act(`lift the fence of ${title}`, { resourceId, before }, async () => {
    const { left } = await runbook.step(`let everybody connect to ${title}`, async () => {
      const connection = await recovery.connection(open);
      return live.liftFence({ connection, before, fencePassword: fencePassword(connection.password, fencedBy) });
    });
    recovery.remarks.push(...left);
  });
  return open;
}
