import { ArnFormat, Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import type { DrillDefinition } from '../../lambda/contract';
import { SourceDatabase } from '../database/source-database';
import { asKept } from '../synth/tokens';

export interface DrilledDatabaseOptions {
  /**
   * The key that encrypts the instance. Its key policy must delegate to IAM, as policies of CDK's keys do.
   *
   * @default - the key that an instance of this app names; else the account's own key for RDS
   */
  readonly storageKey?: kms.IKey;
}

/** A database that is elsewhere. Copies of its backups tell neither class nor parameter group nor initial database. */
export interface CopiedDatabaseOptions {
  /** Identifier of the database there. */
  readonly instanceIdentifier: string;

  /**
   * Region that its backups were copied from, as in `us-east-1`: the database's own, or, for copies of what another account
   * shares, the one that they were shared in.
   */
  readonly region: string;

  /**
   * Account that they were copied from: 12 digits.
   *
   * @default - the drill's own
   */
  readonly account?: string;

  /**
   * Class of the database. The recovery time is proven for it, unless the drill names another.
   *
   * @default - unknown: the drill has to name an `instanceType`, and proves that the backup can be restored, not how fast
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * Parameter group for restored copies, by its name in the drill's region.
   *
   * @default - the default one of the engine's version; evidence says so
   */
  readonly parameterGroupName?: string;

  /**
   * Port that the database listens on.
   *
   * @default 5432
   */
  readonly port?: number;

  /**
   * ARN of the key that encrypts the copied backups, or of an alias of it. Its policy must let IAM policies of the account
   * decide.
   *
   * @default - the account's own key for RDS
   */
  readonly keyArn?: string;
}

/** What a drill restores from. */
export class DrillSource {
  /** Backups of a PostgreSQL instance, of this app or imported, in its own region. The instance is only ever read from. */
  public static database(database: rds.IDatabaseInstance, options: DrilledDatabaseOptions = {}): DrillSource {
    const source = new SourceDatabase(database);
    const keyArn = options.storageKey?.keyArn ?? source.storageKeyArn;
    return new DrillSource(source.identifier, source.port, keyArn, source.instanceClass, database);
  }

  /**
   * Copies of a database's backups that lie in the drill's region: those of a `SnapshotCopy` for
   * `RestorePoint.latestSnapshot()`, replicated automated backups for moments. The database, its region and its account
   * may be gone.
   */
  public static copies(options: CopiedDatabaseOptions): DrillSource {
    const { instanceIdentifier, port = 5432, keyArn, instanceType } = options;
    const instanceClass = instanceType && `db.${instanceType}`;
    return new DrillSource(asKept(instanceIdentifier), port, keyArn, instanceClass, undefined, options);
  }

  private constructor(
    /** As RDS keeps it: in lower case. */
    public readonly identifier: string,
    public readonly port: number,
    /** The customer managed key that encrypts what is restored, if one does. */
    public readonly keyArn: string | undefined,
    /** The source's class, where synth knows it. */
    public readonly instanceClass: string | undefined,
    /** The database, where it is in the drill's own region. */
    public readonly database?: rds.IDatabaseInstance,
    private readonly copied?: CopiedDatabaseOptions,
  ) {}

  /** The account that copies were taken from, where it isn't the drill's own. */
  public get account(): string | undefined {
    return this.copied?.account;
  }

  /** What synth knows of the database: nothing of one elsewhere. */
  get sourceDatabase(): SourceDatabase | undefined {
    return this.database && new SourceDatabase(this.database);
  }

  /** As the runbook is told. */
  public definition(scope: IConstruct): DrillDefinition['source'] {
    const { identifier: instance, instanceClass, copied } = this;
    if (!copied) return { instance };
    const from = Stack.of(scope).formatArn({
      service: 'rds',
      region: copied.region,
      account: copied.account,
      resource: 'db',
      resourceName: instance,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return {
      instance,
      copied: { from, instanceClass, parameterGroup: copied.parameterGroupName },
    };
  }
}
