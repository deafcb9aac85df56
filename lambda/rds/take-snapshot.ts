/**
 * Takes a snapshot of a database before a deployment, waits until it can be restored, and deletes older ones of its
 * kind where the request limits their number.
 *
 * The snapshot is named after the run before it exists, so a second request has no effect. Only snapshots with the tags
 * and the name of their kind are deleted, if they were announced before the run began, so that no run deletes what
 * another one announces at the same time, and if enough newer ones are available and not known to be bad.
 */
import {
  AddTagsToResourceCommand,
  CreateDBSnapshotCommand,
  type DBSnapshot,
  DeleteDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  paginateDescribeDBSnapshots,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { type DeploymentSnapshotRequest, isBad, snapshotPrefix, DEPLOYMENT_SNAPSHOT_TAGS as TAGS } from '../contract';
import { type AskHold, describeHold } from '../runbook/hold';
import { describe, type Runbook } from '../runbook/runbook';
import { isFault } from './fault';

export interface TakenSnapshot {
  readonly snapshot: string;
  /** Older ones that were deleted. */
  readonly deleted: readonly string[];
  /** Why others were not deleted. The next run tries again. */
  readonly left: readonly string[];
}

export interface SnapshotPorts {
  readonly rds: RDSClient;
  /** Asked before each deletion: nothing is deleted while the database is on hold. */
  readonly hold: AskHold;
}

/** @param run two calls with the same one give the same snapshot; @default the runbook's own */
export const takeSnapshot =
  ({ rds, hold }: SnapshotPorts, { hours, run }: { hours: number; run?: string }) =>
  async (request: DeploymentSnapshotRequest, runbook: Runbook): Promise<TakenSnapshot> => {
    const snapshot = snapshotName(request, run ?? runbook.id);
    const announced = await runbook
      .step('list older ones', async () => (await replaceable(rds, request)).filter(isAnnounced).map(nameOf))
      // Whatever failed, the deployment waits for the snapshot.
      .catch((): string[] => []);
    await runbook.poll(
      'ask for the snapshot',
      () => ask(rds, snapshot, request),
      (seen) => seen === 'asked for',
      { hours: hours / 3 },
    );
    await runbook.poll(
      'wait until it is available',
      () => look(rds, snapshot),
      (seen) => seen === 'available',
      { hours: (hours * 2) / 3 },
    );
    // The snapshot exists, which the deployment waits for: a failure to delete older ones must not fail it.
    const { deleted, left } = await runbook
      .step('delete older ones', () => prune({ rds, hold }, request, announced))
      .catch((error: unknown) => ({ deleted: [], left: [`any: ${describe(error)}`] }));
    if (request.keepLast === undefined) return { snapshot, deleted, left };
    // Last, so that no other run deletes it before this run has returned it.
    const unmarked = await runbook
      .step('mark it as announced', () => markAnnounced(rds, snapshot, request))
      .then(() => [])
      .catch((error: unknown) => [
        `${snapshot}: it can't be marked as announced, so no run deletes it in its first day: ${describe(error)}`,
      ]);
    return { snapshot, deleted, left: [...left, ...unmarked] };
  };

/**
 * https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html: letters, digits, single hyphens.
 */
export function snapshotName({ instance, deploymentVersion }: DeploymentSnapshotRequest, run: string): string {
  const version = deploymentVersion
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 100)
    .replace(/^-+|-+$/g, '');
  return `${snapshotPrefix(instance)}${version ? `${version}-` : ''}${run}`;
}

async function ask(rds: RDSClient, snapshot: string, request: DeploymentSnapshotRequest): Promise<string> {
  const { instance, reason, deploymentVersion } = request;
  try {
    await rds.send(
      new CreateDBSnapshotCommand({
        DBInstanceIdentifier: instance,
        DBSnapshotIdentifier: snapshot,
        Tags: [
          ...whose(request),
          { Key: TAGS.reason, Value: reason },
          { Key: TAGS.deploymentVersion, Value: deploymentVersion },
        ],
      }),
    );
  } catch (error) {
    if (isFault(error, 'InvalidDBInstanceState')) {
      // An earlier try took effect, a backup is being taken, or the database is being changed.
      const own = (await look(rds, snapshot)) !== NOT_VISIBLE;
      return own ? 'asked for' : `waiting: ${(error as Error).message}`;
    }
    if (isFault(error, 'SnapshotQuotaExceeded')) {
      throw new Error(
        `the region's quota of manual snapshots is used up (100 unless raised), so no snapshot of '${instance}' was taken; ` +
          'delete some that nobody needs, keep fewer, or have the quota raised',
      );
    }
    // An earlier try took effect: no other run has this name.
    if (!isFault(error, 'DBSnapshotAlreadyExists')) throw error;
  }
  return 'asked for';
}

/** The role may add tags only together with these two, and can't change their values. */
const whose = ({ instance, keepLast }: DeploymentSnapshotRequest) => [
  { Key: TAGS.beforeDeploymentOf, Value: instance },
  { Key: TAGS.keep, Value: keepLast === undefined ? 'forever' : 'last' },
];

async function markAnnounced(rds: RDSClient, snapshot: string, request: DeploymentSnapshotRequest): Promise<void> {
  const { DBSnapshots } = await rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: snapshot }));
  const ResourceName = DBSnapshots?.[0]?.DBSnapshotArn;
  const Tags = [...whose(request), { Key: TAGS.announced, Value: 'true' }];
  await rds.send(new AddTagsToResourceCommand({ ResourceName, Tags }));
}

const NOT_VISIBLE = 'not visible yet';

/** @throws when it will never become available */
async function look(rds: RDSClient, snapshot: string): Promise<string> {
  try {
    const { DBSnapshots } = await rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: snapshot }));
    const { Status = NOT_VISIBLE, PercentProgress = 0 } = DBSnapshots?.[0] ?? {};
    if (Status === 'failed') {
      throw new Error(`snapshot '${snapshot}' failed, so there is nothing to go back to; take another one`);
    }
    return Status === 'creating' ? `creating, ${PercentProgress} %` : Status;
  } catch (error) {
    if (isFault(error, 'DBSnapshotNotFound')) return NOT_VISIBLE;
    throw error;
  }
}

/** After this time no run still waits for its snapshot, whether or not it has announced it. */
const LONGEST_RUN = 24 * 3_600_000;

/** @param announced before the run began */
async function prune({ rds, hold }: SnapshotPorts, request: DeploymentSnapshotRequest, announced: readonly string[]) {
  const deleted: string[] = [];
  const over = await overAge(rds, request);
  const mayGo = ({ name, olderBy }: OverAge) => announced.includes(name) || olderBy > LONGEST_RUN;
  const superfluous = over.filter(mayGo).map(({ name }) => name);
  const left = over
    .filter((one) => !mayGo(one))
    .map(({ name }) => `${name}: the run that took it may not have announced it yet, so a later run deletes it`);
  for (const name of superfluous) {
    const held = await hold();
    if (held) {
      left.push(`${superfluous.slice(superfluous.indexOf(name)).join(', ')}: ${describeHold(held)}`);
      break;
    }
    try {
      await rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: name }));
      deleted.push(name);
    } catch (error) {
      if (isFault(error, 'DBSnapshotNotFound')) continue;
      left.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { deleted, left };
}

interface OverAge {
  readonly name: string;
  /** Than the newest, in milliseconds. */
  readonly olderBy: number;
}

/**
 * Those with enough newer ones, the newest first. One that failed or is known to be bad protects nothing, and makes no
 * good one superfluous.
 */
async function overAge(rds: RDSClient, request: DeploymentSnapshotRequest): Promise<OverAge[]> {
  const { keepLast } = request;
  if (keepLast === undefined) return [];
  const taken = ({ SnapshotCreateTime }: DBSnapshot) => SnapshotCreateTime?.getTime() ?? Number.POSITIVE_INFINITY;
  const all = (await replaceable(rds, request)).sort((one, other) => taken(other) - taken(one));
  const oldestKept = all.filter(({ TagList }) => !isBad(TagList))[keepLast - 1];
  if (!all[0] || !oldestKept) return [];
  const newest = taken(all[0]);
  const over = all.slice(all.indexOf(oldestKept) + 1);
  return over.map((snapshot) => ({ name: nameOf(snapshot), olderBy: newest - taken(snapshot) }));
}

/** Available ones that may be deleted once there are newer ones; none when all are kept. */
async function replaceable(rds: RDSClient, { instance, keepLast }: DeploymentSnapshotRequest): Promise<DBSnapshot[]> {
  const found: DBSnapshot[] = [];
  if (keepLast === undefined) return found;
  const query = { DBInstanceIdentifier: instance, SnapshotType: 'manual' };
  for await (const { DBSnapshots = [] } of paginateDescribeDBSnapshots({ client: rds }, query)) {
    found.push(...DBSnapshots.filter((one) => one.Status === 'available' && isReplaceable(one, instance)));
  }
  return found;
}

const isAnnounced = ({ TagList = [] }: DBSnapshot) => TagList.some(({ Key }) => Key === TAGS.announced);
const nameOf = ({ DBSnapshotIdentifier }: DBSnapshot) => String(DBSnapshotIdentifier);

/** By name and tags: a copy made by hand has the tags, but another name. */
function isReplaceable({ DBSnapshotIdentifier = '', TagList = [] }: DBSnapshot, instance: string): boolean {
  const tag = (key: string) => TagList.find(({ Key }) => Key === key)?.Value;
  return (
    DBSnapshotIdentifier.startsWith(snapshotPrefix(instance)) &&
    tag(TAGS.beforeDeploymentOf) === instance &&
    tag(TAGS.keep) === 'last'
  );
}
