/**
 * Names and tags that Lifeboat gives, or goes by. Where IAM has a pattern of a name and code asks whether a name is one,
 * the two stand side by side and mean the same names.
 */

/** Tags on everything a drill makes. IAM lets runbooks delete or modify only what carries them. */
export const TAGS = {
  /** Identifier of the database the copy was made from. */
  copyOf: 'lifeboat:copy-of',
  /** Durable execution that made it. */
  run: 'lifeboat:run',
  /** ISO 8601 moment after which the janitor deletes it. */
  expires: 'lifeboat:expires',
} as const;

/** Every copy's identifier starts with this, whatever its plan. IAM and the janitor rely on it. */
export const COPY_PREFIX = 'lifeboat-';

/** Characters of the run that end a copy's identifier. RDS allows 63 characters in all. */
export const RUN_SUFFIX_LENGTH = 12;

/** AWS Backup puts it on what restore tests make, and deletes what carries it. IAM lets a validator change nothing else. */
export const RESTORE_TEST_TAG = 'awsbackup-restore-test';

/** What identifiers of instances that restore tests make start with. */
export const RESTORE_TEST_PREFIX = 'awsbackup-restore-test-';

/** Tags on every copy of a snapshot, beside those of its source. Only what carries both is shared or pruned. */
export const SNAPSHOT_TAGS = {
  /** ARN of the database the snapshot is of. */
  snapshotOf: 'lifeboat:snapshot-of',
  /** Who copies: a database may be copied twice, for different times, in one plan or in several. */
  copiedBy: 'lifeboat:copied-by',
} as const;

/** What the latter says. Whoever says the same prunes the same copies. */
export const copiedBy = ({ plan, target, copy }: { plan: string; target: string; copy: string }) =>
  `${plan}/${target}/${copy}`;

/**
 * Tag that a person puts on a snapshot that is known to be bad, with a reason: it counts as no good backup, so nothing
 * older is deleted for its sake, and it is not shared.
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
  /** `true` once the run that took it has seen it available. Others leave it alone before. */
  announced: 'lifeboat:announced',
} as const;

/** What identifiers of one database's snapshots before deployments start with. */
export const snapshotPrefix = (instance: string) => `lifeboat-before-${instance}-`;

/** Tags on every snapshot of a cache. IAM lets pruning delete only what carries them. */
export const CACHE_SNAPSHOT_TAGS = {
  /** Id or name of the cache. */
  snapshotOf: 'lifeboat:cache-snapshot-of',
  /** Prefix of who takes them: a cache may have several schedules. */
  takenBy: 'lifeboat:taken-by',
} as const;

/**
 * A database's automated snapshots, as IAM has patterns: `rds:orders-2026-11-09-03-05`. What RDS takes by itself at other
 * times, before an upgrade or under an earlier name of the database, is called otherwise, and so is `orders-archive`'s.
 */
export const automatedSnapshots = (instance: string) => `rds:${instance}-20??-??-??-??-??`;
export const isAutomatedOf = (instance: string, name = '') => fits(automatedSnapshots(instance), name);

/** Copies of them, as IAM has patterns: named after who copies, in 8 characters, and after the snapshot. */
export const snapshotCopies = (instance: string) => `${COPY_PREFIX}????????-${instance}-20*`;
export const isCopyOf = (instance: string, name = '') => fits(snapshotCopies(instance), name);

/** Whether IAM would find that a name fits a pattern: `?` is any one character, `*` any number of them. */
function fits(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('?', '.')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`, 's').test(name);
}
