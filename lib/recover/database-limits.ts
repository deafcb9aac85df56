/** What recoveries of a whole database refuse at synth, besides what all recoveries do. */
import type { Duration } from 'aws-cdk-lib';
import { refuseOtherUnits } from '../synth/durations';
import { refuseAll } from '../synth/problems';
import { listProblems } from '../synth/props';
import { Approval } from './approval';
import type { RecoveryRunbookProps } from './database-recovery-options';
import { LiveDatabase } from './live-database';
import { optional } from './recovery-limits';

/** @throws Error that lists each way that is not of its kind */
export function refuseOtherWays(what: string, props: RecoveryRunbookProps): void {
  const { cutOver, restart, health, fence, storage, startOn, watch } = props;
  refuseAll(what, [
    ...(Array.isArray(cutOver) && cutOver.length > 0
      ? []
      : [
          "'cutOver' is missing or empty, so no application would reach the recovered database; state how they are sent there, as " +
            'in cutOver: [CutOver.secret(secret)]',
        ]),
    ...listProblems('cutOver', cutOver, 'request', 'no application would move; state it as in CutOver.secret(secret)'),
    ...listProblems('restart', restart, 'request', 'nothing would be restarted; state it as in Restart.ecs(service)'),
    ...listProblems('health', health, 'request', 'nothing would be looked at; state it as in Health.http(url)'),
    ...optional('fence', fence, 'request', 'it is unknown whether writes go on; state it as in Fence.connect()'),
    ...optional(
      'storage',
      storage,
      'encryptionKey',
      'it is unknown how to encrypt it; state it as in RecoveredStorage.encrypted(key)',
    ),
    ...optional('startOn', startOn, 'alarm', 'nothing would start it; state it as in RecoveryStart.onAlarm(alarm)'),
  ]);
  refuseOtherUnits(what, {}, { watch });
}

/** What could not work, one sentence each. */
export function wayProblems(props: RecoveryRunbookProps, watch: Duration, databaseName: string | undefined): string[] {
  const { cutOver, source, hold, checks = [], health = [], storage } = props;
  const problems = cutOver.flatMap((way) => way.problems);
  const kinds = cutOver.map(({ request }) => request.kind);
  if (kinds.filter((kind) => kind === 'rename').length > 1) {
    problems.push("'cutOver' has CutOver.rename() twice, and a database has one identifier; remove one");
  }
  if (hold && hold.toSeconds() < watch.toSeconds()) {
    problems.push(
      `'hold' is ${hold.toHumanString()} and 'watch' is ${watch.toHumanString()}, so there would be no way back by the time that ` +
        `trouble is seen; hold for ${watch.toHumanString()} at least`,
    );
  }
  problems.push(...startProblems(props));
  if (!source.database) problems.push(...elsewhereProblems(props, kinds));
  if (!storage && new LiveDatabase(source).isUnencrypted) {
    problems.push(
      "the database is not encrypted and 'storage' is missing, so it is unknown how the recovered one should be; state " +
        'RecoveredStorage.encrypted(key), or RecoveredStorage.unencrypted() to have it as it was',
    );
  }
  const queries = [
    ...health.filter(({ request }) => request.kind === 'query').map(() => 'Health.query()'),
    ...checks.filter(({ contract }) => 'table' in contract || contract.kind === 'query').map(() => 'checks'),
  ];
  if (databaseName === undefined && queries.length > 0) {
    problems.push(
      `'databaseName' is missing, and synth does not know the database that ${[...new Set(queries)].join(' and ')} would query, ` +
        "so they would look into 'postgres', which is empty; state it",
    );
  }
  return problems;
}

function startProblems({ approval = Approval.byAnother(), startOn }: RecoveryRunbookProps): string[] {
  const problems: string[] = [];
  if (approval.request.waived && startOn && !startOn.unapproved) {
    problems.push(
      "'approval' is waived and 'startOn' is an alarm, so a false alarm would replace the database of production unseen; leave " +
        "'approval' out, or state RecoveryStart.onAlarmUnapproved()",
    );
  }
  if (!approval.request.waived && startOn?.unapproved) {
    problems.push(
      "'startOn' is onAlarmUnapproved() and 'approval' is not waived, so it would wait for one all the same; state " +
        'RecoveryStart.onAlarm()',
    );
  }
  return problems;
}

/** Nothing there can be asked what it looked like. */
function elsewhereProblems(props: RecoveryRunbookProps, kinds: readonly string[]): string[] {
  const problems: string[] = [];
  if (kinds.includes('rename')) {
    problems.push(
      "'cutOver' has CutOver.rename() and 'source' is copies of a database elsewhere, whose host name no database of this region can " +
        'have; use CutOver.secret() or CutOver.dns()',
    );
  }
  for (const name of ['subnetGroupName', 'securityGroups', 'databaseName'] as const) {
    if (props[name] !== undefined && props[name].length > 0) continue;
    problems.push(`'${name}' is missing, and copies of a database elsewhere don't record it; state it`);
  }
  return problems;
}
