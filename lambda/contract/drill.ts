/** What is deployed with drills and validations, and what starts them, the janitor and the watch on drills. */
import * as v from 'valibot';
import {
  count,
  exactNumber,
  identifier,
  label,
  moment,
  name,
  notChosen,
  seconds,
  table,
  text,
  withoutNul,
} from './fields';
import { COPY_PREFIX, RUN_SUFFIX_LENGTH } from './names';

export const NEVER_PASSES = 'atLeast is more than atMost, so no restored instance could pass';

export interface Bounds {
  readonly atLeast?: number | undefined;
  readonly atMost?: number | undefined;
}

export function canPass({ atLeast, atMost }: Bounds): boolean {
  return atLeast === undefined || atMost === undefined || atLeast <= atMost;
}

/** The moment or the snapshot to restore. */
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

/** One thing a restored instance must pass. */
export const check = v.variant('kind', [
  /** Everything that is stored can be read: tables, TOAST, catalogs, large objects, sequences, indexes. */
  v.strictObject({ kind: v.literal('readable') }),
  /** Every index agrees with its table, and unique ones hold no key twice. */
  v.strictObject({ kind: v.literal('indexes') }),
  /** Every declared foreign key holds. */
  v.strictObject({ kind: v.literal('foreign-keys') }),
  /** Every row keeps what its table declares: NOT NULL, CHECK, exclusion. */
  v.strictObject({ kind: v.literal('constraints') }),
  /**
   * No table lost more than a share of its rows since the last proof, and no table or constraint is gone. `except`
   * names tables that come and go: `table`, `schema.table`, or a pattern of either, with `*` for any characters.
   */
  v.strictObject({
    kind: v.literal('not-shrunk'),
    /** Share of its rows that a table may lose, from 0 to 1. Half when absent. */
    lostShare: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
    except: v.optional(v.array(table)),
  }),
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
      equals: v.optional(v.union([withoutNul, exactNumber, v.boolean()])),
      atLeast: v.optional(exactNumber),
      atMost: v.optional(exactNumber),
    }),
    v.check(
      (c) => c.equals !== undefined || c.atLeast !== undefined || c.atMost !== undefined,
      'needs an expectation: equals, atLeast or atMost',
    ),
    v.check((c) => canPass(c), NEVER_PASSES),
  ),
]);

export type Check = v.InferOutput<typeof check>;

/** The checks that run when a user names none: they find damage in any database. */
export const GENERIC_CHECKS: readonly Check[] = [
  { kind: 'readable' },
  { kind: 'indexes' },
  { kind: 'constraints' },
  { kind: 'foreign-keys' },
  { kind: 'not-shrunk' },
];

/** What is examined in a restored instance, and where the evidence of it goes. */
export const proof = {
  plan: label,
  target: label,
  drill: label,
  /** The database that the user's own checks query. The source's initial one, else `postgres`, when absent. */
  database: v.optional(name),
  /** Databases to examine. All of the instance when absent, except `rdsadmin`, templates, and an empty `postgres`. */
  databases: v.optional(v.array(name)),
  /** Whether a drill may pass in which no database holds a row. */
  allowEmpty: v.optional(v.boolean()),
  /** The default checks when empty. */
  checks: v.pipe(v.array(check), v.maxLength(100)),
  objectives: v.strictObject({ rpoSeconds: seconds, rtoSeconds: seconds }),
  /** Function name or ARN of the examiner. */
  examiner: name,
  /** Secret whose value is the key that passwords of restored instances are derived from. */
  passwordKey: name,
  evidenceBucket: name,
  /** ARN of the key in KMS that signs evidence. */
  signingKey: name,
};

/**
 * What a drill is deployed with. It is complete: nothing else is looked up, and a run's request can't change any of it.
 */
export const drillDefinition = v.pipe(
  v.strictObject({
    ...proof,
    source: v.strictObject({
      instance: identifier,
      /** For a database in another region or account whose backups are copied here: what the copies do not record. */
      copied: v.optional(
        v.strictObject({
          /** ARN of the database. */
          from: name,
          /** Unknown when absent: then `copy` must state one. */
          instanceClass: v.optional(name),
          /** In this region. The default one of the engine's version when absent. */
          parameterGroup: v.optional(name),
        }),
      ),
    }),
    /** The restore point, unless a run's request states another. */
    restore: restorePoint,
    copy: v.strictObject({
      /** Start of the restored instance's identifier, ending in a hyphen; the run follows. */
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
      /** How long the restored instance may live before the janitor deletes it. */
      expiresAfterSeconds: seconds,
    }),
  }),
  // `postgres` would be examined instead, and would pass since it is empty.
  v.check(
    ({ source, database }) => !source.copied || database !== undefined,
    "needs the name of the database: copied backups don't record it",
  ),
  v.check(
    ({ source, copy }) => !source.copied || (source.copied.instanceClass ?? copy.instanceClass) !== undefined,
    "needs an instance class, of the source or of the restored instance: copied backups don't record it",
  ),
);

export type DrillDefinition = v.InferOutput<typeof drillDefinition>;

/** The request that starts a drill, with everything that may be chosen for a run. */
export const drillRequest = v.strictObject(
  {
    /** The restore point. The deployed one when absent. */
    restore: v.optional(restorePoint),
    /** Why, for whoever reads the evidence. */
    reason: v.optional(v.pipe(text, v.maxLength(500, 'must be 500 characters at most'))),
  },
  notChosen('a drill', 'restore and reason'),
);

export type DrillRequest = v.InferOutput<typeof drillRequest>;

/** The definition of validations of AWS Backup's restore tests. */
export const validationDefinition = v.strictObject({
  ...proof,
  /** ARN of the restore testing plan. Restores of other plans are left alone. */
  testingPlan: name,
  source: v.strictObject({ instance: identifier }),
  /** The newest recovery point is tested, not one at random: then its age is what would have been lost. */
  newest: v.boolean(),
  /** How long AWS Backup keeps the restored instance. */
  windowSeconds: seconds,
});

export type ValidationDefinition = v.InferOutput<typeof validationDefinition>;

/** What starts a validation. */
export const validationRequest = v.strictObject(
  {
    /** The job, from its event in EventBridge. */
    restoreJob: name,
  },
  notChosen('a validation', 'restoreJob'),
);

export type ValidationRequest = v.InferOutput<typeof validationRequest>;

/** Starts the janitor, which deletes expired restored instances whose identifier starts with the prefix. */
export const janitorRequest = v.strictObject({ prefix: v.pipe(v.string(), v.startsWith(COPY_PREFIX)) });

export type JanitorRequest = v.InferOutput<typeof janitorRequest>;

/** A run that ended without publishing, from EventBridge's event on a durable execution. */
export const endedRun = v.strictObject({
  /** Which drill each function runs. */
  runs: v.array(v.strictObject({ plan: label, target: label, drill: label, function: text })),
  /** ARN of the function that ran, with its version. */
  function: text,
  /** https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html */
  status: v.picklist(['FAILED', 'STOPPED', 'TIMED_OUT']),
  /** ARN of the durable execution. */
  execution: text,
});

export type EndedRun = v.InferOutput<typeof endedRun>;

/** What starts the watch on overdue drills. */
export const watchRequest = v.strictObject({
  evidenceBucket: name,
  /** ARN of the key in KMS that signs evidence. */
  signingKey: name,
  drills: v.array(v.strictObject({ plan: label, target: label, drill: label })),
});

export type WatchRequest = v.InferOutput<typeof watchRequest>;
