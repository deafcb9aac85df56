/** What an incident happens to: Zephyr's database, its secret, and the application that finds it by the secret. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RebootDBInstanceCommand } from '@aws-sdk/client-rds';
import { CreateSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { zephyr } from '../../examples/zephyr/plan';
import type { Connection } from '../../lambda/examiner/protocol';
import type { Region } from '../region';
import { rdsClient, secretsManagerClient } from '../server/clients';
import { connect } from '../story/zephyr-data';
import { INSTANCE, REGION, type ZephyrInstance } from '../story/zephyr-instance';
import { Application } from './application';
import type { Scene } from './incidents';

/** Where the application finds its database, and what a cut-over changes. */
export const SECRET = 'zephyr/database';

/** What rows are, so that a recovery can be proven to have brought back the same ones. */
export interface Fingerprint {
  /** Only votes up to this id count: the application writes on. */
  readonly upTo: number;
  readonly rows: number;
  readonly sum: string;
}

export class ZephyrScene implements Scene {
  readonly application: Application;

  private constructor(
    private readonly region: Region,
    private readonly instance: ZephyrInstance,
    readonly database: Connection,
  ) {
    this.application = new Application(() => this.found());
  }

  static async set(region: Region, instance: ZephyrInstance, database: Connection): Promise<ZephyrScene> {
    const { host, port, user: username, password } = database;
    const SecretString = JSON.stringify({ host, port, username, password, dbname: database.database });
    await secretsManagerClient(region.clients(REGION)).send(new CreateSecretCommand({ Name: SECRET, SecretString }));
    return new ZephyrScene(region, instance, database);
  }

  /** The database that the secret names. */
  async found(): Promise<Connection> {
    const secrets = secretsManagerClient(this.region.clients(REGION));
    const { SecretString = '{}' } = await secrets.send(new GetSecretValueCommand({ SecretId: SECRET }));
    const { host, port, username, password, dbname } = JSON.parse(SecretString);
    return { host, port: Number(port), user: username, password, database: dbname };
  }

  /**
   * A moment in whole seconds that everything until now was committed before, once it can be restored, so that what
   * comes next is not in it.
   */
  async momentToGoBackTo(): Promise<string> {
    const moment = Math.ceil(Date.now() / 1000) * 1000;
    await sleep(moment + 1000 - Date.now());
    return new Date(moment).toISOString();
  }

  /** RDS restores only what it has archived. */
  async untilRestorable(moment: string): Promise<void> {
    const restorable = async () => (await this.instance.look())?.LatestRestorableTime?.getTime() ?? 0;
    while ((await restorable()) < Date.parse(moment) + 1000) await sleep(50);
  }

  async damagePage(table: string): Promise<number> {
    const block = await this.region.corruptRunningPage(REGION, INSTANCE, zephyr.database, `public.${table}`);
    const rds = rdsClient(this.region.clients(REGION));
    await rds.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: INSTANCE }));
    await this.instance.available();
    return block;
  }
}

/** @param upTo the newest vote when absent */
export async function fingerprintOf(to: Connection, upTo?: number): Promise<Fingerprint> {
  const client = await connect(to);
  try {
    const { rows } = await client.query<{ upto: string; rows: number; sum: string }>(
      `SELECT coalesce($1::bigint, max(id), 0) AS upto, count(*)::int AS rows,
              coalesce(sum(hash_record_extended(v, 0)), 0)::text AS sum
       FROM votes v WHERE $1::bigint IS NULL OR id <= $1`,
      [upTo ?? null],
    );
    const [found] = rows;
    return { upTo: Number(found!.upto), rows: found!.rows, sum: found!.sum };
  } finally {
    await client.end();
  }
}
