import { ArnFormat, Stack, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { automatedSnapshots, type SnapshotCopyDefinition, snapshotCopies } from '../../lambda/contract';
import { SourceDatabase } from '../database/source-database';
import { accountIdProblem } from '../synth/names';
import { asKept } from '../synth/tokens';

export interface SharedSnapshotsOptions {
  /** 12-digit ID of the account that shares its copies. */
  readonly account: string;
  /** Identifier of the database there. */
  readonly instanceIdentifier: string;
}

/** Which snapshots are copied. */
export class SnapshotSource {
  /** Automated snapshots of a database in the construct's own region: about one a day. */
  public static automated(database: rds.IDatabaseInstance): SnapshotSource {
    return new SnapshotSource('automated', new SourceDatabase(database).identifier, undefined, database);
  }

  /**
   * Copies that a `SnapshotCopy` of another account shares with this one, in the construct's own region. That account
   * can't change or delete copies of these.
   *
   * @throws Error when the account ID is not valid
   */
  public static shared(options: SharedSnapshotsOptions): SnapshotSource {
    const noAccount = accountIdProblem(options.account, 'no snapshot would be found');
    if (noAccount) throw new Error(`shared snapshots of database '${options.instanceIdentifier}': ${noAccount}`);
    return new SnapshotSource('shared', asKept(options.instanceIdentifier), options.account);
  }

  private constructor(
    public readonly kind: 'automated' | 'shared',
    /** Identifier of the database, in lower case as RDS keeps it. */
    public readonly instance: string,
    /** The account that shares, unless it is the construct's own. */
    public readonly account?: string,
    /** The database, if it is of this account. */
    public readonly database?: rds.IDatabaseInstance,
  ) {}

  /** What synth knows of the database; undefined for one of another account. */
  get sourceDatabase(): SourceDatabase | undefined {
    return this.database && new SourceDatabase(this.database);
  }

  /** The source in the handler's definition. */
  public request(scope: IConstruct): SnapshotCopyDefinition['source'] {
    const { kind, instance, account } = this;
    return { kind, region: Stack.of(scope).region, instance, arn: this.arn(scope, 'db', instance, account) };
  }

  /** ARN pattern of the snapshots that may be copied. That of `orders` does not match those of `orders-archive`. */
  public snapshots(scope: IConstruct): string {
    const { kind, instance, account } = this;
    const name = kind === 'automated' ? automatedSnapshots(instance) : snapshotCopies(instance);
    return this.arn(scope, 'snapshot', name, account);
  }

  public toString(): string {
    return Token.isUnresolved(this.instance) ? (this.database?.node.path ?? 'database') : this.instance;
  }

  private arn(scope: IConstruct, resource: string, resourceName: string, account?: string): string {
    const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
    return Stack.of(scope).formatArn({ service: 'rds', resource, resourceName, account, arnFormat });
  }
}
