/**
 * Names and tags that Lifeboat gives or recognises. Where an IAM pattern and code recognise the same names, both are
 * defined here, side by side.
 */

/** Tags on every restored instance. IAM lets runbooks delete or modify only what has them. */
export const TAGS = {
  /** Identifier of the database that was restored. */
  copyOf: 'lifeboat:copy-of',
  /** Durable execution that made it. */
  run: 'lifeboat:run',
  /** ISO 8601 moment after which the janitor deletes it. */
  expires: 'lifeboat:expires',
} as const;

/**
 * Tags on every database that a recovery made, beside its source's. IAM lets recoveries modify only what has them and
 * the deployed database; nothing lets them delete one.
 */
export const RECOVERY_TAGS = {
  /** DbiResourceId of the database that was recovered, or its ARN where that is all that is known. */
  recoveredFrom: 'lifeboat:recovered-from',
  /** Run that made it. */
  recovery: 'lifeboat:recovery',
} as const;

/** Every restored instance's identifier starts with this, whatever its plan. IAM and the janitor rely on it. */
export const COPY_PREFIX = 'lifeboat-';

/** Characters of the run that end a restored instance's identifier. RDS allows 63 characters in all. */
export const RUN_SUFFIX_LENGTH = 12;

/** AWS Backup tags what restore tests make, and deletes what has this tag. IAM lets a validator change nothing else. */
export const RESTORE_TEST_TAG = 'awsbackup-restore-test';

/** What identifiers of instances that restore tests make start with. */
export const RESTORE_TEST_PREFIX = 'awsbackup-restore-test-';

/** Tags on every copy of a snapshot, beside those of its source. Only what carries both is shared or pruned. */
export const SNAPSHOT_TAGS = {
  /** ARN of the database the snapshot is of. */
  snapshotOf: 'lifeboat:snapshot-of',
  /**
   * The SnapshotCopy that made it: a database may be copied twice, with different retentions, in one plan or in
   * several.
   */
  copiedBy: 'lifeboat:copied-by',
} as const;

/** The value of that tag. Two SnapshotCopies with the same value would prune each other's copies. */
export const copiedBy = ({ plan, target, copy }: { plan: string; target: string; copy: string }) =>
  `${plan}/${target}/${copy}`;

/**
 * Tag that a person puts on a snapshot that is known to be bad, with a reason: it does not count as a good backup, so
 * no older one is deleted because of it, and it is not shared.
 */
export const BAD_TAG = 'lifeboat:bad';
export const isBad = (tags: readonly { readonly Key?: string }[] = []) => tags.some(({ Key }) => Key === BAD_TAG);

/** Tags on every snapshot taken before a deployment. IAM lets pruning delete only what carries them. */
export const DEPLOYMENT_SNAPSHOT_TAGS = {
  /** Identifier of the database. */
  beforeDeploymentOf: 'lifeboat:before-deployment-of',
  /** `last`: deleted once there are enough newer ones. `forever`: never. */
  keep: 'lifeboat:keep',
  reason: 'Reason',
  deploymentVersion: 'DeploymentVersion',
  /** `true` once the run that took it has seen it available. Until then other runs do not delete it. */
  announced: 'lifeboat:announced',
} as const;

/** Start of the identifiers of one database's snapshots before deployments. */
export const snapshotPrefix = (instance: string) => `lifeboat-before-${instance}-`;

/** Tags on every snapshot of a cache. IAM lets pruning delete only what carries them. */
export const CACHE_SNAPSHOT_TAGS = {
  /** Id or name of the cache. */
  snapshotOf: 'lifeboat:cache-snapshot-of',
  /** Prefix of the CacheSnapshots that takes them: a cache may have several schedules. */
  takenBy: 'lifeboat:taken-by',
} as const;

/**
 * A database's automated snapshots, as an IAM pattern: `rds:orders-2026-11-09-03-05`. Snapshots that RDS takes before
 * an upgrade, or took under an earlier name of the database, have other names, and so have those of `orders-archive`.
 */
export const automatedSnapshots = (instance: string) => `rds:${instance}-20??-??-??-??-??`;
export const isAutomatedOf = (instance: string, name = '') => fits(automatedSnapshots(instance), name);

/** Copies of them, as an IAM pattern: named after the SnapshotCopy, in 8 characters, and after the snapshot. */
export const snapshotCopies = (instance: string) => `${COPY_PREFIX}????????-${instance}-20*`;
export const isCopyOf = (instance: string, name = '') => fits(snapshotCopies(instance), name);

/** Whether a name matches an IAM pattern: `?` is any one character, `*` any number of them. */
function fits(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('?', '.')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`, 's').test(name);
}
