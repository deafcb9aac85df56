import {
  type DrillDefinition,
  type DrillRequest,
  isAutomatedOf,
  isCopyOf,
  type RestorePointRequest,
} from '../contract';

/**
 * The restore point of a run: the one in its request, else the deployed one.
 *
 * @throws when it is a snapshot that the drill's role may not restore: roles are limited by names, and only automated
 *   snapshots and their copies have the database's name in theirs
 */
export function chosenRestore(
  { restore: deployed, source: { instance, copied } }: DrillDefinition,
  { restore }: DrillRequest,
): RestorePointRequest {
  if (restore === undefined) return deployed;
  if (restore.kind !== 'snapshot') return restore;
  const { snapshot } = restore;
  if (deployed.kind === 'snapshot' && deployed.snapshot === snapshot) return restore;
  if (copied ? isCopyOf(instance, snapshot) : isAutomatedOf(instance, snapshot)) return restore;
  throw new Error(
    `restore: snapshot '${snapshot}' is not named as ${copied ? 'copies of automated snapshots' : 'automated snapshots'} of ` +
      `'${instance}' are, so this drill may not restore it; deploy a drill with RestorePoint.snapshot('${snapshot}') for it`,
  );
}
