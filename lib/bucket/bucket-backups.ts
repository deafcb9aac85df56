import { Annotations, CfnDeletionPolicy, type Duration, Lazy, Mixin, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { isBucketOfApp, isBucketResource, isImportedBucket } from '../synth/bucket-resource';
import { markCovered } from '../synth/coverage';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { Mark } from '../synth/marks';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import { type ArchiveTier, daysOf } from './archive-tier';
import {
  BucketReplication,
  type ReplicationSource,
  type ReplicationTarget,
  replicationProblems,
  whatReplicasLack,
} from './bucket-replication';
import {
  earlyDeletions,
  lifecycleProblems,
  movesObjects,
  outlastedByLock,
  rulesOfNothing,
  versionsForEver,
} from './lifecycle-limits';

export interface BucketBackupsProps {
  /**
   * How long objects are kept, and in which storage class.
   *
   * @default - no objects or replaced versions move or expire
   */
  readonly tiers?: ArchiveTier[];
  /**
   * After how many days parts of unfinished uploads are deleted. Until then they are billed, and listings don't show
   * them.
   *
   * @default - 7 days
   */
  readonly unfinishedUploads?: Duration;
  /**
   * The bucket for replicas. Only new objects are replicated: for existing ones, run S3 Batch Replication once.
   *
   * @default - no replicas
   */
  readonly replication?: ReplicationTarget;
}

/** Apps with the note on small objects: once for all buckets is enough. */
const smallObjectsNoted = new Mark<true>('small-objects-noted');

const PROPS: PropsOf<BucketBackupsProps> = { tiers: true, unfinishedUploads: true, replication: true };

/**
 * Makes a bucket recoverable. Its owner applies it: `bucket.with(new BucketBackups({ ... }))`.
 *
 * Enables versioning, blocks public access, denies plain HTTP (on an `s3.Bucket`), adds lifecycle rules and
 * replication, and retains the bucket when its stack is deleted. Settings of the bucket itself take precedence;
 * contradictions are refused. On an imported bucket it changes nothing and lists what the owner has to do.
 */
export class BucketBackups extends Mixin {
  constructor(private readonly props: BucketBackupsProps = {}) {
    super();
    checkProps(this, props, PROPS);
  }

  public supports(construct: IConstruct): construct is s3.CfnBucket | s3.BucketBase {
    return isBucketResource(construct) || isImportedBucket(construct);
  }

  /** @throws Error that lists all that S3 would refuse */
  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    if (isBucketResource(construct)) this.protect(construct);
    else this.listForItsOwner(construct);
  }

  private protect(bucket: s3.CfnBucket): void {
    const stack = Stack.of(bucket);
    const rules = this.rules();
    const before = bucket.lifecycleConfiguration;
    const encryption = encryptionOf(bucket);
    const source: ReplicationSource = { bucket, locked: bucket.objectLockEnabled === true, ...encryption };
    refuseAll(`bucket '${bucket.node.path}'`, [
      ...lifecycleProblems(rules),
      ...this.statedTwiceProblems(bucket, source),
    ]);

    bucket.versioningConfiguration ??= { status: 'Enabled' };
    bucket.bucketEncryption ??= {
      serverSideEncryptionConfiguration: [{ serverSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }],
    };
    bucket.publicAccessBlockConfiguration ??= {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    };
    warnOfFleetingKey(
      bucket,
      bucket.bucketEncryption,
      () => bucket.cfnOptions.deletionPolicy !== CfnDeletionPolicy.DELETE,
    );
    bucket.cfnOptions.deletionPolicy ??= CfnDeletionPolicy.RETAIN;
    bucket.cfnOptions.updateReplacePolicy ??= CfnDeletionPolicy.RETAIN;
    // More rules may be added to the bucket after this.
    bucket.lifecycleConfiguration = Lazy.any({
      produce: () => {
        const stated = stack.resolve(before);
        return { ...stated, rules: [...(stated?.rules ?? []), ...rules] };
      },
    });
    if (this.props.replication) {
      const replication = new BucketReplication(bucket, 'Replication', source, this.props.replication);
      bucket.replicationConfiguration = replication.configuration;
      checkTargetInApp(bucket, this.props.replication, source.locked);
      Annotations.of(bucket).addInfoV2('lifeboat:replication-lags', whatReplicasLack(this.props.replication));
    }
    denyPlainHttp(bucket);
    this.warn(bucket, rules);
    markCovered(bucket, 'BucketBackups');
    // The bucket's other rules are known only once the app is complete.
    bucket.node.addValidation({
      validate: () => {
        const all = stack.resolve(bucket.lifecycleConfiguration).rules;
        for (const cost of versionsForEver(all)) {
          Annotations.of(bucket).addWarningV2('lifeboat:expired-versions-stay', cost);
        }
        for (const nothing of rulesOfNothing(all)) {
          Annotations.of(bucket).addWarningV2('lifeboat:lifecycle-matches-nothing', nothing);
        }
        return lifecycleProblems(all);
      },
    });
  }

  private rules(): s3.CfnBucket.RuleProperty[] {
    const { tiers = [], unfinishedUploads } = this.props;
    return [
      ...tiers.map(({ rule }) => rule),
      {
        id: 'unfinished-uploads',
        status: 'Enabled',
        abortIncompleteMultipartUpload: { daysAfterInitiation: unfinishedUploads ? daysOf(unfinishedUploads) : 7 },
        expiredObjectDeleteMarker: true,
      },
    ];
  }

  /** Settings of the bucket and of this Mixin that contradict each other. */
  private statedTwiceProblems(bucket: s3.CfnBucket, source: ReplicationSource): string[] {
    const { replication } = this.props;
    const problems: string[] = [];
    const { status } = Stack.of(bucket).resolve(bucket.versioningConfiguration) ?? {};
    if (status === 'Suspended') {
      problems.push(
        'its versioning is suspended, so overwritten and deleted objects are lost, and S3 would refuse replication; ' +
          'enable it (versioned: true)',
      );
    }
    if (replication && bucket.replicationConfiguration) {
      problems.push("'replication' is stated here and on the bucket, so one of the two would be lost; state it once");
    }
    if (replication) problems.push(...replicationProblems(source, replication));
    return problems;
  }

  private warn(bucket: s3.CfnBucket, rules: s3.CfnBucket.RuleProperty[]): void {
    const annotations = Annotations.of(bucket);
    for (const cost of earlyDeletions(rules)) annotations.addWarningV2('lifeboat:paid-storage-unused', cost);
    const lockDays = lockDaysOf(bucket);
    for (const cost of lockDays === undefined ? [] : outlastedByLock(rules, lockDays)) {
      annotations.addWarningV2('lifeboat:lock-outlasts-expiry', cost);
    }
    if (movesObjects(rules) && !smallObjectsNoted.on(bucket.node.root)) {
      smallObjectsNoted.put(bucket.node.root, true);
      annotations.addInfoV2(
        'lifeboat:small-objects-stay',
        'S3 does not move objects under 128 KB to other storage classes, since moving them would cost more than it saves; ' +
          'bundle small files before they are archived',
      );
    }
    const blocked: unknown[] = Object.values(Stack.of(bucket).resolve(bucket.publicAccessBlockConfiguration));
    if (blocked.length < 4 || blocked.includes(false)) {
      annotations.addWarningV2(
        'lifeboat:bucket-may-be-public',
        'public access is not fully blocked, so a policy or an ACL could make its backups public; set BlockPublicAccess.BLOCK_ALL',
      );
    }
    if (bucket.cfnOptions.deletionPolicy === CfnDeletionPolicy.DELETE) {
      annotations.addWarningV2(
        'lifeboat:bucket-goes-with-its-stack',
        'CloudFormation deletes the bucket and the backups in it with its stack; set removalPolicy: RETAIN',
      );
    }
  }

  /** An imported bucket: synth knows only its name. */
  private listForItsOwner(bucket: s3.BucketBase): void {
    refuseAll(`bucket '${bucket.node.path}'`, lifecycleProblems(this.rules()));
    const { replication } = this.props;
    const rules = this.rules().map(({ id }) => `'${id}'`);
    const tasks = [
      'enable versioning (aws s3api put-bucket-versioning)',
      'block public access (aws s3api put-public-access-block)',
      'deny requests where aws:SecureTransport is false (aws s3api put-bucket-policy)',
      `add the lifecycle rules ${rules.join(', ')} (aws s3api put-bucket-lifecycle-configuration replaces all rules: ` +
        'include the existing ones)',
      ...(replication
        ? [`replicate into '${replication.bucketName}' in ${replication.region} (aws s3api put-bucket-replication)`]
        : []),
    ];
    Annotations.of(bucket).addWarningV2(
      'lifeboat:bucket-made-elsewhere',
      `bucket '${known(bucket.bucketName) ?? bucket.node.path}' is imported, so its settings can't be read or changed here, and it may not be ` +
        `recoverable; its owner has to:\n  - ${tasks.join('\n  - ')}\nor to apply BucketBackups in the app that creates it`,
    );
  }
}

function encryptionOf(bucket: s3.CfnBucket): { usesKms: boolean; keyArn?: string } {
  const [rule] = Stack.of(bucket).resolve(bucket.bucketEncryption)?.serverSideEncryptionConfiguration ?? [];
  const { sseAlgorithm = '', kmsMasterKeyId } = rule?.serverSideEncryptionByDefault ?? {};
  return {
    usesKms: String(sseAlgorithm).startsWith('aws:kms'),
    keyArn: kmsMasterKeyId === undefined ? undefined : Token.asString(kmsMasterKeyId),
  };
}

function lockDaysOf(bucket: s3.CfnBucket): number | undefined {
  const lock = Stack.of(bucket).resolve(bucket.objectLockConfiguration)?.rule?.defaultRetention;
  const days = lock?.years === undefined ? lock?.days : lock.years * 365;
  return typeof days === 'number' ? days : undefined;
}

/** Compares the source with its target if the same app creates both: by name, without a reference. */
function checkTargetInApp(bucket: s3.CfnBucket, target: ReplicationTarget, locked: boolean): void {
  bucket.node.addValidation({
    validate: () => {
      const found = bucket.node.root.node
        .findAll()
        .filter(isBucketResource)
        .find((other) => other !== bucket && other.bucketName === target.bucketName);
      if (!found) return [];
      const stack = Stack.of(found);
      const problems: string[] = [];
      if (!Token.isUnresolved(stack.region) && stack.region !== target.region) {
        problems.push(
          `'replication.region' of target '${target.bucketName}' is ${target.region}, and this app creates that bucket in ${stack.region}, so ` +
            `replication would fail; set ${stack.region}`,
        );
      }
      if (stack.resolve(found.versioningConfiguration)?.status !== 'Enabled') {
        problems.push(
          `the replication target '${target.bucketName}' is not versioned, so S3 would refuse to replicate into it; enable versioning there`,
        );
      }
      if (locked && stack.resolve(found.objectLockEnabled) !== true) {
        problems.push(
          `the replication target '${target.bucketName}' has no Object Lock, and the source has one, so S3 would refuse to replicate ` +
            'into it; enable Object Lock there',
        );
      }
      return problems;
    },
  });
}

function denyPlainHttp(resource: s3.CfnBucket): void {
  const bucket = resource.node.scope;
  if (!bucket || !isBucketOfApp(bucket)) return;
  bucket.addToResourcePolicy(
    // The same statement as that of `enforceSSL`, so that it is not added twice.
    new iam.PolicyStatement({
      effect: iam.Effect.DENY,
      actions: ['s3:*'],
      principals: [new iam.AnyPrincipal()],
      resources: [bucket.bucketArn, bucket.arnForObjects('*')],
      conditions: { Bool: { 'aws:SecureTransport': 'false' } },
    }),
  );
}
