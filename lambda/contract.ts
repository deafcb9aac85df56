/**
 * The contract: all that synth writes and runbooks read, in one file that both sides import.
 *
 * Everything here is plain JSON. A runbook parses what it was handed at its door, and reports all problems at once;
 * after that nothing is checked again.
 */
// As a namespace: the object `z` would put messages in fifty languages into every handler.
import * as z from 'zod';

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
  dimensions: { plan: 'Plan', target: 'Target', phase: 'Phase', drill: 'Drill' },
} as const;

const seconds = z.number().positive();
const name = z.string().min(1).max(255);
/** A name that people gave: part of evidence keys and metric dimensions. */
const label = z.string().regex(/^[^/]{1,100}$/, 'must be 1 to 100 characters without a slash');
const identifier = z.string().regex(/^[A-Za-z](-?[A-Za-z0-9])*$/, 'must be an RDS identifier');
const moment = z.iso.datetime({ offset: true });
/** `table` or `schema.table`, as in the catalog: unquoted and case-sensitive. */
const table = z.string().min(1);

/** Which moment a restore goes back to. */
export const restorePoint = z.discriminatedUnion('kind', [
  /** The latest restorable time. */
  z.strictObject({ kind: z.literal('latest') }),
  /** The newest automated snapshot that is available. */
  z.strictObject({ kind: z.literal('latest-snapshot') }),
  z.strictObject({ kind: z.literal('snapshot'), snapshot: name }),
  z.strictObject({ kind: z.literal('time'), time: moment }),
  /** A moment drawn at random from the last `withinSeconds` that can be restored. */
  z.strictObject({ kind: z.literal('random'), withinSeconds: seconds }),
]);
export type RestorePointRequest = z.infer<typeof restorePoint>;

/** One thing a restored copy must pass. */
export const check = z.discriminatedUnion('kind', [
  /** Every page of every table can be read. */
  z.strictObject({ kind: z.literal('readable') }),
  /** Every B-tree index agrees with its table. */
  z.strictObject({ kind: z.literal('indexes') }),
  /** Every declared foreign key holds. */
  z.strictObject({ kind: z.literal('foreign-keys') }),
  /** No table that had rows when the last drill passed is empty now, but for those that come and go. */
  z.strictObject({ kind: z.literal('not-emptied'), except: z.array(table).optional() }),
  z
    .strictObject({
      kind: z.literal('row-count'),
      table,
      atLeast: z.number().int().nonnegative().optional(),
      atMost: z.number().int().nonnegative().optional(),
    })
    .refine((c) => c.atLeast !== undefined || c.atMost !== undefined, 'needs atLeast, atMost or both'),
  /** The newest value of the column is at most `withinSeconds` older than the restore point. */
  z.strictObject({ kind: z.literal('fresh'), table, column: name, withinSeconds: seconds }),
  /** No value of the column is later than the restore point. */
  z.strictObject({ kind: z.literal('nothing-after'), table, column: name }),
  /** Every non-null `table.column` has its row in `parent.parentColumn`. */
  z.strictObject({ kind: z.literal('no-orphans'), table, column: name, parent: table, parentColumn: name }),
  /** A query of the user's own that returns one row of one value. */
  z
    .strictObject({
      kind: z.literal('query'),
      name,
      sql: z.string().min(1),
      equals: z.union([z.string(), z.number(), z.boolean()]).optional(),
      atLeast: z.number().optional(),
      atMost: z.number().optional(),
    })
    .refine(
      (c) => c.equals !== undefined || c.atLeast !== undefined || c.atMost !== undefined,
      'needs an expectation: equals, atLeast or atMost',
    ),
]);
export type Check = z.infer<typeof check>;

/** What runs when a user names no check: what is wrong with any database, whatever it holds. */
export const GENERIC_CHECKS: readonly Check[] = [
  { kind: 'readable' },
  { kind: 'foreign-keys' },
  { kind: 'indexes' },
  { kind: 'not-emptied' },
];

/** What starts a drill. Whole: nothing else has to be looked up. */
export const drillRequest = z.strictObject({
  plan: label,
  target: label,
  drill: label,
  source: z.strictObject({ instance: identifier }),
  restore: restorePoint,
  copy: z.strictObject({
    /** Start of the copy's identifier, ending in a hyphen; the run follows. */
    prefix: z
      .string()
      .startsWith(COPY_PREFIX)
      .regex(/^[a-z](-?[a-z0-9])*-$/, 'must be lower case letters, digits and single hyphens, ending in a hyphen')
      .max(63 - RUN_SUFFIX_LENGTH),
    subnetGroup: name,
    securityGroups: z.array(name).min(1),
    /** The source's when absent. */
    instanceClass: name.optional(),
    /** How long a copy may live before the janitor deletes it. */
    expiresAfterSeconds: seconds,
  }),
  /** The database to connect to. The source's initial one, else `postgres`, when absent. */
  database: name.optional(),
  /** The generic ones when empty. */
  checks: z.array(check).max(100),
  objectives: z.strictObject({ rpoSeconds: seconds, rtoSeconds: seconds }),
  /** Function name or ARN of the examiner. */
  examiner: name,
  /** Secret whose value is the key that copies' passwords are derived from. */
  passwordKey: name,
  evidenceBucket: name,
});
export type DrillRequest = z.infer<typeof drillRequest>;

/** What starts the janitor: it deletes expired copies whose identifier starts with the prefix. */
export const janitorRequest = z.strictObject({ prefix: z.string().startsWith(COPY_PREFIX) });
export type JanitorRequest = z.infer<typeof janitorRequest>;

/** What starts the watch on overdue drills. */
export const watchRequest = z.strictObject({
  evidenceBucket: name,
  drills: z.array(z.strictObject({ plan: label, target: label, drill: label })),
});
export type WatchRequest = z.infer<typeof watchRequest>;

/**
 * Where evidence lies in its bucket: `evidence/<plan>/<target>/<sequence>.json`, its readable form beside it, one hash
 * chain for each target of a plan.
 */
export const evidencePrefix = (of: { plan: string; target: string }) => `evidence/${of.plan}/${of.target}/`;

/** Written once, when a drill is first watched: before its first success, its age counts from here. */
export const watchedSinceKey = (of: { plan: string; target: string; drill: string }) =>
  `${evidencePrefix(of)}watched-since-${of.drill}.json`;

/** One check's result. `observed` and `reason` never carry values of users' rows. */
export const checkResult = z.discriminatedUnion('outcome', [
  z.strictObject({ check: z.string(), outcome: z.literal('passed'), observed: z.string() }),
  z.strictObject({ check: z.string(), outcome: z.literal('failed'), observed: z.string(), expected: z.string() }),
  z.strictObject({ check: z.string(), outcome: z.literal('not-run'), reason: z.string() }),
]);
export type CheckResult = z.infer<typeof checkResult>;

const measured = z.strictObject({ seconds: z.number().nonnegative(), objectiveSeconds: seconds, met: z.boolean() });

/** What a run leaves: one document, linked by hash to the one before of the same target. */
export const evidence = z.object({
  schema: z.literal('lifeboat/evidence/1'),
  plan: label,
  target: label,
  drill: label,
  run: name,
  /** 1 for a target's first document. */
  sequence: z.number().int().positive(),
  /** The document before, and the SHA-256 of its bytes in hex; null for the first. */
  previous: z.strictObject({ key: z.string(), sha256: z.string() }).nullable(),
  outcome: z.enum(['passed', 'failed']),
  /** Why it did not pass, one sentence each; empty when it did. */
  findings: z.array(z.string()),
  started: moment,
  finished: moment,
  source: z
    .object({ instance: z.string(), engine: z.string(), instanceClass: z.string(), storageGiB: z.number() })
    .nullable(),
  /** Absent when the run ended before a copy was asked for. */
  copy: z
    .object({
      instance: z.string(),
      instanceClass: z.string(),
      engine: z.string(),
      databaseBytes: z.number().nullable(),
    })
    .nullable(),
  /** The moment gone back to. */
  restorePoint: z
    .object({ requested: z.string(), time: moment, snapshot: z.string().nullable(), latestRestorable: moment })
    .nullable(),
  /** Start of the drill until all checks had passed; null when they did not. */
  recoveryTime: measured.nullable(),
  /** Start of the drill minus the newest moment that could have been restored then. */
  recoveryPoint: measured.nullable(),
  /** Restore point minus the newest row found in it; null without a `fresh` check. */
  freshnessSeconds: z.number().nullable(),
  phases: z.array(z.strictObject({ phase: z.string(), seconds: z.number() })),
  checks: z.array(checkResult),
  /** Tables that held rows, for the next drill to compare with. */
  tablesWithRows: z.array(z.string()),
  /** What a reader has to know to weigh the result. */
  notes: z.array(z.string()),
});
export type Evidence = z.infer<typeof evidence>;

/**
 * Reads outside input once, at the door.
 *
 * @throws Error that names every problem, not just the first
 */
export function parse<T>(schema: z.ZodType<T>, input: unknown, what: string): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `  ${issue.path.join('.') || what}: ${issue.message}`);
  throw new Error(`${what} is not valid, so nothing was started; correct:\n${problems.join('\n')}`);
}
