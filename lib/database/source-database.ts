/** What synth knows of a database: much of one in this app, little of an imported one. */
import { CfnResource, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { asKept, known } from '../synth/tokens';

/**
 * The remedy if an identifier is unknown at synth. It is not to set the identifier on the instance, since that change
 * makes CloudFormation replace the instance with an empty one.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html
 */
export const STATE_IDENTIFIER =
  "state its identifier (aws rds describe-db-instances) as 'instanceIdentifier' of the plan's database, and not on the " +
  'instance, which CloudFormation would replace with an empty one';

export class SourceDatabase {
  /** The CloudFormation resource, if this app creates it. */
  public readonly resource?: rds.CfnDBInstance;

  /**
   * @param stated its identifier as stated by its owner, if CloudFormation generated it
   * @throws Error when `database` is something else, which callers without a compiler may pass
   */
  constructor(
    private readonly database: rds.IDatabaseInstance,
    private readonly stated?: string,
  ) {
    refuseOthers(database);
    const child = database.node.defaultChild;
    if (child && CfnResource.isCfnResource(child) && child.cfnResourceType === 'AWS::RDS::DBInstance') {
      this.resource = child as rds.CfnDBInstance;
    }
  }

  get identifier(): string {
    return asKept(this.database.instanceIdentifier);
  }

  /** The identifier as text, for stacks that must not refer to this one. Undefined if unknown at synth. */
  get name(): string | undefined {
    return this.ownName ?? this.stated?.toLowerCase();
  }

  /** The identifier that the database itself states. */
  get ownName(): string | undefined {
    return known(this.resource?.dbInstanceIdentifier ?? this.database.instanceIdentifier)?.toLowerCase();
  }

  get engine(): string | undefined {
    return this.resource?.engine ?? this.database.engine?.engineType;
  }

  /** PostgreSQL's default port if unknown at synth. */
  get port(): number {
    const port = this.resource ? this.resource.port : this.database.dbInstanceEndpointPort;
    return port !== undefined && !Token.isUnresolved(port) ? Number(port) : 5432;
  }

  /** CDK sets it lazily, so it has to be resolved. */
  get instanceClass(): string | undefined {
    const { resource } = this;
    const instanceClass = resource?.stack.resolve(resource.dbInstanceClass);
    return typeof instanceClass === 'string' ? instanceClass : undefined;
  }

  get retentionDays(): number | undefined {
    return known(this.resource?.backupRetentionPeriod);
  }

  /** ARN of the customer managed key that the resource states. */
  get storageKeyArn(): string | undefined {
    return this.resource?.kmsKeyId;
  }
}

function refuseOthers(database: rds.IDatabaseInstance | undefined): void {
  if (database && 'instanceIdentifier' in database) return;
  if (database && 'clusterIdentifier' in database) {
    const { path } = (database as IConstruct).node;
    throw new Error(
      `'database' is the cluster '${path}', and an RDS instance is needed, so nothing of that name would be found; apply ` +
        'DatabaseBackups to the cluster, call addCluster() of a plan, or back it up with BackupTiers and BackupTarget.cluster()',
    );
  }
  throw new Error(
    `'database' is ${database === undefined ? 'undefined' : 'not a database'}, so nothing would be protected; pass an RDS ` +
      'instance, or DatabaseInstance.fromDatabaseInstanceAttributes() for an existing one',
  );
}

/**
 * Whether RDS encrypts it. If unknown at synth, or inherited from a snapshot or a source, it is assumed to be
 * encrypted, so that copies have a key.
 */
export function isEncrypted(database: rds.CfnDBInstance): boolean {
  const { storageEncrypted, kmsKeyId, dbSnapshotIdentifier, sourceDbInstanceIdentifier } = database;
  if (Token.isUnresolved(storageEncrypted)) return true;
  return Boolean(storageEncrypted ?? kmsKeyId ?? dbSnapshotIdentifier ?? sourceDbInstanceIdentifier);
}
