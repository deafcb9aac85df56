/**
 * The contract: all that synth writes and runbooks read, in one file that both sides import.
 *
 * Everything here is plain JSON. A runbook parses what it was handed at its door, and reports all problems at once;
 * after that nothing is checked again.
 */
import * as v from 'valibot';

/** Tags on everything a drill makes. IAM lets runbooks delete or modify only what carries them. */
export const TAGS = {
  /** Identifier of the database the copy was made from. */
  copyOf: 'lifeboat:copy-of',
  /** Durable execution that made it. */
  run: 'lifeboat:run',
  /** ISO 8601 moment after which the janitor deletes it. */
  expires: 'lifeboat:expires',
} as const;

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

/** Every copy's identifier starts with this, whatever its plan. IAM and the janitor rely on it. */
export const COPY_PREFIX = 'lifeboat-';

/** Characters of the run that end a copy's identifier. RDS allows 63 characters in all. */
export const RUN_SUFFIX_LENGTH = 12;

export const METRICS = {
  namespace: 'Lifeboat',
  /** 1 when a drill passed, 0 when it did not. */
  drillPassed: 'DrillPassed',
  /** Seconds from the start of a drill until all checks had passed. */
  recoveryTime: 'RecoveryTime',
  /** Seconds of data that would have been lost, had the source failed when the drill began. */
  recoveryPoint: 'RecoveryPoint',
  /** Checks that failed or could not run. */
  checksFailed: 'ChecksFailed',
  /** Seconds of one phase; has the dimension `Phase` besides. */
  phaseDuration: 'PhaseDuration',
  /** Seconds since the drill last passed; has the dimension `Drill` besides. */
  secondsSinceProven: 'SecondsSinceProven',
  /** Seconds since a backup was last made and found good; has the dimension `Backup` alone. */
  secondsSinceBackup: 'SecondsSinceBackup',
  /** Bytes of that backup; has the dimension `Backup` alone. */
  backupBytes: 'BackupBytes',
  /** Percent by which those bytes are more or fewer than usual; has the dimension `Backup` alone. */
  backupSizeChange: 'BackupSizeChange',
  /** Seconds since the newest good copy's snapshot was taken; has the dimension `Copy` besides. */
  snapshotCopyAge: 'SnapshotCopyAge',
  /** Seconds of data that would be lost, had a database failed now; has the dimension `Database` alone, as the next two. */
  recoveryPointAge: 'RecoveryPointAge',
  /** Seconds since its newest automated snapshot was taken. */
  snapshotAge: 'SnapshotAge',
  /** Days that its automated backups are kept. */
  backupRetention: 'BackupRetention',
  dimensions: {
    database: 'Database',
    backup: 'Backup',
    plan: 'Plan',
    target: 'Target',
    phase: 'Phase',
    drill: 'Drill',
    copy: 'Copy',
  },
} as const;

const seconds = v.pipe(v.number(), v.gtValue(0, 'must be more than 0 seconds'));
const whole = 'must be a whole number from 0';
const count = v.pipe(
  v.number(),
  v.check((value) => Number.isInteger(value) && value >= 0, whole),
);
const text = v.pipe(v.string(), v.minLength(1, 'must not be empty'));
const name = v.pipe(text, v.maxLength(255, 'must be 255 characters at most'));
/**
 * A name that people gave. A part of evidence keys, which are cut at slashes and allowed by pattern, and of metric
 * dimensions, which are ASCII: CloudWatch drops others, and an alarm on them would never ring.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
 */
const label = v.pipe(
  v.string(),
  v.regex(/^(?=.*\S)(?!.*[*?])[ -.0-~]{1,100}$/, 'must be 1 to 100 printable ASCII characters without / * ?'),
);
const identifier = v.pipe(v.string(), v.regex(/^[A-Za-z](-?[A-Za-z0-9])*$/, 'must be an RDS identifier'));
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const moment = v.pipe(
  v.string(),
  v.regex(MOMENT, 'must be like 2026-11-01T10:00:00Z'),
  v.check((text) => !MOMENT.test(text) || isCalendarDate(text), 'must be a date of the calendar'),
);
/** `table` or `schema.table`, as in the catalog: unquoted and case-sensitive. */
const table = text;

const NEVER_PASSES = 'atLeast is more than atMost, so no copy could pass';
interface Bounds {
  readonly atLeast?: number | undefined;
  readonly atMost?: number | undefined;
}
function canPass({ atLeast, atMost }: Bounds): boolean {
  return atLeast === undefined || atMost === undefined || atLeast <= atMost;
}

/** JavaScript takes 31 February for 3 March. */
function isCalendarDate(moment: string): boolean {
  const [year = 0, month = 0, day = 0] = moment.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day && !Number.isNaN(Date.parse(moment));
}

/** Which moment a restore goes back to. */
export const restorePoint = v.variant('kind', [
  /** The latest restorable time. */
  v.strictObject({ kind: v.literal('latest') }),
  /** The newest automated snapshot that is available. */
  v.strictObject({ kind: v.literal('latest-snapshot') }),
  v.strictObject({ kind: v.literal('snapshot'), snapshot: name }),
  v.strictObject({ kind: v.literal('time'), time: moment }),
  /** A moment drawn at random from the last `withinSeconds` that can be restored. */
  v.strictObject({ kind: v.literal('random'), withinSeconds: seconds }),
]);
export type RestorePointRequest = v.InferOutput<typeof restorePoint>;

/** One thing a restored copy must pass. */
export const check = v.variant('kind', [
  /** Every page of every table can be read. */
  v.strictObject({ kind: v.literal('readable') }),
  /** Every B-tree index agrees with its table. */
  v.strictObject({ kind: v.literal('indexes') }),
  /** Every declared foreign key holds. */
  v.strictObject({ kind: v.literal('foreign-keys') }),
  /** No table that had rows when the last drill passed is empty now, but for those that come and go. */
  v.strictObject({ kind: v.literal('not-emptied'), except: v.optional(v.array(table)) }),
  v.pipe(
    v.strictObject({ kind: v.literal('row-count'), table, atLeast: v.optional(count), atMost: v.optional(count) }),
    v.check((c) => c.atLeast !== undefined || c.atMost !== undefined, 'needs atLeast, atMost or both'),
    v.check((c) => canPass(c), NEVER_PASSES),
  ),
  /** The newest value of the column is at most `withinSeconds` older than the restore point. */
  v.strictObject({ kind: v.literal('fresh'), table, column: name, withinSeconds: seconds }),
  /** No value of the column is later than the restore point. */
  v.strictObject({ kind: v.literal('nothing-after'), table, column: name }),
  /** Every non-null `table.column` has its row in `parent.parentColumn`. */
  v.strictObject({ kind: v.literal('no-orphans'), table, column: name, parent: table, parentColumn: name }),
  /** A query of the user's own that returns one row of one value. */
  v.pipe(
    v.strictObject({
      kind: v.literal('query'),
      name,
      sql: text,
      equals: v.optional(v.union([v.string(), v.number(), v.boolean()])),
      atLeast: v.optional(v.number()),
      atMost: v.optional(v.number()),
    }),
    v.check(
      (c) => c.equals !== undefined || c.atLeast !== undefined || c.atMost !== undefined,
      'needs an expectation: equals, atLeast or atMost',
    ),
    v.check((c) => canPass(c), NEVER_PASSES),
  ),
]);
export type Check = v.InferOutput<typeof check>;

/** What runs when a user names no check: what is wrong with any database, whatever it holds. */
export const GENERIC_CHECKS: readonly Check[] = [
  { kind: 'readable' },
  { kind: 'foreign-keys' },
  { kind: 'indexes' },
  { kind: 'not-emptied' },
];

/** What is examined in a restored instance, and where the evidence of it goes. */
const proof = {
  plan: label,
  target: label,
  drill: label,
  /** The database to connect to. The source's initial one, else `postgres`, when absent. */
  database: v.optional(name),
  /** The generic ones when empty. */
  checks: v.pipe(v.array(check), v.maxLength(100)),
  objectives: v.strictObject({ rpoSeconds: seconds, rtoSeconds: seconds }),
  /** Function name or ARN of the examiner. */
  examiner: name,
  /** Secret whose value is the key that passwords of restored instances are derived from. */
  passwordKey: name,
  evidenceBucket: name,
};

/** What starts a drill. Whole: nothing else has to be looked up. */
export const drillRequest = v.pipe(
  v.strictObject({
    ...proof,
    source: v.strictObject({
      instance: identifier,
      /** Where the database is elsewhere, and copies of its backups are here: what these don't tell. */
      copied: v.optional(
        v.strictObject({
          /** ARN of the database. */
          from: name,
          /** Unknown when absent: then the copy's has to be told. */
          instanceClass: v.optional(name),
          /** In this region. The default one of the engine's version when absent. */
          parameterGroup: v.optional(name),
        }),
      ),
    }),
    restore: restorePoint,
    copy: v.strictObject({
      /** Start of the copy's identifier, ending in a hyphen; the run follows. */
      prefix: v.pipe(
        v.string(),
        v.startsWith(COPY_PREFIX),
        v.regex(/^[a-z](-?[a-z0-9])*-$/, 'must be lower case letters, digits and single hyphens, ending in a hyphen'),
        v.maxLength(63 - RUN_SUFFIX_LENGTH),
      ),
      subnetGroup: name,
      securityGroups: v.pipe(v.array(name), v.minLength(1)),
      /** The source's when absent. */
      instanceClass: v.optional(name),
      /** How long a copy may live before the janitor deletes it. */
      expiresAfterSeconds: seconds,
    }),
  }),
  // `postgres` would be examined instead, and pass, empty as it is.
  v.check(
    ({ source, database }) => !source.copied || database !== undefined,
    "needs the name of the database: copies of backups don't tell it",
  ),
  v.check(
    ({ source, copy }) => !source.copied || (source.copied.instanceClass ?? copy.instanceClass) !== undefined,
    "needs an instance class, the source's or the copy's: copies of backups don't tell it",
  ),
);
export type DrillRequest = v.InferOutput<typeof drillRequest>;

/** AWS Backup puts it on what restore tests make, and deletes what carries it. IAM lets a validator change nothing else. */
export const RESTORE_TEST_TAG = 'awsbackup-restore-test';
/** What identifiers of instances that restore tests make start with. */
export const RESTORE_TEST_PREFIX = 'awsbackup-restore-test-';

/** What starts the validation of a restore that AWS Backup made to test a recovery point. */
export const validationRequest = v.strictObject({
  ...proof,
  /** The job, as EventBridge tells of it. */
  restoreJob: name,
  /** ARN of the restore testing plan. Restores that others began are left alone. */
  testingPlan: name,
  source: v.strictObject({ instance: identifier }),
  /** The newest recovery point is tested, not one at random: then its age is what would have been lost. */
  newest: v.boolean(),
  /** How long AWS Backup leaves the restored instance standing. */
  windowSeconds: seconds,
});
export type ValidationRequest = v.InferOutput<typeof validationRequest>;

/** What starts the janitor: it deletes expired copies whose identifier starts with the prefix. */
export const janitorRequest = v.strictObject({ prefix: v.pipe(v.string(), v.startsWith(COPY_PREFIX)) });
export type JanitorRequest = v.InferOutput<typeof janitorRequest>;

/** What starts the watch on overdue drills. */
export const watchRequest = v.strictObject({
  evidenceBucket: name,
  drills: v.array(v.strictObject({ plan: label, target: label, drill: label })),
});
export type WatchRequest = v.InferOutput<typeof watchRequest>;

const accountId = v.pipe(v.string(), v.regex(/^\d{12}$/, 'must be an account of 12 digits'));

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html */
const tagValue = v.pipe(
  v.string(),
  v.regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u, 'must be 1 to 256 letters, digits, spaces or any of _.:/=+-@'),
);

/** What starts a round of copying snapshots to where they outlive the region, or the account. */
export const snapshotCopyRequest = v.pipe(
  v.strictObject({
    plan: label,
    target: label,
    /** Name of this copying, among those of the target. */
    copy: label,
    source: v.strictObject({
      /** The database's own automated snapshots, or copies that another account shares with this one. */
      kind: v.picklist(['automated', 'shared']),
      region: name,
      instance: identifier,
      /** ARN of the database. Shared copies name the account that shares them in it. */
      arn: name,
    }),
    destination: v.strictObject({
      region: name,
      /** A key there: ARN of it, or of an alias. */
      key: name,
      /** RDS's default one for the engine when absent. */
      optionGroup: v.optional(name),
    }),
    /** How long copies are kept, counted from when their snapshot was taken. */
    keepSeconds: seconds,
    /** Accounts that may copy the copies on. */
    shareWith: v.array(accountId),
  }),
  v.check(
    (request) => v.is(tagValue, copiedBy(request)),
    'plan, target and copy become a tag, so together they must be 254 letters, digits, spaces or any of _.:/=+-@ at most',
  ),
);
export type SnapshotCopyRequest = v.InferOutput<typeof snapshotCopyRequest>;

/** Start of keys in a bucket: empty, or ending in a slash. */
const keyPrefix = v.pipe(
  v.string(),
  v.regex(/^$|^[^/].*\/$/, 'must be empty, or end in a slash and not start with one'),
);

/** What starts the handler that stores configuration. What is absent means all there is in the region. */
export const configurationRequest = v.strictObject({
  bucket: name,
  prefix: keyPrefix,
  /** Names of CloudFormation stacks. */
  stacks: v.optional(v.array(name)),
  /** What names of SSM parameters start with. */
  parameters: v.optional(v.array(text)),
  /** Families of ECS task definitions. */
  taskDefinitions: v.optional(v.array(name)),
  /** ECS services, as `cluster/service`. */
  services: v.optional(v.array(v.pipe(v.string(), v.regex(/^[^/]+\/[^/]+$/, 'must be cluster/service')))),
  /** Domain names of Route 53's hosted zones. */
  zones: v.optional(v.array(name)),
  /** ARN of the KMS key that encrypts the values of secure parameters; they are left out without it. */
  secureValuesKey: v.optional(name),
});
export type ConfigurationRequest = v.InferOutput<typeof configurationRequest>;

/** What starts an export of container images. */
export const imageExportRequest = v.strictObject({
  bucket: name,
  prefix: keyPrefix,
  repositories: v.pipe(v.array(name), v.minLength(1)),
  /** How many of each repository's newest images with a tag are exported. */
  newest: v.pipe(count, v.minValue(1)),
});
export type ImageExportRequest = v.InferOutput<typeof imageExportRequest>;

/** What starts the watch on backups that lie in a bucket. */
export const backupWatchRequest = v.strictObject({
  bucket: name,
  backups: v.array(v.strictObject({ backup: text, prefix: keyPrefix })),
});
export type BackupWatchRequest = v.InferOutput<typeof backupWatchRequest>;

/** Written under a backup's prefix each time that one was made and found good; replaced by the next. */
export const lastGoodKey = (prefix: string) => `${prefix}last-good.json`;
export const lastGood = v.object({ finished: moment, bytes: v.optional(count) });
export type LastGood = v.InferOutput<typeof lastGood>;

/** Kept by the watch: sizes of the newest good backups, so that one of an unusual size is told of. */
export const backupSizesKey = (prefix: string) => `${prefix}sizes.json`;
export const backupSizes = v.array(v.object({ finished: moment, bytes: count }));
export type BackupSizes = v.InferOutput<typeof backupSizes>;

/** Written once, when a backup is first watched: before its first success, its age counts from here. */
export const backupWatchedSinceKey = (prefix: string) => `${prefix}watched-since.json`;

/**
 * Where evidence lies in its bucket: `evidence/<plan>/<target>/<sequence>.json`, its readable form beside it, one hash
 * chain for each target of a plan.
 */
export const evidencePrefix = (of: { plan: string; target: string }) => `evidence/${of.plan}/${of.target}/`;

/** Written once, when a drill is first watched: before its first success, its age counts from here. */
export const watchedSinceKey = (of: { plan: string; target: string; drill: string }) =>
  `${evidencePrefix(of)}watched-since-${of.drill}.json`;

/** One check's result. `observed` and `reason` never carry values of users' rows. */
export const checkResult = v.variant('outcome', [
  v.strictObject({ check: v.string(), outcome: v.literal('passed'), observed: v.string() }),
  v.strictObject({ check: v.string(), outcome: v.literal('failed'), observed: v.string(), expected: v.string() }),
  v.strictObject({ check: v.string(), outcome: v.literal('not-run'), reason: v.string() }),
]);
export type CheckResult = v.InferOutput<typeof checkResult>;

const measured = v.strictObject({
  seconds: v.pipe(v.number(), v.minValue(0)),
  objectiveSeconds: seconds,
  met: v.boolean(),
});

/** What a run leaves: one document, linked by hash to the one before of the same target. */
export const evidence = v.object({
  schema: v.literal('lifeboat/evidence/1'),
  plan: label,
  target: label,
  drill: label,
  run: name,
  /** 1 for a target's first document. */
  sequence: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** The document before, and the SHA-256 of its bytes in hex; null for the first. */
  previous: v.nullable(v.strictObject({ key: v.string(), sha256: v.string() })),
  outcome: v.picklist(['passed', 'failed']),
  /** Why it did not pass, one sentence each; empty when it did. */
  findings: v.array(v.string()),
  started: moment,
  finished: moment,
  source: v.nullable(
    v.object({
      instance: v.string(),
      engine: v.string(),
      instanceClass: v.string(),
      storageGiB: v.number(),
      /** ARN of the database, where it is elsewhere and a copy of its backups was restored. */
      copiedFrom: v.optional(v.string()),
    }),
  ),
  /** Absent when the run ended before a copy was asked for. */
  copy: v.nullable(
    v.object({
      instance: v.string(),
      instanceClass: v.string(),
      engine: v.string(),
      databaseBytes: v.nullable(v.number()),
    }),
  ),
  /** The moment gone back to. */
  restorePoint: v.nullable(
    v.object({
      requested: v.string(),
      time: moment,
      snapshot: v.nullable(v.string()),
      /** ARN of the replicated backups that were restored from, where they were. */
      automatedBackups: v.optional(v.string()),
      latestRestorable: moment,
    }),
  ),
  /** Start of the drill until all checks had passed; null when they did not. */
  recoveryTime: v.nullable(measured),
  /** Start of the drill minus the newest moment that could have been restored then. */
  recoveryPoint: v.nullable(measured),
  /** Restore point minus the newest row found in it; null without a `fresh` check. */
  freshnessSeconds: v.nullable(v.number()),
  phases: v.array(v.strictObject({ phase: v.string(), seconds: v.number() })),
  checks: v.array(checkResult),
  /** Tables that held rows, for the next drill to compare with. */
  tablesWithRows: v.array(v.string()),
  /** What a reader has to know to weigh the result. */
  notes: v.array(v.string()),
});
export type Evidence = v.InferOutput<typeof evidence>;

/** Whose own backups are watched. */
export const databaseWatchRequest = v.strictObject({ instance: identifier });
export type DatabaseWatchRequest = v.InferOutput<typeof databaseWatchRequest>;

/** What CloudFormation has a database's backups set to, where it doesn't make the database. What is absent is left alone. */
export const backupSettings = v.strictObject({
  instance: identifier,
  /** UTC, as RDS writes it: hh:mm-hh:mm. */
  window: v.optional(v.pipe(v.string(), v.regex(/^\d\d:\d\d-\d\d:\d\d$/, 'must be hh:mm-hh:mm'))),
  retentionDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(35))),
  copyTagsToSnapshot: v.optional(v.literal(true)),
  deletionProtection: v.optional(v.literal(true)),
});
export type BackupSettings = v.InferOutput<typeof backupSettings>;

/** Tags on every snapshot taken before a deployment. IAM lets pruning delete only what carries them. */
export const DEPLOYMENT_SNAPSHOT_TAGS = {
  /** Identifier of the database. */
  beforeDeploymentOf: 'lifeboat:before-deployment-of',
  /** `last`: deleted once there are enough newer ones. `forever`: never. */
  keep: 'lifeboat:keep',
  reason: 'Reason',
  deploymentVersion: 'DeploymentVersion',
} as const;

/** What identifiers of one database's snapshots before deployments start with. */
export const snapshotPrefix = (instance: string) => `lifeboat-before-${instance}-`;

/** One snapshot before a deployment. */
export const deploymentSnapshotRequest = v.strictObject({
  instance: identifier,
  reason: tagValue,
  deploymentVersion: tagValue,
  /** How many such snapshots of the database are kept, this one among them. All, and this one for ever, when absent. */
  keepLast: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export type DeploymentSnapshotRequest = v.InferOutput<typeof deploymentSnapshotRequest>;

/** Exports that RDS has in flight at once in one account, at most. */
export const EXPORTS_IN_FLIGHT = 5;

/** What starts an export of the newest automated snapshot. */
export const snapshotExportRequest = v.strictObject({
  instance: identifier,
  bucket: name,
  /** Without a slash at its end. */
  prefix: name,
  /** Where the export says that it was made, and found good. */
  statusPrefix: keyPrefix,
  role: name,
  key: name,
});
export type SnapshotExportRequest = v.InferOutput<typeof snapshotExportRequest>;

/** Tags on every snapshot of a cache. IAM lets pruning delete only what carries them. */
export const CACHE_SNAPSHOT_TAGS = {
  /** Id or name of the cache. */
  snapshotOf: 'lifeboat:cache-snapshot-of',
  /** Prefix of who takes them: a cache may have several schedules. */
  takenBy: 'lifeboat:taken-by',
} as const;

/** EventBridge Scheduler puts the moment here for which it starts a run: the same at every try. */
export const SCHEDULED_TIME = '<aws.scheduler.scheduled-time>';

const cacheTarget = v.strictObject({ kind: v.picklist(['replication-group', 'cluster', 'serverless']), id: name });
export type CacheTarget = v.InferOutput<typeof cacheTarget>;

/** Start of snapshots' names. */
export const cacheSnapshotPrefix = v.pipe(
  v.string(),
  v.regex(/^[a-z](-?[a-z0-9])*-$/, 'must be lower case letters, digits and single hyphens, ending in a hyphen'),
  v.maxLength(63),
);

/** What starts a round of snapshots of a cache. */
export const cacheSnapshotRequest = v.strictObject({
  /** Name in metrics. */
  backup: text,
  cache: cacheTarget,
  prefix: cacheSnapshotPrefix,
  /** When a snapshot is due. None is taken when absent. */
  due: v.optional(moment),
  keepSeconds: seconds,
});
export type CacheSnapshotRequest = v.InferOutput<typeof cacheSnapshotRequest>;

/** What starts an export of a cache. Its files are `<prefix><due>-0001.rdb` and on, at the root of the bucket. */
export const cacheExportRequest = v.strictObject({
  cache: cacheTarget,
  bucket: name,
  prefix: cacheSnapshotPrefix,
  /** Where the export says that it was made, and found good. */
  statusPrefix: keyPrefix,
  due: moment,
});
export type CacheExportRequest = v.InferOutput<typeof cacheExportRequest>;

/**
 * Reads outside input once: at a runbook's door, where nothing was started yet, and at synth, where nothing was to be.
 *
 * @throws Error that names every problem, not just the first
 */
export function parse<T>(schema: v.GenericSchema<unknown, T>, input: unknown, what: string): T {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => `  ${v.getDotPath(issue) ?? what}: ${issue.message}`);
  throw new Error(`${what} is not valid, so it can't be used; correct:\n${problems.join('\n')}`);
}
