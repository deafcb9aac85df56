/** A rehearsal region for the tests of a file, with what they need to talk to it and to its databases. */
import {
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  type DBInstance,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  DescribeEventsCommand,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { Client, type QueryResultRow } from 'pg';
import { type Region, type RegionOptions, serveRegion } from '../../rehearsal/region';
import { rdsClient } from '../../rehearsal/server/clients';

export const MASTER = { user: 'owner', password: 'first-password' };

export class LocalRegion {
  public readonly rds: RDSClient;

  constructor(
    public readonly region: Region,
    public readonly name = 'eu-central-1',
  ) {
    this.rds = rdsClient(region.clients(name));
  }

  /** Creates a database, and waits until it is available. */
  public async createDatabase(
    DBInstanceIdentifier: string,
    more: Partial<CreateDBInstanceCommandInput> = {},
  ): Promise<DBInstance> {
    await this.rds.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier,
        Engine: 'postgres',
        DBInstanceClass: 'db.t3.micro',
        MasterUsername: MASTER.user,
        MasterUserPassword: MASTER.password,
        DBName: 'shop',
        BackupRetentionPeriod: 7,
        ...more,
      }),
    );
    return this.available(DBInstanceIdentifier);
  }

  public async describe(DBInstanceIdentifier: string): Promise<DBInstance> {
    const answer = await this.rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier }));
    return answer.DBInstances![0]!;
  }

  /** Waits until an instance is available and nothing is pending; fails at once with what the events say. */
  public async available(identifier: string): Promise<DBInstance> {
    for (;;) {
      const instance = await this.describe(identifier);
      const { DBInstanceStatus: status, PendingModifiedValues: pending } = instance;
      if (status === 'available' && Object.keys(pending ?? {}).length === 0) return instance;
      if (/fail|incompatible|error/.test(status!))
        throw new Error(`${identifier} is ${status}: ${await this.events(identifier)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  public async gone(identifier: string): Promise<void> {
    while (this.region.instances(this.name).includes(identifier))
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  public async snapshotAvailable(DBSnapshotIdentifier: string): Promise<void> {
    for (;;) {
      const { DBSnapshots } = await this.rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }));
      if (DBSnapshots![0]!.Status === 'available') return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  public async events(SourceIdentifier: string): Promise<string[]> {
    const { Events } = await this.rds.send(new DescribeEventsCommand({ SourceIdentifier, SourceType: 'db-instance' }));
    return Events!.map(({ Message }) => Message!);
  }

  public async snapshotEvents(SourceIdentifier: string): Promise<string[]> {
    const { Events } = await this.rds.send(new DescribeEventsCommand({ SourceIdentifier, SourceType: 'db-snapshot' }));
    return Events!.map(({ Message }) => Message!);
  }

  /** Runs a statement as the master user. */
  public async query<Row extends QueryResultRow>(
    { Endpoint }: DBInstance,
    sql: string,
    password = MASTER.password,
  ): Promise<Row[]> {
    const client = new Client({
      host: Endpoint!.Address,
      port: Endpoint!.Port,
      user: MASTER.user,
      password,
      database: 'shop',
    });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}

/** Serves a region for the tests of a file; a function, since it runs only once the tests do. */
export function useRegion(options: RegionOptions = {}): () => LocalRegion {
  let local: LocalRegion | undefined;
  beforeAll(async () => {
    local = new LocalRegion(await serveRegion(options));
  });
  afterAll(() => local?.region.close());
  return () => {
    if (!local) throw new Error('the region runs only inside tests; call this from a test');
    return local;
  };
}
