/**
 * What a drill is made of, done by hand: the restore, asking until the copy is available, and the checks of
 * zephyr-plan.ts as plain SQL on two connections.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  type RDSClient,
  RestoreDBInstanceToPointInTimeCommand,
} from '@aws-sdk/client-rds';
import type { Connection } from '../../lambda/examiner/protocol';
import { connect } from '../../rehearsal/story/zephyr-data';

const COPY = 'zephyr-by-hand';
const CONNECTIONS = 2;
const ASKING_MS = 10;

/** Each fails or gives false where something is wrong. The longest come first. */
const checks = (restored: Date): readonly string[] => [
  "SELECT bt_index_check('votes_once', true)",
  "SELECT bt_index_check('votes_pkey', true)",
  "SELECT bt_index_check('votes_created_at', true)",
  `SELECT count(*) = 0 FROM votes v WHERE NOT EXISTS (SELECT FROM polls p WHERE p.id = v.poll_id)`,
  `SELECT count(*) = 0 FROM votes v WHERE NOT EXISTS (SELECT FROM participants p WHERE p.id = v.participant_id)`,
  "SELECT count(*) = 0 FROM verify_heapam('votes')",
  'SELECT count(*) >= 1 FROM votes',
  `SELECT count(*) = 0 FROM votes WHERE created_at > '${restored.toISOString()}'`,
  "SELECT count(*) = 0 FROM verify_heapam('polls')",
  "SELECT count(*) = 0 FROM verify_heapam('participants')",
  "SELECT count(*) = 0 FROM verify_heapam('audit_logs')",
  "SELECT bt_index_check('polls_pkey', true)",
  "SELECT bt_index_check('polls_room_code', true)",
  "SELECT bt_index_check('polls_created_at', true)",
  "SELECT bt_index_check('participants_pkey', true)",
  "SELECT bt_index_check('audit_logs_pkey', true)",
  "SELECT bt_index_check('audit_logs_created_at', true)",
  `SELECT count(*) = 0 FROM audit_logs a
   WHERE poll_id IS NOT NULL AND NOT EXISTS (SELECT FROM polls p WHERE p.id = a.poll_id)`,
  'SELECT count(*) >= 1 FROM polls',
  'SELECT count(*) >= 1 FROM participants',
  'SELECT count(*) >= 1 FROM audit_logs',
  `SELECT max(created_at) >= '${restored.toISOString()}'::timestamptz - interval '1 day' FROM polls`,
  `SELECT count(*) = 0 FROM polls WHERE created_at > '${restored.toISOString()}'`,
  `SELECT count(*) = 0 FROM audit_logs WHERE created_at > '${restored.toISOString()}'`,
  `SELECT EXISTS (SELECT FROM polls) AND EXISTS (SELECT FROM participants)
   AND EXISTS (SELECT FROM votes) AND EXISTS (SELECT FROM audit_logs)`,
];

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
  const queue = [...checks(restored)];
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(copy)));
  try {
    await clients[0]?.query('CREATE EXTENSION IF NOT EXISTS amcheck');
    const work = clients.map(async (client) => {
      for (let sql = queue.shift(); sql; sql = queue.shift()) {
        const { rows } = await client.query({ text: sql, rowMode: 'array' });
        if (rows[0]?.[0] === false) throw new Error(`the copy made by hand does not pass: ${sql}`);
      }
    });
    await Promise.all(work);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
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
