/** What a drill leaves behind. */
import * as v from 'valibot';
import { label, moment, name, seconds } from './fields';

/**
 * The format that this version writes. Others are read as far as possible: a chain outlives the versions that write to
 * it.
 */
export const EVIDENCE_SCHEMA = 'lifeboat/evidence/2';

/**
 * Where evidence lies in its bucket: `evidence/<plan>/<target>/<sequence>.json`, its readable form, its signature and
 * the key to verify it beside it; one hash chain for each target of a plan.
 */
export const evidencePrefix = (of: { plan: string; target: string }) => `evidence/${of.plan}/${of.target}/`;

/** Written once, when a drill is first watched: before its first success, its age counts from here. */
export const watchedSinceKey = (of: { plan: string; target: string; drill: string }) =>
  `${evidencePrefix(of)}watched-since-${of.drill}.json`;

/** What a reader should know and does not fail the check: the object, what was expected, what was found, what to do. */
const warnings = v.optional(v.array(v.string()));
const remedy = v.optional(v.string());

/** One check's result. No text carries values of users' rows. */
export const checkResult = v.variant('outcome', [
  v.object({ check: v.string(), outcome: v.literal('passed'), observed: v.string(), warnings }),
  v.object({
    check: v.string(),
    outcome: v.literal('failed'),
    observed: v.string(),
    expected: v.string(),
    remedy,
    warnings,
  }),
  v.object({ check: v.string(), outcome: v.literal('not-run'), reason: v.string(), remedy, warnings }),
]);
export type CheckResult = v.InferOutput<typeof checkResult>;

export const measured = v.object({
  seconds: v.pipe(v.number(), v.minValue(0)),
  objectiveSeconds: seconds,
  met: v.boolean(),
});

/** The document before, and the SHA-256 of its bytes in hex; null for the first. */
const previous = v.nullable(v.object({ key: v.string(), sha256: v.string() }));

/** What ties a document of any version to its place in a chain, and to its run. */
export const evidenceLink = v.object({
  schema: v.pipe(v.string(), v.regex(/^lifeboat\/evidence\/\d+$/)),
  plan: v.string(),
  target: v.string(),
  run: v.string(),
  sequence: v.number(),
  previous,
});

export type EvidenceLink = v.InferOutput<typeof evidenceLink>;

/**
 * What a run leaves: one document, linked by hash to the one before of the same target. Nothing in it is strict: a
 * document of a newer version may have fields that this version doesn't know, and the chain must stay readable.
 */
export const evidence = v.object({
  schema: v.pipe(v.string(), v.regex(/^lifeboat\/evidence\/\d+$/)),
  plan: label,
  target: label,
  drill: label,
  run: name,
  /** The number that its key has; 1 for a target's first document. */
  sequence: v.pipe(v.number(), v.integer(), v.minValue(1)),
  previous,
  /** What was deployed with the function. A run's request can't change any of it. */
  definition: v.optional(
    v.object({
      /** SHA-256 of the definition's JSON, in hex. */
      sha256: v.string(),
      /**
       * The database that the user's own checks query: the one named, else the source's initial one. Null where
       * unknown.
       */
      database: v.nullable(v.string()),
      /** All of them, with their queries. */
      checks: v.array(v.looseObject({ kind: v.string() })),
    }),
  ),
  /** What the run's request chose. */
  request: v.optional(
    v.object({
      /** The deployed one when null. */
      restore: v.nullable(v.looseObject({ kind: v.string() })),
      reason: v.nullable(v.string()),
    }),
  ),
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
      /** ARN of the database, when it is in another region or account and a copy of its backups was restored. */
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
  /** The restored moment. */
  restorePoint: v.nullable(
    v.object({
      requested: v.string(),
      time: moment,
      snapshot: v.nullable(v.string()),
      /** ARN of the replicated backups, when these were restored. */
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
  phases: v.array(v.object({ phase: v.string(), seconds: v.number() })),
  /** Results of a kind that only a newer version knows are left out. */
  checks: v.pipe(
    v.array(v.unknown()),
    v.transform((results) => results.filter((result): result is CheckResult => v.is(checkResult, result))),
  ),
  /** What the restored instance held, for later proofs to compare with: an object beside this one. */
  inventory: v.optional(v.nullable(v.object({ key: v.string(), sha256: v.string(), databases: v.array(v.string()) }))),
  /** SHA-256 of its readable form, in hex. */
  text: v.optional(v.object({ sha256: v.string() })),
  /** What a reader should know and did not fail the run, one sentence each. Absent in older documents. */
  warnings: v.optional(v.array(v.string())),
  /** What a reader needs to judge the result. */
  notes: v.array(v.string()),
});

export type Evidence = v.InferOutput<typeof evidence>;

/** A run's document before it has its place in the chain. */
export type EvidenceDraft = Omit<Evidence, 'sequence' | 'previous' | 'text'>;
