/**
 * What is deployed, for `lifeboat` and for other programs to find: a parameter of SSM's Parameter Store for each
 * drill, in the drill's own region, so that a recovery region is read while the primary one is down.
 */
import * as v from 'valibot';
import { identifier, label, text } from './fields';

/** All of them: `aws ssm get-parameters-by-path --recursive --path /lifeboat/targets`. */
export const DEPLOYED_PATH = '/lifeboat/targets';

/** Readers of this version take fields that they don't know. What a field means changes only with the version. */
const FORMAT_VERSION = 1;

export const deployedDrill = v.object({
  formatVersion: v.literal(FORMAT_VERSION, `must be ${FORMAT_VERSION}; another one needs another version of Lifeboat`),
  /** What of the target is deployed: a drill. Readers leave out kinds that they don't know. */
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

/**
 * Name of a drill's parameter. Names take letters, digits and `_.-`; any other character, and the dot, is written as a
 * dot and its code in two hexadecimal digits, so that no two drills meet.
 */
export const deployedParameter = ({ plan, target, drill }: Pick<DeployedDrill, 'plan' | 'target' | 'drill'>) =>
  [DEPLOYED_PATH, ...[plan, target, drill].map(encoded)].join('/');

const encoded = (name: string) =>
  name.replace(/[^\w-]/g, (character) => `.${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
