import { ArnFormat, Stack, Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { deploymentSnapshotRequest, snapshotPrefix, DEPLOYMENT_SNAPSHOT_TAGS as TAGS } from '../../lambda/contract';
import { RunbookResource } from '../function/runbook-resource';
import { allow, readHold } from '../function/statements';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known, parseAtSynth } from '../synth/tokens';
import { clusterProblems } from './database-resource';
import { countSnapshots } from './snapshot-quota';
import { SourceDatabase } from './source-database';

export interface DeploymentSnapshotProps {
  /** An RDS instance, of this app or imported. */
  readonly database: rds.IDatabaseInstance;

  /**
   * The version that is deployed, as in `v1.4.2` or a commit. A deployment takes a snapshot only when this, `reason` or
   * `retention` changes.
   *
   * 1 to 256 letters, digits, spaces or any of `_.:/=+-@`.
   */
  readonly deploymentVersion: string;

  /**
   * Why the snapshot is taken, for whoever finds it later: its tag `Reason`. Characters as in `deploymentVersion`.
   *
   * @default 'pre-deployment'
   */
  readonly reason?: string;

  /**
   * How many snapshots before deployments are kept of this database, those of `lifeboat snapshot` included. A snapshot
   * with the tag `lifeboat:bad` is not counted. Nothing is deleted while the database is on hold (`lifeboat hold`).
   *
   * @default SnapshotsKept.last(10)
   */
  readonly retention?: SnapshotsKept;

  /**
   * Encrypts the log. The policy of a key of another app must allow CloudWatch Logs.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly logEncryptionKey?: kms.IKey;
}

const PROPS: PropsOf<DeploymentSnapshotProps> = {
  database: true,
  deploymentVersion: true,
  reason: true,
  retention: true,
  logEncryptionKey: true,
};

/**
 * A snapshot of a database as part of a deployment, before constructs that wait for it by `before()`, such as
 * migrations. It is available when they begin, and has the tags `Reason` and `DeploymentVersion`.
 *
 * The deployment waits for it, for at most an hour, as CloudFormation allows. The first snapshot of a large database
 * may take longer: take that one with `lifeboat snapshot`. If the snapshot fails, the deployment fails before those
 * constructs change. A stack that rolls back takes none. Snapshots are kept when this construct or the database is
 * deleted.
 *
 * Changes of the database itself in the same deployment (its class, its engine) happen before the snapshot.
 *
 * @throws Error when reason or version can't be tags, or the instance is a member of a cluster
 */
export class DeploymentSnapshot extends Construct {
  /** Identifier of the newest snapshot, for release notes: known at deployment. */
  public readonly snapshotIdentifier: string;

  private readonly taken: RunbookResource;

  constructor(scope: Construct, id: string, props: DeploymentSnapshotProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { deploymentVersion, reason = 'pre-deployment', retention = SnapshotsKept.last(10) } = props;
    const source = new SourceDatabase(props.database);
    const what = `deployment snapshot '${this.node.path}'`;
    refuseAll(what, clusterProblems(source));
    const { identifier } = source;
    const request = parseAtSynth(
      deploymentSnapshotRequest,
      { instance: identifier, reason, deploymentVersion, keepLast: retention.count },
      what,
    );
    const keepLast = known(retention.count);
    // The new snapshot exists before an old one is deleted.
    if (keepLast !== undefined) countSnapshots(this, Stack.of(this).region, keepLast + 1);
    this.taken = new RunbookResource(this, 'Snapshot', {
      entry: 'snapshot-before-deployment',
      resourceType: 'Custom::LifeboatSnapshot',
      description: 'Lifeboat: takes a snapshot before a deployment changes the data',
      request,
      encryptionKey: props.logEncryptionKey,
      patterns:
        'Snapshots are named at run time, so they are allowed by prefix, and by the tags they are created with; listing of ' +
        'snapshots can not be narrowed to one database.',
      statements: permissions(this, identifier, retention),
    });
    this.snapshotIdentifier = this.taken.resource.ref;
  }

  /** Makes constructs wait until the snapshot is available. */
  public before(...dependents: Construct[]): this {
    for (const dependent of dependents) dependent.node.addDependency(this.taken.resource);
    return this;
  }
}

/**
 * It may create snapshots under one prefix, tagged as those of this database, and delete those with a limited number.
 * It can't add these tags to snapshots that are kept forever, or to those of another database.
 */
function permissions(scope: Construct, instance: string, { count }: SnapshotsKept): iam.PolicyStatement[] {
  const stack = Stack.of(scope);
  const arn = (resource: string, resourceName: string) =>
    stack.formatArn({ service: 'rds', resource, resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
  const snapshots = arn('snapshot', `${snapshotPrefix(instance)}*`);
  const keep = count === undefined ? 'forever' : 'last';
  const tags = (where: string) => ({
    [`aws:${where}/${TAGS.beforeDeploymentOf}`]: instance,
    [`aws:${where}/${TAGS.keep}`]: keep,
  });
  const made = {
    StringEquals: tags('RequestTag'),
    'ForAllValues:StringEquals': { 'aws:TagKeys': Object.values(TAGS) },
  };
  const replaceable = { StringEquals: tags('ResourceTag') };
  return [
    allow(['rds:DescribeDBSnapshots', 'rds:ListTagsForResource'], ['*']),
    allow(['rds:CreateDBSnapshot'], [arn('db', instance), snapshots], made),
    allow(['rds:AddTagsToResource'], [snapshots], { ...made, StringEqualsIfExists: tags('ResourceTag') }),
    ...(keep === 'last'
      ? [allow(['rds:DeleteDBSnapshot'], [snapshots], replaceable), readHold(stack, { kind: 'database', id: instance })]
      : []),
    allow(['cloudformation:DescribeStacks'], [stack.stackId]),
  ];
}

/** How many of a database's snapshots before deployments are kept. */
export class SnapshotsKept {
  /**
   * The newest ones; older ones are deleted once a newer one is available. The newest good one is never deleted.
   *
   * @param count whole number, at least 1
   */
  public static last(count: number): SnapshotsKept {
    if (!Token.isUnresolved(count) && !(Number.isInteger(count) && count >= 1)) {
      throw new Error(
        `snapshots kept: 'count' is ${count}, and a deployment needs a snapshot to go back to; set a whole number from 1`,
      );
    }
    return new SnapshotsKept(count);
  }

  /** All of them: snapshots taken with this setting are never deleted, even if it changes later. */
  public static forever(): SnapshotsKept {
    return new SnapshotsKept(undefined);
  }

  private constructor(
    /** How many; undefined for all. */
    public readonly count: number | undefined,
  ) {}
}
