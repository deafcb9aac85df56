/** What is deployed with recoveries of a database, and what starts them. */
import * as v from 'valibot';
import { check, drillDefinition, restorePoint } from './drill';
import { count, identifier, label, name, notChosen, seconds, text } from './fields';
import { RUN_SUFFIX_LENGTH } from './names';

/** How applications reach the recovered database instead of the damaged one. Several may be combined. */
export const cutOver = v.variant('kind', [
  /** A new version of a secret with the recovered database's host and port; the old version stays. */
  v.strictObject({
    kind: v.literal('secret'),
    /** ARN. */
    secret: name,
    /** Fields of its JSON, if they are not `host` and `port`. */
    hostField: v.optional(name),
    portField: v.optional(name),
  }),
  /** The original gets another identifier first, and the recovered database then gets its. */
  v.strictObject({ kind: v.literal('rename') }),
  /** A CNAME in Route 53, changed only while it still has the value that was recorded. */
  v.strictObject({ kind: v.literal('dns'), zone: name, record: name }),
  /** A parameter of SSM that holds the host, or `host:port`. */
  v.strictObject({ kind: v.literal('parameter'), parameter: name, withPort: v.optional(v.boolean()) }),
]);
export type CutOver = v.InferOutput<typeof cutOver>;

/** What is restarted so that it reads where the database is now. */
export const restart = v.variant('kind', [
  v.strictObject({ kind: v.literal('ecs'), cluster: name, service: name }),
  /** An instance refresh of an Auto Scaling group. */
  v.strictObject({ kind: v.literal('instance-refresh'), group: name }),
  /** Publishes a version of the function, and moves the alias to it. */
  v.strictObject({ kind: v.literal('lambda'), function: name, alias: name }),
  /** A document of SSM on hosts with a tag, as for `docker compose restart`. */
  v.strictObject({
    kind: v.literal('command'),
    document: name,
    tagKey: name,
    tagValue: name,
    commands: v.pipe(v.array(text), v.minLength(1)),
  }),
  /** A secret of Kubernetes is patched, and deployments are restarted, through the cluster's API. */
  v.strictObject({
    kind: v.literal('kubernetes'),
    cluster: name,
    namespace: name,
    deployments: v.pipe(v.array(name), v.minLength(1)),
    /** Secret of Kubernetes whose field gets the host. */
    secret: v.optional(v.strictObject({ name, hostField: name })),
  }),
]);
export type Restart = v.InferOutput<typeof restart>;

/** What has to be so before the recovery counts as done. */
export const health = v.variant('kind', [
  v.strictObject({
    kind: v.literal('http'),
    url: v.pipe(v.string(), v.url(), v.startsWith('https://', 'must start with https://')),
    /** @default 200 */
    status: v.optional(count),
  }),
  /** Alarms of CloudWatch that must be OK. */
  v.strictObject({ kind: v.literal('alarms'), names: v.pipe(v.array(name), v.minLength(1), v.maxLength(100)) }),
  /** A query on the recovered database that must return one row of one true value. */
  v.strictObject({ kind: v.literal('query'), sql: text }),
]);
export type Health = v.InferOutput<typeof health>;

/** The agreement that is needed before anything of production is changed. */
export const approval = v.strictObject({
  /** Not asked for at all. */
  waived: v.optional(v.literal(true)),
  /** Whether the person who started the recovery may approve it as well. */
  byStarter: v.optional(v.literal(true)),
  timeoutSeconds: seconds,
});
export type Approval = v.InferOutput<typeof approval>;

/** Fields that every recovery is deployed with. */
export const recovery = {
  plan: label,
  target: label,
  /** Name of this recovery, among those of the target. */
  recovery: label,
  /** The live database. It is known by its DbiResourceId, since a rename moves its identifier. */
  source: v.strictObject({
    instance: identifier,
    /** The one that was deployed for; a database of another id is not touched. Absent where synth can't know it. */
    resourceId: v.optional(name),
    copied: drillDefinition.pipe[0].entries.source.entries.copied,
  }),
  /** Secret with `username` and `password` of the database's master user. */
  credentials: name,
  /** The database that the user's own checks query. */
  database: v.optional(name),
  databases: v.optional(v.array(name)),
  checks: v.pipe(v.array(check), v.maxLength(100)),
  objectives: v.strictObject({ rpoSeconds: seconds, rtoSeconds: seconds }),
  /** Function name or ARN of the examiner of recoveries, which reaches production. Drills have another. */
  examiner: name,
  evidenceBucket: name,
  signingKey: name,
  approval,
  /** ARN of a topic to notify at the start, when an approval is wanted, and at the end. */
  notify: v.optional(name),
  /** Whether it may be started without a proof of identity, as by an alarm. */
  unattended: v.optional(v.literal(true)),
};

const instancePrefix = (what: string) =>
  v.pipe(
    v.string(),
    v.regex(
      /^[a-z](-?[a-z0-9])*-$/,
      `${what} must be lower case letters, digits and single hyphens, ending in a hyphen`,
    ),
    v.check(
      (prefix) => !prefix.startsWith('lifeboat-'),
      `${what} must not start with lifeboat-, as drills' instances do`,
    ),
    v.maxLength(63 - RUN_SUFFIX_LENGTH),
  );

/** The definition of recoveries of a whole database. */
export const databaseRecoveryDefinition = v.strictObject({
  ...recovery,
  recovered: v.strictObject({
    /** Start of the recovered database's identifier; the run follows. */
    prefix: instancePrefix('prefix'),
    /** Start of the identifier that a rename gives the damaged database; the run follows. */
    replacedPrefix: instancePrefix('replacedPrefix'),
    /** The source's when absent; required when it is gone, or in another region. */
    subnetGroup: v.optional(name),
    securityGroups: v.optional(v.pipe(v.array(name), v.minLength(1))),
    instanceClass: v.optional(name),
    parameterGroup: v.optional(name),
    /** Key that encrypts what is recovered from an unencrypted source. */
    encryptionKey: v.optional(name),
    /** Restored without encryption, as its source is. */
    unencrypted: v.optional(v.literal(true)),
  }),
  /** `connect`: nobody but the master user may connect, and sessions are ended; `none`: writes go on until the end. */
  fence: v.picklist(['connect', 'none']),
  cutOver: v.pipe(v.array(cutOver), v.minLength(1)),
  restart: v.array(restart),
  health: v.array(health),
  /** How long health must hold before the recovery is reported as done. */
  watchSeconds: seconds,
  /** How long a rollback is possible. */
  holdSeconds: seconds,
});
export type DatabaseRecoveryDefinition = v.InferOutput<typeof databaseRecoveryDefinition>;

/** Identity of the person who starts or approves: a presigned call of STS that only they can sign. */
export const identityProof = v.pipe(text, v.maxLength(8192));

const reason = v.pipe(text, v.maxLength(500, 'must be 500 characters at most'));

/** What may be chosen for a recovery of a database. */
export const databaseRecoveryRequest = v.variant('action', [
  v.strictObject(
    {
      action: v.literal('recover'),
      /** The moment or snapshot to go back to. */
      to: restorePoint,
      reason,
      /** Ends after the comparison; nothing of production is changed. */
      dryRun: v.optional(v.boolean()),
      startedBy: v.optional(identityProof),
    },
    notChosen('a recovery', 'action, to, reason, dryRun and startedBy'),
  ),
  v.strictObject(
    {
      action: v.literal('roll-back'),
      /** The run to roll back. */
      run: name,
      reason,
      startedBy: v.optional(identityProof),
    },
    notChosen('a rollback', 'action, run, reason and startedBy'),
  ),
]);
export type DatabaseRecoveryRequest = v.InferOutput<typeof databaseRecoveryRequest>;

/** How rows of a table come back. */
export const tableWay = v.picklist(['insert-missing', 'overwrite-changed', 'swap']);
export type TableWay = v.InferOutput<typeof tableWay>;

/** The definition of recoveries of tables. The restored copy that rows are read from is made as a drill's is. */
export const tableRecoveryDefinition = v.strictObject({
  ...recovery,
  copy: drillDefinition.pipe[0].entries.copy,
  /** Secret whose value is the key that the copy's password is derived from. */
  passwordKey: name,
  /** How long an undo is possible; the copy is kept as long as the run needs it only. */
  holdSeconds: seconds,
});
export type TableRecoveryDefinition = v.InferOutput<typeof tableRecoveryDefinition>;

const tables = v.pipe(
  v.array(v.strictObject({ schema: name, table: name })),
  v.minLength(1, 'must name a table'),
  v.maxLength(100),
);

/** What may be chosen for a recovery of tables. */
export const tableRecoveryRequest = v.variant('action', [
  v.strictObject(
    {
      action: v.literal('recover'),
      to: restorePoint,
      /** Database that holds them. The deployed one when absent. */
      database: v.optional(name),
      tables,
      way: tableWay,
      reason,
      dryRun: v.optional(v.boolean()),
      startedBy: v.optional(identityProof),
    },
    notChosen('a recovery of tables', 'action, to, database, tables, way, reason, dryRun and startedBy'),
  ),
  v.strictObject(
    { action: v.literal('undo'), run: name, reason, startedBy: v.optional(identityProof) },
    notChosen('an undo', 'action, run, reason and startedBy'),
  ),
]);
export type TableRecoveryRequest = v.InferOutput<typeof tableRecoveryRequest>;
