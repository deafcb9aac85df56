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
   * What is deployed, as in `v1.4.2` or a commit. A deployment takes a snapshot when this changes, or the reason, or how
   * many are kept, and only then.
   *
   * 1 to 256 letters, digits, spaces or any of `_.:/=+-@`.
   */
  readonly deploymentVersion: string;

  /**
   * Why the snapshot is taken, for who finds it later: its tag `Reason`. Characters as in `deploymentVersion`.
   *
   * @default 'pre-deployment'
   */
  readonly reason?: string;

  /**
   * How many snapshots before deployments are kept of this database. `lifeboat snapshot` takes from the same ones. One
   * with a tag `lifeboat:bad` counts as none, and nothing is deleted while the database is on hold (`lifeboat hold`).
   *
   * @default SnapshotsKept.last(10)
   */
  readonly retention?: SnapshotsKept;

  /**
   * Encrypts the log. A key of another app must let CloudWatch Logs use it.
   *
   * @default - the key of the plan around it; else one of its own, rotated yearly, retained
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
 * A snapshot of a database as part of a deployment, before whatever is put behind it with `before()`: migrations first of
 * all. It is available when they begin, and carries the tags `Reason` and `DeploymentVersion`.
 *
 * The deployment waits for it, for an hour at most, as CloudFormation allows; a first snapshot of a large database may
 * take longer, so take one by `lifeboat snapshot` before. When none can be taken, the deployment fails with nothing
 * changed. A stack that rolls back takes none. Snapshots stay when this is deleted, and when the database is.
 *
 * Changes of the database itself in the same deployment (its class, its engine) come before the snapshot.
 *
 * @throws Error when reason or version can't be tags, or the instance is one of a cluster
 */
export class DeploymentSnapshot extends Construct {
  /** Identifier of the newest snapshot taken so, for release notes: known at deployment. */
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
    // The new one is there before an old one goes.
    if (keepLast !== undefined) countSnapshots(this, Stack.of(this).region, keepLast + 1);
    this.taken = new RunbookResource(this, 'Snapshot', {
      entry: 'snapshot-before-deployment',
      resourceType: 'Custom::LifeboatSnapshot',
      description: 'Lifeboat: takes a snapshot before a deployment changes the data',
      request,
      encryptionKey: props.logEncryptionKey,
      patterns:
        'Snapshots are named at run time, so they are allowed by prefix, and by the tags they are made with; lists of ' +
        'snapshots can not be narrowed to one database.',
      statements: permissions(this, identifier, retention),
    });
    this.snapshotIdentifier = this.taken.resource.ref;
  }

  /** Has something wait until the snapshot is available. */
  public before(...dependents: Construct[]): this {
    for (const dependent of dependents) dependent.node.addDependency(this.taken.resource);
    return this;
  }
}

/**
 * It may make snapshots under one prefix, tagged as those of this database, and delete those that are replaceable. What is
 * kept for ever, or is another database's, it can't make look like one of those.
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
   * The newest so many; older ones are deleted once a newer one is available. The newest good one never is.
   *
   * @param count whole number, at least 1
   */
  public static last(count: number): SnapshotsKept {
    if (!Token.isUnresolved(count) && !(Number.isInteger(count) && count >= 1)) {
      throw new Error(
        `the last ${count} snapshots can't be kept: a deployment needs one to go back to; keep a whole number from 1`,
      );
    }
    return new SnapshotsKept(count);
  }

  /** Each for ever: nothing that is taken so is ever deleted, whatever is kept later. */
  public static forever(): SnapshotsKept {
    return new SnapshotsKept(undefined);
  }

  private constructor(
    /** How many; undefined for all. */
    public readonly count: number | undefined,
  ) {}
}
