import { ArnFormat, Stack, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { automatedSnapshots, type SnapshotCopyDefinition, snapshotCopies } from '../../lambda/contract';
import { SourceDatabase } from '../database/source-database';
import { accountIdProblem } from '../synth/names';
import { asKept } from '../synth/tokens';

export interface SharedSnapshotsOptions {
  /** The account that shares its copies: 12 digits. */
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
   * Copies that a `SnapshotCopy` of another account shares with this one, in the construct's own region. The copies of
   * these are out of that account's reach.
   *
   * @throws Error when the account is none
   */
  public static shared(options: SharedSnapshotsOptions): SnapshotSource {
    const noAccount = accountIdProblem(options.account, 'no snapshot of it would ever be found');
    if (noAccount) throw new Error(`shared snapshots of database '${options.instanceIdentifier}': ${noAccount}`);
    return new SnapshotSource('shared', asKept(options.instanceIdentifier), options.account);
  }

  private constructor(
    public readonly kind: 'automated' | 'shared',
    /** As RDS keeps it: in lower case. */
    public readonly instance: string,
    /** The account that shares, unless it is the construct's own. */
    public readonly account?: string,
    /** The database, where it is one of this account. */
    public readonly database?: rds.IDatabaseInstance,
  ) {}

  /** What synth knows of the database: nothing of one in another account. */
  get sourceDatabase(): SourceDatabase | undefined {
    return this.database && new SourceDatabase(this.database);
  }

  /** As the handler is told. */
  public request(scope: IConstruct): SnapshotCopyDefinition['source'] {
    const { kind, instance, account } = this;
    return { kind, region: Stack.of(scope).region, instance, arn: this.arn(scope, 'db', instance, account) };
  }

  /** Snapshots that may be copied, as IAM has them. The pattern leaves out those of `orders-archive`. */
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
