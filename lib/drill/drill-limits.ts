/** Checks at synth, and not at the first drill, whether a database can be drilled. */

import { Annotations, Duration, Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IConstruct } from 'constructs';
import { COPY_PREFIX } from '../../lambda/contract';
import { objectiveProblems } from '../alarm/objectives';
import { refuseOtherUnits } from '../synth/durations';
import { accountIdProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { kindProblems } from '../synth/props';
import type { DrillSource } from './drill-source';
import type { RestorePoint } from './restore-point';

/** Props of a drill, unchecked since callers may have no compiler. */
interface Drilled {
  readonly source: DrillSource;
  readonly schedule: unknown;
  readonly objectives: unknown;
  /** @default - four times the recovery time objective, and at least 6 hours */
  readonly expiresAfter?: unknown;
  /** @default - the schedule's longest gap and one day */
  readonly overdueAfter?: unknown;
}

/** @throws Error that lists all problems of drilling a database that synth can find */
export function refuseUndrillable(drill: IConstruct, props: Drilled, restore: RestorePoint): void {
  const { source, schedule, objectives, expiresAfter, overdueAfter } = props;
  const what = `restore drill '${drill.node.path}'`;
  refuseAll(what, [
    ...objectiveProblems(objectives),
    ...kindProblems(
      'schedule',
      schedule,
      'longestGap',
      'the drill would never run; state one, as in Recurrence.daily({ hour: 2 })',
    ),
    ...kindProblems(
      'source',
      source,
      'definition',
      'nothing would be restored; state one, as in DrillSource.database(orders)',
    ),
    ...kindProblems('restore', restore, 'request', 'no moment is chosen; state one, as in RestorePoint.latest()'),
  ]);
  refuseOtherUnits(what, {}, { expiresAfter, overdueAfter });
  const problems: string[] = [];
  const { identifier } = source;
  const { engine, retentionDays } = source.sourceDatabase ?? {};
  problems.push(...engineProblems(engine));
  if (identifier.startsWith(COPY_PREFIX)) {
    problems.push(
      `the database's identifier '${identifier}' starts with '${COPY_PREFIX}', so it could be taken for a restored instance and deleted; ` +
        'restore a snapshot of it as an instance with another identifier (another identifier in its template would make ' +
        'CloudFormation replace it with an empty one)',
    );
  }
  if (retentionDays === 0 && restore.request.kind !== 'snapshot') {
    problems.push(
      "the database's backup retention is 0 days, so RDS takes no automated backup to restore; " +
        'set 1 to 35 days, or drill a snapshot with RestorePoint.snapshot()',
    );
  }
  const { account } = source;
  const noAccount = accountIdProblem(account, 'no copy of its database would be found');
  if (noAccount) problems.push(noAccount);
  if (isElsewhere(drill, account) && !isOfSnapshot(restore)) {
    problems.push(
      `'restore' is a moment, and RDS does not replicate automated backups from account ${account} into this one; ` +
        'restore a snapshot copy with RestorePoint.latestSnapshot()',
    );
  }
  const reach = restore.reachSeconds;
  if (retentionDays && reach !== undefined && reach > retentionDays * 86_400) {
    problems.push(
      `'restore' draws from the last ${Duration.seconds(reach).toHumanString()}, and backups are kept for ${retentionDays} days, so some drawn ` +
        'moments could not be restored; shorten the range or lengthen the retention',
    );
  }
  refuseAll(`restore drill '${drill.node.path}'`, problems);
}

export function engineProblems(engine: string | undefined): string[] {
  if (engine === undefined || engine === 'postgres') return [];
  return [`the database runs ${engine}, and drills examine only PostgreSQL; drill a PostgreSQL instance`];
}

const isOfSnapshot = ({ request: { kind } }: RestorePoint) => kind === 'latest-snapshot' || kind === 'snapshot';

function isElsewhere(drill: IConstruct, account: string | undefined): boolean {
  const own = Stack.of(drill).account;
  return account !== undefined && !Token.isUnresolved(account) && !Token.isUnresolved(own) && account !== own;
}

export function warnOfAnotherClass(drill: IConstruct, sourceClass?: string, instanceClass?: ec2.InstanceType): void {
  if (!instanceClass || !sourceClass || sourceClass === `db.${instanceClass}`) return;
  Annotations.of(drill).addWarningV2(
    'lifeboat:copy-of-another-class',
    `'instanceType' is ${instanceClass} and the source is ${sourceClass}, so the drill proves that the backup can ` +
      'be restored, but not that it meets the RTO; leave it out to prove both',
  );
}

const DAY = 86_400;

/** RDS takes one automated snapshot a day, and its copy is older by the time that copying takes. */
export function warnOfOldSnapshots(
  drill: IConstruct,
  source: DrillSource,
  restore: RestorePoint,
  rpoSeconds: number,
): void {
  const isCopy = source.database === undefined;
  if (!isOfSnapshot(restore) || (isCopy ? rpoSeconds > DAY : rpoSeconds >= DAY)) return;
  const [what, age, remedy] = isCopy
    ? ['a snapshot copy', 'older than a day by the time that copying takes', 'two days']
    : ['a snapshot', 'a day old', 'a day'];
  Annotations.of(drill).addWarningV2(
    'lifeboat:snapshot-beyond-rpo',
    `'restore' is ${what}, which may be ${age}, and the RPO is ${Duration.seconds(rpoSeconds).toHumanString()}, so the alarm on the ` +
      `recovery point would fire though nothing is wrong; restore latest() or random(), or state an RPO of ${remedy}`,
  );
}

/** A fixed moment or automated snapshot expires after the retention, while the schedule continues. */
export function warnOfExpiry(drill: IConstruct, source: DrillSource, { request }: RestorePoint): void {
  const chosen = request.kind === 'time' ? request.time : request.kind === 'snapshot' ? request.snapshot : undefined;
  if (chosen === undefined || (request.kind === 'snapshot' && !chosen.startsWith('rds:'))) return;
  const days = source.sourceDatabase?.retentionDays;
  const kept = days === undefined ? 'its backup is kept for at most 35 days' : `backups are kept for ${days} days`;
  Annotations.of(drill).addWarningV2(
    'lifeboat:restore-point-expires',
    `'restore' is always ${chosen}, and ${kept}, so all drills after that would fail; restore latest() or random(), or a manual ` +
      'snapshot that is kept',
  );
}
