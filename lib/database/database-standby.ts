import { Mixin, Stack } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';
import { type DatabaseResource, isCluster, isDatabase, isInstance } from './database-resource';

/**
 * A standby in another availability zone, for the owner of an RDS instance to apply: `database.with(new DatabaseStandby())`.
 * It survives the loss of a zone, typically within 60 to 120 seconds, and no mistake in the data: that reaches it at once.
 *
 * An Aurora cluster fails over to its readers, so there it only refuses a cluster of a single instance.
 *
 * @throws Error when the database says that it has one zone; for a cluster at synth
 */
export class DatabaseStandby extends Mixin {
  public supports(construct: IConstruct): construct is DatabaseResource {
    return isDatabase(construct);
  }

  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    if (isCluster(construct)) construct.node.addValidation({ validate: () => oneInstance(construct) });
    else addStandby(construct);
  }
}

function addStandby(database: rds.CfnDBInstance): void {
  const problems: string[] = [];
  if (known(database.multiAz) === false) {
    problems.push(
      'multiAz is false on the database, and a standby is asked for here, so one would be lost; state it once',
    );
  }
  // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
  if (database.availabilityZone !== undefined) {
    problems.push(
      `it is put into zone ${database.availabilityZone}, and RDS refuses a zone for an instance with a standby; ` +
        'take availabilityZone off the database',
    );
  }
  refuseAll(`database '${database.node.path}'`, problems);
  database.multiAz = true;
}

/** Seen at synth, when all members are there. A cluster whose members are made elsewhere, or of itself, is not judged. */
function oneInstance(cluster: rds.CfnDBCluster): string[] {
  const stack = Stack.of(cluster);
  const written = (value: unknown) => JSON.stringify(stack.resolve(value));
  const members = stack.node
    .findAll()
    .filter((construct) => isInstance(construct) && written(construct.dbClusterIdentifier) === written(cluster.ref));
  if (members.length !== 1) return [];
  return [
    `cluster '${cluster.node.path}' has a single instance, so there is none to fail over to, and a lost zone is an outage ` +
      'until another one is made; add a reader',
  ];
}
