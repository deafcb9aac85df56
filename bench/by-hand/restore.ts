/**
 * What a drill is made of, done by hand: the restore, asking until the copy is available, and its checks as plain SQL on
 * two connections.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  type RDSClient,
  RestoreDBInstanceToPointInTimeCommand,
} from '@aws-sdk/client-rds';
import type { Client } from 'pg';
import type { Connection } from '../../lambda/examiner/protocol';
import { connect } from '../../rehearsal/story/zephyr-data';
import { CATALOGS, EXTENSIONS, phases, type Statement, TOAST } from './checks';

const COPY = 'zephyr-by-hand';
const CONNECTIONS = 2;
const ASKING_MS = 10;

/** Restores and checks. The copy is left, for `deleteCopy`. */
export async function restoreByHand(
  rds: RDSClient,
  source: string,
  to: Date,
  as: Pick<Connection, 'user' | 'password' | 'database'>,
): Promise<void> {
  await rds.send(
    new RestoreDBInstanceToPointInTimeCommand({
      SourceDBInstanceIdentifier: source,
      TargetDBInstanceIdentifier: COPY,
      RestoreTime: to,
      BackupRetentionPeriod: 0,
      DeletionProtection: false,
    }),
  );
  await check({ ...(await available(rds)), ...as }, to);
}

async function available(rds: RDSClient): Promise<{ host: string; port: number }> {
  for (;;) {
    const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: COPY }));
    const { DBInstanceStatus: status, Endpoint: endpoint } = DBInstances?.[0] ?? {};
    if (status === 'available' && endpoint?.Address && endpoint.Port) {
      return { host: endpoint.Address, port: endpoint.Port };
    }
    if (status !== 'creating')
      throw new Error(`the copy made by hand is ${status}, so there is nothing to compare with`);
    await sleep(ASKING_MS);
  }
}

async function check(copy: Connection, restored: Date): Promise<void> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(copy)));
  const [first] = clients;
  try {
    for (const extension of EXTENSIONS) await first!.query(`CREATE EXTENSION IF NOT EXISTS ${extension}`);
    const written = async (sql: string): Promise<string[]> =>
      (await first!.query({ text: sql, rowMode: 'array' })).rows.map(([statement]) => statement);
    for (const phase of phases(restored.toISOString(), await written(CATALOGS), await written(TOAST))) {
      const queue = [...phase];
      await Promise.all(clients.map((client) => work(client, queue)));
    }
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

async function work(client: Client, queue: Statement[]): Promise<void> {
  for (let sql = queue.shift(); sql; sql = queue.shift()) {
    // Several statements in one query are one transaction, and give one result each.
    const results = [await client.query({ text: sql, rowMode: 'array' })].flat();
    if (results.at(-1)?.rows[0]?.[0] === false) throw new Error(`the copy made by hand does not pass: ${sql}`);
  }
}

export async function deleteCopy(rds: RDSClient): Promise<void> {
  const name = { DBInstanceIdentifier: COPY };
  await rds.send(new DeleteDBInstanceCommand({ ...name, SkipFinalSnapshot: true }));
  for (;;) {
    try {
      await rds.send(new DescribeDBInstancesCommand(name));
    } catch (error) {
      if (error instanceof Error && error.name.startsWith('DBInstanceNotFound')) return;
      throw error;
    }
    await sleep(ASKING_MS);
  }
}
