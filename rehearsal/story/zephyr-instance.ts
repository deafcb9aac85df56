/** Zephyr's database as an RDS instance of the rehearsal: everything is done through the RDS API. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateDBInstanceCommand,
  type DBInstance,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeEventsCommand,
  ModifyDBInstanceCommand,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { zephyr } from '../../examples/zephyr/plan';
import type { Connection } from '../../lambda/examiner/protocol';
import { FAILURES } from '../../lambda/rds/instance';
import type { Region } from '../region';
import { type CopyRoundEvents, copyRound } from '../runbooks/copy-round';
import { rdsClient } from '../server/clients';

export const REGION = 'us-east-1';
export const OTHER_REGION = 'us-west-2';
export const INSTANCE = 'zephyr-production-db';
export const INSTANCE_CLASS = 'db.t3.large';
/** A rehearsal accepts any account and any key. */
export const ARN = `arn:aws:rds:${REGION}:123456789012:db:${INSTANCE}`;
const OTHER_KEY = `arn:aws:kms:${OTHER_REGION}:123456789012:alias/lifeboat-zephyr`;
const OWNER = { user: 'zephyr', password: 'only-for-rehearsals', database: zephyr.database };

export class ZephyrInstance {
  private readonly rds: RDSClient;

  constructor(private readonly region: Region) {
    this.rds = rdsClient(region.clients(REGION));
  }

  /** Creates it as its guide says, and waits until it is available. */
  async create(): Promise<Connection> {
    await this.rds.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: INSTANCE,
        DBInstanceClass: INSTANCE_CLASS,
        Engine: 'postgres',
        AllocatedStorage: 100,
        MasterUsername: OWNER.user,
        MasterUserPassword: OWNER.password,
        DBName: OWNER.database,
        BackupRetentionPeriod: 30,
        PreferredBackupWindow: '03:00-04:00',
        PreferredMaintenanceWindow: 'sun:04:00-sun:05:00',
        DeletionProtection: true,
      }),
    );
    return { ...(await this.available()), ...OWNER };
  }

  /** Copies all its snapshots into the other region, as `BackupCopy.snapshots()` does. @returns how many */
  async copySnapshots(events: CopyRoundEvents): Promise<number> {
    const { copied } = await copyRound(
      this.region,
      {
        plan: 'Zephyr',
        target: 'Polls',
        copy: 'Snapshots',
        source: { kind: 'automated', region: REGION, instance: INSTANCE, arn: ARN },
        destination: { region: OTHER_REGION, key: OTHER_KEY },
        keepSeconds: 7 * 86_400,
        shareWith: [],
      },
      events,
    );
    return copied.length;
  }

  /** Deletes it, and with it all its backups in its region. */
  async delete(): Promise<void> {
    const DBInstanceIdentifier = INSTANCE;
    await this.rds.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier, DeletionProtection: false, ApplyImmediately: true }),
    );
    await this.available();
    await this.rds.send(
      new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true, DeleteAutomatedBackups: true }),
    );
    while (await this.look()) await sleep(20);
  }

  /** Waits until it is available. */
  async available(): Promise<{ host: string; port: number }> {
    for (;;) {
      const { DBInstanceStatus, Endpoint } = (await this.look()) ?? {};
      if (DBInstanceStatus === 'available' && Endpoint?.Address && Endpoint.Port) {
        return { host: Endpoint.Address, port: Endpoint.Port };
      }
      await sleep(50);
    }
  }

  /**
   * @returns the instance, undefined once it is gone
   * @throws Error with its last RDS event, when it is in a status that it does not leave by itself
   */
  async look(): Promise<DBInstance | undefined> {
    const { DBInstances = [] } = await this.rds.send(new DescribeDBInstancesCommand({}));
    const instance = DBInstances.find(({ DBInstanceIdentifier }) => DBInstanceIdentifier === INSTANCE);
    const status = instance?.DBInstanceStatus ?? '';
    if (!FAILURES.includes(status)) return instance;
    const { Events = [] } = await this.rds.send(
      new DescribeEventsCommand({ SourceIdentifier: INSTANCE, SourceType: 'db-instance' }),
    );
    throw new Error(
      `${INSTANCE} is '${status}'; its last event: ${Events.at(-1)?.Message ?? 'none'}. Correct that and start again; with ` +
        `--keep, the log of its server stays in ${this.region.folder}`,
    );
  }
}
