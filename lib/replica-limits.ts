/** Whether RDS makes a replica of a database in another region, told at synth. */
import { CfnResource, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import type { RecoveryRegion } from './recovery-region';
import { known, type SourceDatabase } from './source-database';

/**
 * Replicas of one source.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.html
 */
const MOST_REPLICAS: readonly (readonly [engine: RegExp, replicas: number])[] = [
  [/^(mariadb|mysql|postgres)$/, 15],
  [/^db2-(ae|se)$/, 3],
  // Only the editions with Active Data Guard and Always On replicate.
  [/^oracle-ee(-cdb)?$/, 5],
  [/^sqlserver-ee$/, 5],
];

/**
 * @returns the name that the replica's stack knows its source by
 * @throws Error that names all that keeps a database from having a replica there, as far as synth can tell
 */
export function refuseReplica(
  source: SourceDatabase,
  region: RecoveryRegion,
  sourceRegion: string,
  path: string,
): string {
  const problems: string[] = [];
  const { engine, name, resource, retentionDays } = source;
  if (name === undefined) {
    problems.push(
      `its identifier is only known at deployment, and the replica's stack must deploy without this one; give it an ` +
        'instanceIdentifier',
    );
  }
  if (Token.isUnresolved(sourceRegion)) {
    problems.push(
      "its region is only known at deployment, and the replica's stack has to name it; give its stack env: { region }",
    );
  }
  if (sourceRegion === region.name) {
    problems.push(`${region} is its own region, so the replica would be lost with it; name another region`);
  }
  if (engine !== undefined && !MOST_REPLICAS.some(([engines]) => engines.test(engine))) {
    problems.push(`RDS makes no replicas of ${engine} in other regions; replicate its backups, or copy its snapshots`);
  }
  if (retentionDays === 0) {
    problems.push('its backup retention is 0 days, and RDS makes replicas of what is backed up only; set 1 to 35 days');
  }
  if (known(resource?.manageMasterUserPassword) === true && !engine?.startsWith('sqlserver')) {
    problems.push(
      'RDS keeps its master password in a secret, and makes no replicas of such databases but of SQL Server; keep the ' +
        'password in a secret of yours',
    );
  }
  if (name === undefined || problems.length > 0) {
    throw new Error(`database '${path}' can't have a replica in ${region}:\n  ${problems.join('\n  ')}`);
  }
  return name;
}

/** Counts the source's replicas in the whole app once it is complete. */
export function limitReplicas(replica: IConstruct, source: SourceDatabase): void {
  const most = MOST_REPLICAS.find(([engines]) => engines.test(source.engine ?? ''))?.[1] ?? 15;
  replica.node.addValidation({
    validate: () => {
      const count = replica.node.root.node.findAll().filter((one) => isReplicaOf(one, source)).length;
      if (count <= most) return [];
      return [
        `database '${source.name}' has ${count} replicas in this app, and RDS makes ${most} of one at most; leave ` +
          `${count - most} out, or replicate from a replica`,
      ];
    },
  });
}

function isReplicaOf(construct: IConstruct, { name, resource }: SourceDatabase): boolean {
  if (!CfnResource.isCfnResource(construct) || construct.cfnResourceType !== 'AWS::RDS::DBInstance') return false;
  const { stack, sourceDbInstanceIdentifier: named } = construct as rds.CfnDBInstance;
  if (named === undefined) return false;
  const text = JSON.stringify(stack.resolve(named)).replace(/"\]?\]?\}?$/, '');
  if (text.endsWith(`:db:${name}`) || text.endsWith(`"${name}`)) return true;
  return resource !== undefined && stack === resource.stack && text.includes(stack.getLogicalId(resource));
}
