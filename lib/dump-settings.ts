import type { Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { classRefusals } from './dump-class';
import { sizeProblem } from './dump-task';
import type { LogicalDumpProps } from './logical-dump';
import { known } from './source-database';

/**
 * What a dump's task needs to know, from what was said or from an instance of this app.
 *
 * @throws Error that names all that would keep it from working
 */
export function dumpSettings(scope: Construct, props: LogicalDumpProps, dumpName: string, timeout: Duration) {
  const { source, cpu = 1024, memoryMiB = 2048 } = props;
  const { credentials, databaseName, postgresVersion } = source;
  const problems = [...source.refusals, ...classRefusals(props.storageClass)];
  if (postgresVersion === undefined && !props.postgresImage) {
    problems.push("its version can't be told, and pg_dump refuses servers newer than itself; state 'postgresVersion'");
  } else if (known(postgresVersion) !== undefined && !/^\d+$/.test(String(postgresVersion))) {
    problems.push(`'${postgresVersion}' is no major version, and there may be no such image; write it as in '17'`);
  }
  if (props.tiers?.length === 0) problems.push('it has no tier, so no dump would have a place; name at least one');
  if (!/^[A-Za-z0-9_.-]+$/.test(dumpName)) {
    problems.push(
      `its name '${dumpName}' is part of keys, and more than letters, digits, '.', '_' and '-'; give it 'dumpName'`,
    );
  }
  const seconds = timeout.isUnresolved() ? 3600 : timeout.toSeconds();
  if (seconds < 60 || seconds > 86_400) {
    problems.push(
      `a timeout of ${seconds} seconds is outside of a minute to a day; give it the hours that a dump takes`,
    );
  }
  const size = sizeProblem(cpu, memoryMiB);
  if (size) problems.push(size);
  if (problems.length > 0 || !credentials || !databaseName) {
    throw new Error(`logical dump '${scope.node.path}' can't work:\n  ${problems.join('\n  ')}`);
  }
  return { credentials, databaseName, postgresVersion, cpu, memoryMiB };
}
