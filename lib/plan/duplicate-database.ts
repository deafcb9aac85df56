/**
 * A database that a plan has already. It may be another one in the same instance, or the same with other checks; but the
 * instance's backups and copies are one thing.
 */
import { Annotations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { SourceDatabase } from '../database/source-database';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';
import type { ProtectedDatabaseOptions } from './protected-database';

/** What a plan has, and what was asked for it. */
export type PlannedDatabases = ReadonlyMap<IConstruct, ProtectedDatabaseOptions>;

/** @throws Error when two of one instance want its backups otherwise */
export function refuseOtherSettings(
  database: IConstruct,
  options: ProtectedDatabaseOptions,
  others: PlannedDatabases,
): void {
  for (const [twin, other] of others) {
    if (!isSameInstance(options, other)) continue;
    const fact = `database '${database.node.path}' is of the same instance as '${twin.node.path}'`;
    const problems = settingProblems(options, other);
    refuseAll(`${fact}, which has one of each, so the last one deployed would undo the other`, problems);
    const doubles = doublesOf(options, other);
    if (doubles.length === 0) continue;
    Annotations.of(database).addWarningV2(
      'lifeboat:database-twice',
      `${fact}, so ${doubles.join(', and ')}; give all drills and copies to one of them, or acknowledge this with the reason`,
    );
  }
}

function settingProblems(one: ProtectedDatabaseOptions, other: ProtectedDatabaseOptions): string[] {
  const days = ({ retention }: ProtectedDatabaseOptions) =>
    retention?.isUnresolved() ? undefined : retention?.toHumanString();
  return [
    ['backup window', known(one.window?.expression), known(other.window?.expression)],
    ['backup retention', days(one), days(other)],
  ]
    .filter(([, here, there]) => here !== undefined && there !== undefined && here !== there)
    .map(([what, here, there]) => `the ${what} is ${here} here and ${there} there; state it with one of them`);
}

/** What is done twice, with nothing gained. Replicated backups are the instance's own: both say the same. */
function doublesOf(one: ProtectedDatabaseOptions, other: ProtectedDatabaseOptions): string[] {
  const doubles: string[] = [];
  if (one.databaseName === other.databaseName) {
    const name = one.databaseName === undefined ? 'its initial database' : `database ${one.databaseName}`;
    doubles.push(`the proof of ${name} is in two chains of evidence, neither of which has all drills`);
  }
  const kinds = (one.copies ?? []).map(({ kind }) => kind).filter((kind) => kind !== 'automatedBackups');
  const both = kinds.filter((kind) => other.copies?.some((copy) => copy.kind === kind));
  if (both.length > 0) doubles.push(`its copies (${both.join(', ')}) are made and paid twice`);
  return doubles;
}

function isSameInstance({ database: one }: ProtectedDatabaseOptions, { database: other }: ProtectedDatabaseOptions) {
  if (one === other) return true;
  const [name, otherName] = [one, other].map((database) => new SourceDatabase(database).name);
  return (
    name !== undefined &&
    name === otherName &&
    one.env.region === other.env.region &&
    one.env.account === other.env.account
  );
}
