/**
 * Two entries of a plan for one instance. They may be for different databases in it, or have different checks, but they
 * share the instance's backups and copies.
 */
import { Annotations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { SourceDatabase } from '../database/source-database';
import { refuseAll } from '../synth/problems';
import { known } from '../synth/tokens';
import type { ProtectedDatabaseOptions } from './protected-database';

/** The databases of a plan with their options. */
export type PlannedDatabases = ReadonlyMap<IConstruct, ProtectedDatabaseOptions>;

/** @throws Error when two entries for one instance ask for different backup settings */
export function refuseOtherSettings(
  database: IConstruct,
  options: ProtectedDatabaseOptions,
  others: PlannedDatabases,
): void {
  for (const [twin, other] of others) {
    if (!isSameInstance(options, other)) continue;
    const fact = `database '${database.node.path}' is of the same instance as '${twin.node.path}'`;
    const problems = settingProblems(options, other);
    refuseAll(`${fact}, so the last one deployed would undo the settings of the other`, problems);
    const doubles = doublesOf(options, other);
    if (doubles.length === 0) continue;
    Annotations.of(database).addWarningV2(
      'lifeboat:database-twice',
      `${fact}, so ${doubles.join(', and ')}; state all drills and copies with one of them, or acknowledge this with the reason`,
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
    .map(
      ([what, here, there]) =>
        `the ${what} is ${here} in the first and ${there} in the second; state it in one of them`,
    );
}

/** What is done twice without benefit. Replicated backups are a setting of the instance, the same for both. */
function doublesOf(one: ProtectedDatabaseOptions, other: ProtectedDatabaseOptions): string[] {
  const doubles: string[] = [];
  if (one.databaseName === other.databaseName) {
    const name = one.databaseName === undefined ? 'its initial database' : `database ${one.databaseName}`;
    doubles.push(`the evidence of ${name} is in two chains, and neither has all drills`);
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
