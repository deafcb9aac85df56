/** Checks at synth, and not during an outage, whether a recovery could work. */
import { Annotations, type Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { COPY_PREFIX } from '../../lambda/contract';
import { objectiveProblems } from '../alarm/objectives';
import { engineProblems } from '../drill/drill-limits';
import { refuseOtherUnits } from '../synth/durations';
import { refuseAll } from '../synth/problems';
import { kindProblems, listProblems } from '../synth/props';
import { Approval } from './approval';
import { isManagedByRds } from './cut-over';
import { LiveDatabase } from './live-database';
import type { RecoveryProps } from './recovery-options';

/** The longest that a durable execution may take. */
const LONGEST_DAYS = 365;

/**
 * @param what the recovery, with its path
 * @throws Error that lists each prop that is not of its kind
 */
export function refuseOtherKinds(what: string, props: RecoveryProps): void {
  const { source, objectives, checks, approval, hold } = props;
  refuseAll(what, [
    ...objectiveProblems(objectives),
    ...kindProblems(
      'source',
      source,
      'definition',
      'nothing would be recovered; state one, as in DrillSource.database(orders)',
    ),
    ...listProblems('checks', checks, 'contract', 'it would check nothing; state it as in RecoveryCheck.readable()'),
    ...optional('approval', approval, 'request', 'nobody could agree; state it as in Approval.byAnother()'),
  ]);
  refuseOtherUnits(what, {}, { hold });
}

export function optional(name: string, value: unknown, has: string, otherwise: string): string[] {
  return value === undefined ? [] : kindProblems(name, value, has, otherwise);
}

/** What neither kind of recovery could work with, one sentence each. */
export function recoveryProblems(props: RecoveryProps, hold: Duration): string[] {
  const { source, approval = Approval.byAnother() } = props;
  const database = new LiveDatabase(source);
  const problems = [...engineProblems(database.engine)];
  if (source.identifier.startsWith(COPY_PREFIX)) {
    problems.push(
      `the database's identifier '${source.identifier}' starts with '${COPY_PREFIX}', as those of restored instances, which drills ` +
        'delete; recover a database with another identifier',
    );
  }
  if (!props.credentials && !database.secret) {
    problems.push(
      "'credentials' is missing, and this app made no secret with the database, so the recovery could not connect; state the " +
        "secret that has the master user's username and password",
    );
  }
  if (!props.vpc && !database.vpc) {
    problems.push(
      "'vpc' is missing, and synth does not know the VPC of an imported database, so its examiner would have no way to it; " +
        'state it, as in ec2.Vpc.fromLookup(...)',
    );
  }
  if (database.retentionDays === 0 && !props.snapshots?.length) {
    problems.push(
      "the database's backup retention is 0 days, so RDS takes no automated backup to recover; set 1 to 35 days, or name " +
        "snapshots in 'snapshots'",
    );
  }
  const days = (hold.toSeconds() + approval.request.timeoutSeconds) / 86_400;
  if (days > LONGEST_DAYS) {
    problems.push(
      `'hold' and the timeout of 'approval' are ${Math.round(days)} days together, and Lambda ends a run after ${LONGEST_DAYS}; ` +
        'shorten them',
    );
  }
  return problems;
}

/** RDS changes a password that it manages on the instance that it belongs to, every seven days by default. */
export function warnOfManagedSecret(scope: IConstruct, props: RecoveryProps): void {
  const database = new LiveDatabase(props.source);
  if (!database.hasManagedSecret && !(props.credentials && isManagedByRds(props.credentials))) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:managed-secret-stays',
    `RDS manages the master user's password of database '${props.source.identifier}', and its secret stays with the damaged instance: ` +
      'applications that log in with it are locked out of the recovered one at the next rotation; let them log in as a user of ' +
      'their own, whose password is in a secret of your own',
  );
}

/** Applications read where the database is when they start. */
export function warnOfNoRestart(scope: IConstruct, kinds: readonly string[], restarts: number): void {
  const read = kinds.filter((kind) => kind === 'secret' || kind === 'parameter');
  if (read.length === 0 || restarts > 0) return;
  Annotations.of(scope).addWarningV2(
    'lifeboat:recovery-restarts-nothing',
    `'cutOver' changes a ${[...new Set(read)].join(' and a ')}, and 'restart' is empty, so applications that read it only when they ` +
      'start would stay with the damaged database; state it, as in restart: [Restart.ecs(service)]',
  );
}
