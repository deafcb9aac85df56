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
   * @default - the key of an instance of this app; without one, the AWS managed key for RDS
   */
  readonly storageKey?: kms.IKey;
}

/** A database elsewhere. Copies of its backups do not record its class, parameter group or initial database. */
export interface CopiedDatabaseOptions {
  /** Identifier of the database there. */
  readonly instanceIdentifier: string;

  /**
   * Region that its backups were copied from, as in `us-east-1`: the database's own, or, for copies shared by another
   * account, the region in which they were shared.
   */
  readonly region: string;

  /**
   * 12-digit ID of the account that they were copied from.
   *
   * @default - the drill's own
   */
  readonly account?: string;

  /**
   * Class of the database. The recovery time is proven for this class, unless the drill states another.
   *
   * @default - unknown: the drill has to state an `instanceType`, and proves that the backup can be restored, not how
   * fast
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * Parameter group of restored instances, by its name in the drill's region.
   *
   * @default - the default group of the engine's version, which evidence notes
   */
  readonly parameterGroupName?: string;

  /**
   * Port that the database listens on.
   *
   * @default 5432
   */
  readonly port?: number;

  /**
   * ARN of the key that encrypts the copied backups, or of an alias of it. Its key policy must delegate to IAM.
   *
   * @default - the AWS managed key for RDS
   */
  readonly keyArn?: string;
}

/** The backups that a drill restores from. */
export class DrillSource {
  /** Backups of a PostgreSQL instance, of this app or imported, in its own region. The instance is never changed. */
  public static database(database: rds.IDatabaseInstance, options: DrilledDatabaseOptions = {}): DrillSource {
    const source = new SourceDatabase(database);
    const keyArn = options.storageKey?.keyArn ?? source.storageKeyArn;
    return new DrillSource(source.identifier, source.port, keyArn, source.instanceClass, database);
  }

  /**
   * Copies of a database's backups in the drill's region: those of a `SnapshotCopy` for
   * `RestorePoint.latestSnapshot()`, replicated automated backups for moments. The database, its region and its account
   * need not exist any more.
   */
  public static copies(options: CopiedDatabaseOptions): DrillSource {
    const { instanceIdentifier, port = 5432, keyArn, instanceType } = options;
    const instanceClass = instanceType && `db.${instanceType}`;
    return new DrillSource(asKept(instanceIdentifier), port, keyArn, instanceClass, undefined, options);
  }

  private constructor(
    /** Identifier of the database, in lower case as RDS keeps it. */
    public readonly identifier: string,
    public readonly port: number,
    /** The customer managed key of the backups, if there is one. */
    public readonly keyArn: string | undefined,
    /** The source's class, if known at synth. */
    public readonly instanceClass: string | undefined,
    /** The database, if it is in the drill's own region. */
    public readonly database?: rds.IDatabaseInstance,
    private readonly copied?: CopiedDatabaseOptions,
  ) {}

  /** The account that copies were taken from, if it isn't the drill's own. */
  public get account(): string | undefined {
    return this.copied?.account;
  }

  /** What synth knows of the database; undefined for one elsewhere. */
  get sourceDatabase(): SourceDatabase | undefined {
    return this.database && new SourceDatabase(this.database);
  }

  /** The source in the runbook's definition. */
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
