/** Checks at synth whether RDS can create a replica of a database in another region. */
import { Annotations, CfnResource, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { type SourceDatabase, STATE_IDENTIFIER } from '../database/source-database';
import { refusal } from '../synth/problems';
import { known } from '../synth/tokens';
import type { RecoveryRegion } from './recovery-region';

/**
 * How many replicas RDS allows for one source.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.html
 */
const MAX_REPLICAS: readonly (readonly [engine: RegExp, replicas: number])[] = [
  [/^(mariadb|mysql|postgres)$/, 15],
  [/^db2-(ae|se)$/, 3],
  // Only the editions with Active Data Guard and Always On replicate.
  [/^oracle-ee(-cdb)?$/, 5],
  [/^sqlserver-ee$/, 5],
];

const PARAMETER_GROUP = 'AWS::RDS::DBParameterGroup';

/**
 * @returns the source's identifier for the replica's stack
 * @throws Error that lists all problems of a replica there that synth can find
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
      "its identifier is unknown until deployment, and the replica's stack must deploy without this one; " +
        STATE_IDENTIFIER,
    );
  }
  if (Token.isUnresolved(sourceRegion)) {
    problems.push(
      "its region is unknown until deployment, and the replica's stack needs it; create its stack with env: { region }",
    );
  }
  if (sourceRegion === region.name) {
    problems.push(`${region} is the database's own region, so the replica would be lost with it; use another region`);
  }
  if (engine !== undefined && !MAX_REPLICAS.some(([engines]) => engines.test(engine))) {
    problems.push(
      `it runs ${engine}, and RDS has no cross-region replicas of that; replicate its backups, or copy its snapshots`,
    );
  }
  if (retentionDays === 0) {
    problems.push(
      'its backup retention is 0 days, and RDS creates replicas only of databases with backups; set 1 to 35 days',
    );
  }
  if (known(resource?.manageMasterUserPassword) === true && !engine?.startsWith('sqlserver')) {
    problems.push(
      "'manageMasterUserPassword' is true, and RDS creates no replicas of such databases, except of SQL Server; keep the " +
        'password in a secret of your own',
    );
  }
  if (name === undefined || problems.length > 0) {
    throw refusal(`database '${path}' can't have a replica in ${region}`, problems);
  }
  return name;
}

/** Counts the source's replicas in the app once it is complete, and warns of settings that they don't inherit. */
export function limitReplicas(replica: IConstruct, source: SourceDatabase): void {
  warnOfDefaultParameters(replica, source);
  const most = MAX_REPLICAS.find(([engines]) => engines.test(source.engine ?? ''))?.[1] ?? 15;
  replica.node.addValidation({
    validate: () => {
      const count = replica.node.root.node.findAll().filter((one) => isReplicaOf(one, source)).length;
      if (count <= most) return [];
      return [
        `database '${source.name}' has ${count} replicas in this app, and RDS allows ${most}; remove ` +
          `${count - most}, or replicate from a replica`,
      ];
    },
  });
}

/**
 * Parameter groups belong to one region, so a replica does not inherit its source's.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.XRgn.html
 */
function warnOfDefaultParameters(replica: IConstruct, { resource }: SourceDatabase): void {
  const group = resource && ownParameterGroup(resource);
  const { dbParameterGroupName } = replica.node.findChild('Instance') as rds.CfnDBInstance;
  if (group === undefined || dbParameterGroupName !== undefined) return;
  Annotations.of(replica).addWarningV2(
    'lifeboat:replica-without-parameter-group',
    `'parameterGroupName' is missing, and the source's parameter group ${group} does not exist in the replica's region, so the replica ` +
      "runs with the engine's defaults, also once it is promoted; create a group there, and state it",
  );
}

/** The group's name, or its path in this app; undefined for a default group, or if unknown at synth. */
function ownParameterGroup({ dbParameterGroupName, stack }: rds.CfnDBInstance): string | undefined {
  const name: unknown = stack.resolve(dbParameterGroupName);
  if (typeof name === 'string') return name.startsWith('default') ? undefined : `'${name}'`;
  const groups = stack.node
    .findAll()
    .filter((one): one is CfnResource => CfnResource.isCfnResource(one) && one.cfnResourceType === PARAMETER_GROUP);
  const found = groups.find(({ ref }) => JSON.stringify(stack.resolve(ref)) === JSON.stringify(name));
  return found && `'${found.node.path}'`;
}

function isReplicaOf(construct: IConstruct, { name, resource }: SourceDatabase): boolean {
  if (!CfnResource.isCfnResource(construct) || construct.cfnResourceType !== 'AWS::RDS::DBInstance') return false;
  const { stack, sourceDbInstanceIdentifier: named } = construct as rds.CfnDBInstance;
  if (named === undefined) return false;
  const text = JSON.stringify(stack.resolve(named)).replace(/"\]?\]?\}?$/, '');
  if (text.endsWith(`:db:${name}`) || text.endsWith(`"${name}`)) return true;
  return resource !== undefined && stack === resource.stack && text.includes(stack.getLogicalId(resource));
}
