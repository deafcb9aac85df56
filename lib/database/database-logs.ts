import { Mixin } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import { type DatabaseResource, isDatabase } from './database-resource';

export interface DatabaseLogsProps {
  /**
   * The logs to export, by RDS's names.
   *
   * @default - the database's own setting; without one, logs that need no further settings: `postgresql` and `upgrade`
   * of PostgreSQL, `error` and `slowquery` of MySQL and MariaDB, and so on
   */
  readonly exports?: string[];
}

interface Logs {
  readonly byDefault: readonly string[];
  /** Others, which need an option, a parameter or a feature of the engine. */
  readonly besides: readonly string[];
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html and API_CreateDBCluster.html */
const LOGS: Readonly<Record<string, Logs>> = {
  'aurora-mysql': {
    byDefault: ['error', 'slowquery'],
    besides: ['audit', 'general', 'iam-db-auth-error', 'instance'],
  },
  'aurora-postgresql': { byDefault: ['postgresql'], besides: ['iam-db-auth-error', 'instance'] },
  db2: { byDefault: ['diag.log', 'notify.log'], besides: [] },
  mariadb: { byDefault: ['error', 'slowquery'], besides: ['audit', 'general', 'iam-db-auth-error'] },
  mysql: { byDefault: ['error', 'slowquery'], besides: ['audit', 'general', 'iam-db-auth-error'] },
  oracle: { byDefault: ['alert', 'listener'], besides: ['audit', 'oemagent', 'trace'] },
  postgres: { byDefault: ['postgresql', 'upgrade'], besides: ['iam-db-auth-error'] },
  sqlserver: { byDefault: ['error'], besides: ['agent'] },
};

const PROPS: PropsOf<DatabaseLogsProps> = { exports: true };

/**
 * Exports the logs of an RDS instance or cluster to CloudWatch Logs. Its owner applies it:
 * `database.with(new DatabaseLogs())`. RDS creates the log groups, and keeps them forever unless their retention is
 * set.
 *
 * @throws Error when the engine has no such log, or the database itself states others
 */
export class DatabaseLogs extends Mixin {
  constructor(private readonly props: DatabaseLogsProps = {}) {
    super();
    checkProps(this, props, PROPS);
  }

  public supports(construct: IConstruct): construct is DatabaseResource {
    return isDatabase(construct);
  }

  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    const { exports } = this.props;
    const stated = construct.enableCloudwatchLogsExports;
    const engine = known(construct.engine);
    const logs = engine === undefined ? undefined : logsOf(engine);
    const problems: string[] = [];
    if (exports && known(stated) && known(exports) && !sameSet(exports, stated ?? [])) {
      problems.push(
        `'exports' is ${exports.join(', ')}, and the database itself states ${stated?.join(', ')}, so some would be lost; ` +
          'state them once',
      );
    }
    const all = logs && [...logs.byDefault, ...logs.besides];
    const unknown = known(exports)?.filter((name) => known(name) !== undefined && all && !all.includes(name)) ?? [];
    if (unknown.length > 0) {
      problems.push(
        `'exports' has ${unknown.join(', ')}, which ${engine} does not have, so RDS would refuse it; choose from ${all?.join(', ')}`,
      );
    }
    const wanted = exports ?? stated ?? logs?.byDefault;
    if (!wanted) {
      problems.push(`'exports' is missing, and the logs of ${engine ?? 'its engine'} are unknown at synth; state them`);
    }
    refuseAll(`database '${construct.node.path}'`, problems);
    construct.enableCloudwatchLogsExports ??= wanted && [...wanted];
  }
}

/** The edition follows the engine's name: `oracle-se2`, `sqlserver-web`. */
function logsOf(engine: string): Logs | undefined {
  const name = Object.keys(LOGS).find((known) => engine === known || engine.startsWith(`${known}-`));
  return name === undefined ? undefined : LOGS[name];
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify([...one].sort()) === JSON.stringify([...other].sort());
}
