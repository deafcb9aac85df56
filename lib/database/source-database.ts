/** What synth knows of a database it was handed: much of one made in this app, little of an imported one. */
import { CfnResource, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { asKept, known } from '../synth/tokens';

/**
 * The remedy where synth does not know what a database is called. Not to name the instance: its identifier is one of the
 * properties whose change makes CloudFormation replace it, with an empty one.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html
 */
export const STATE_IDENTIFIER =
  "state the name that it has (aws rds describe-db-instances) as 'instanceIdentifier' of the plan's database, and not on the " +
  'instance, which CloudFormation would replace with an empty one';

export class SourceDatabase {
  /** The CloudFormation resource, when this app makes it. */
  public readonly resource?: rds.CfnDBInstance;

  /**
   * @param stated its identifier, as its owner states it where CloudFormation generated it
   * @throws Error when it was handed something else, as callers may who have no compiler
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

  /** The identifier as text, for stacks that must not refer to this one. Undefined where only deployment tells it. */
  get name(): string | undefined {
    return this.ownName ?? this.stated?.toLowerCase();
  }

  /** As the database says itself. */
  get ownName(): string | undefined {
    return known(this.resource?.dbInstanceIdentifier ?? this.database.instanceIdentifier)?.toLowerCase();
  }

  get engine(): string | undefined {
    return this.resource?.engine ?? this.database.engine?.engineType;
  }

  /** PostgreSQL's usual one where synth can't tell. */
  get port(): number {
    const port = this.resource ? this.resource.port : this.database.dbInstanceEndpointPort;
    return port !== undefined && !Token.isUnresolved(port) ? Number(port) : 5432;
  }

  /** CDK gives it lazily, so it is unresolved until asked for. */
  get instanceClass(): string | undefined {
    const { resource } = this;
    const instanceClass = resource?.stack.resolve(resource.dbInstanceClass);
    return typeof instanceClass === 'string' ? instanceClass : undefined;
  }

  get retentionDays(): number | undefined {
    return known(this.resource?.backupRetentionPeriod);
  }

  /** ARN of the customer managed key that the resource names. */
  get storageKeyArn(): string | undefined {
    return this.resource?.kmsKeyId;
  }
}

function refuseOthers(database: rds.IDatabaseInstance | undefined): void {
  if (database && 'instanceIdentifier' in database) return;
  if (database && 'clusterIdentifier' in database) {
    const { path } = (database as IConstruct).node;
    throw new Error(
      `'database' is the cluster '${path}', and this works on an RDS instance, so it would find nothing of that name; apply ` +
        'DatabaseBackups to the cluster, or back it up with BackupTiers and BackupTarget.cluster()',
    );
  }
  throw new Error(
    `'database' is ${database === undefined ? 'undefined' : 'no database'}, so nothing would be protected; give it an RDS ` +
      'instance, or DatabaseInstance.fromDatabaseInstanceAttributes() for one that was made elsewhere',
  );
}

/**
 * Whether RDS encrypts it. What is only known at deployment, or comes with a snapshot or a source, is taken for
 * encrypted: copies of it then have a key.
 */
export function isEncrypted(database: rds.CfnDBInstance): boolean {
  const { storageEncrypted, kmsKeyId, dbSnapshotIdentifier, sourceDbInstanceIdentifier } = database;
  if (Token.isUnresolved(storageEncrypted)) return true;
  return Boolean(storageEncrypted ?? kmsKeyId ?? dbSnapshotIdentifier ?? sourceDbInstanceIdentifier);
}
