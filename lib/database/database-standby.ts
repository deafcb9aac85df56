import { Mixin, Stack } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';
import { type DatabaseResource, isCluster, isDatabase, isInstance } from './database-resource';

/**
 * A standby in another availability zone. The owner of an RDS instance applies it:
 * `database.with(new DatabaseStandby())`. RDS fails over to it when a zone is lost, typically within 60 to 120 seconds.
 * It does not protect from mistakes in the data, which reach it at once.
 *
 * An Aurora cluster fails over to its readers, so a cluster of a single instance is refused.
 *
 * @throws Error when the database states a single zone; for a cluster at synth
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
    problems.push("'multiAz' is false on the database, and DatabaseStandby sets it to true; remove one of the two");
  }
  // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
  if (database.availabilityZone !== undefined) {
    problems.push(
      `'availabilityZone' is ${database.availabilityZone}, and RDS refuses a zone for an instance with a standby; ` +
        'remove it from the database',
    );
  }
  refuseAll(`database '${database.node.path}'`, problems);
  database.multiAz = true;
}

/** Checked at synth, when all members exist. A cluster without members in this stack is not checked. */
function oneInstance(cluster: rds.CfnDBCluster): string[] {
  const stack = Stack.of(cluster);
  const written = (value: unknown) => JSON.stringify(stack.resolve(value));
  const members = stack.node
    .findAll()
    .filter((construct) => isInstance(construct) && written(construct.dbClusterIdentifier) === written(cluster.ref));
  if (members.length !== 1) return [];
  return [
    `cluster '${cluster.node.path}' has a single instance, so it can't fail over, and the loss of a zone is an outage ` +
      'until another instance is created; add a reader',
  ];
}
