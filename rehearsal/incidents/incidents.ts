/**
 * The incidents that can be rehearsed. Each really happens on Zephyr's database, while the application reads and
 * writes; then the shipped runbook recovers what it can, and the account says what was lost.
 */
import type { TableWay } from '../../lambda/contract';
import type { Connection } from '../../lambda/examiner/protocol';
import { connect } from '../story/zephyr-data';

export const INCIDENTS = ['delete-without-where', 'bad-migration', 'dropped-table', 'corrupt-page'] as const;
export type IncidentName = (typeof INCIDENTS)[number];

/** What an incident does to the database that is in use. */
export interface Scene {
  readonly database: Connection;
  /** Damages one page of a table on disk, as failing storage does. @returns the block */
  damagePage(table: string): Promise<number>;
}

export interface Incident {
  readonly title: string;
  /** Makes it happen. @returns what happened, in a sentence */
  happen(scene: Scene): Promise<string>;
  readonly recovery:
    | { readonly of: 'tables'; readonly tables: readonly string[]; readonly way: TableWay }
    | { readonly of: 'database'; readonly cutOver: 'secret' | 'rename' };
  /** Whether the story ends by taking the recovery back, to show the way back. */
  readonly takenBack?: true;
}

export const incidents: Readonly<Record<IncidentName, Incident>> = {
  'delete-without-where': {
    title: 'Somebody runs DELETE FROM votes, and forgets WHERE',
    happen: async ({ database }) =>
      `DELETE FROM votes: ${many(await run(database, 'DELETE FROM votes'))} rows are gone`,
    recovery: { of: 'tables', tables: ['votes'], way: 'insert-missing' },
  },
  'bad-migration': {
    title: 'A migration sets every choice to 1',
    happen: async ({ database }) => {
      const rows = await run(database, 'UPDATE votes SET choice = 1 WHERE choice <> 1');
      return `UPDATE votes SET choice = 1: ${many(rows)} votes are wrong`;
    },
    recovery: { of: 'tables', tables: ['votes'], way: 'swap' },
    takenBack: true,
  },
  'dropped-table': {
    title: 'Somebody drops the table votes, on the wrong server',
    happen: async ({ database }) => {
      await run(database, 'DROP TABLE votes');
      return 'DROP TABLE votes: the table is gone, with its indexes and its foreign keys';
    },
    recovery: { of: 'database', cutOver: 'rename' },
  },
  'corrupt-page': {
    title: 'Storage damages a page of votes',
    happen: async (scene) => `block ${await scene.damagePage('votes')} of votes has a wrong checksum on disk`,
    recovery: { of: 'database', cutOver: 'secret' },
    takenBack: true,
  },
};

const many = (count: number) => count.toLocaleString('en');

async function run(to: Connection, sql: string): Promise<number> {
  const client = await connect(to);
  try {
    return (await client.query(sql)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}
