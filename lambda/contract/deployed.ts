/**
 * What is deployed, for `lifeboat` and for other programs to find: a parameter of SSM's Parameter Store for each drill
 * and each recovery, in its own region, so that a recovery region is read while the primary one is down.
 */
import * as v from 'valibot';
import { identifier, label, text } from './fields';

/** All of them: `aws ssm get-parameters-by-path --recursive --path /lifeboat/targets`. */
export const DEPLOYED_PATH = '/lifeboat/targets';

/** Readers of this version take fields that they don't know. What a field means changes only with the version. */
const FORMAT_VERSION = 1;

export const deployedDrill = v.object({
  formatVersion: v.literal(FORMAT_VERSION, `must be ${FORMAT_VERSION}; another one needs another version of Lifeboat`),
  /** What of the target is deployed. Readers leave out kinds that they don't know. */
  kind: v.literal('drill'),
  /** Names, as evidence has them. */
  plan: label,
  target: label,
  drill: label,
  /** Where all that is named here lies. */
  region: text,
  /** Identifier of the RDS instance that is restored, in its own region. */
  instance: identifier,
  /** ARN of the alias to invoke, asynchronously, with `{ restore?, reason? }`. */
  function: text,
  /** Name of the schedule of EventBridge Scheduler that starts the drill. */
  schedule: text,
  evidenceBucket: text,
  /** ARN of the key that signs evidence. */
  signingKey: text,
});

export type DeployedDrill = v.InferOutput<typeof deployedDrill>;

export const deployedRecovery = v.object({
  formatVersion: deployedDrill.entries.formatVersion,
  kind: v.literal('recovery'),
  /** What is brought back: the whole database, or tables of it. */
  of: v.picklist(['database', 'tables']),
  plan: label,
  target: label,
  recovery: label,
  region: text,
  /** Identifier of the live RDS instance. */
  instance: identifier,
  /** ARN of the alias to invoke, asynchronously, with a request of `databaseRecoveryRequest` or `tableRecoveryRequest`. */
  function: text,
  /** The person who has to agree: `another` than the one who started it, `anyone` who may, or `no-one`. */
  approval: v.picklist(['another', 'anyone', 'no-one']),
  /** How applications are sent to the recovered database, as in `secret`. Empty for tables. */
  cutOver: v.array(text),
  evidenceBucket: text,
  /** ARN of the key that signs evidence. */
  signingKey: text,
});

export type DeployedRecovery = v.InferOutput<typeof deployedRecovery>;

/** The parameters of all kinds that this version knows. */
export const deployed = v.variant('kind', [deployedDrill, deployedRecovery]);

/** The kind of a parameter, which a reader looks at before the rest. */
export const deployedKind = v.object({ formatVersion: deployedDrill.entries.formatVersion, kind: text });

/**
 * Name of a drill's parameter. Names take letters, digits and `_.-`; any other character, and the dot, is written as a
 * dot and its code in two hexadecimal digits, so that no two drills meet.
 */
export const deployedParameter = ({ plan, target, drill }: Pick<DeployedDrill, 'plan' | 'target' | 'drill'>) =>
  [DEPLOYED_PATH, ...[plan, target, drill].map(encoded)].join('/');

/** The same for a recovery, which may have the id of a drill. */
export const deployedRecoveryParameter = ({
  plan,
  target,
  recovery,
}: Pick<DeployedRecovery, 'plan' | 'target' | 'recovery'>) =>
  [DEPLOYED_PATH, ...[plan, target].map(encoded), 'recovery', encoded(recovery)].join('/');

const encoded = (name: string) =>
  name.replace(/[^\w-]/g, (character) => `.${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
