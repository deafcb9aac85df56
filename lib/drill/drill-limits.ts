/** Whether a drill can work on a database, told at synth and not on the first Sunday of the month. */

import { Annotations, Duration, Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IConstruct } from 'constructs';
import { COPY_PREFIX } from '../../lambda/contract';
import { objectiveProblems } from '../alarm/objectives';
import { refuseOtherUnits, shown } from '../synth/durations';
import { accountIdProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import type { DrillSource } from './drill-source';
import type { RestorePoint } from './restore-point';

/** What a drill is asked for; as callers hand it over who have no compiler. */
interface Drilled {
  readonly source: DrillSource;
  readonly schedule: unknown;
  readonly objectives: unknown;
  /** @default - four times the recovery time objective, and at least 6 hours */
  readonly expiresAfter?: unknown;
  /** @default - the schedule's longest gap and one day */
  readonly overdueAfter?: unknown;
}

/** @throws Error that names all that keeps a database from being drilled, as far as synth can tell */
export function refuseUndrillable(drill: IConstruct, props: Drilled, restore: RestorePoint): void {
  const { source, schedule, objectives, expiresAfter, overdueAfter } = props;
  const what = `restore drill '${drill.node.path}'`;
  refuseAll(what, [
    ...objectiveProblems(objectives),
    ...kindProblems(
      'schedule',
      schedule,
      'longestGap',
      'it would never run; give it one: Recurrence.daily({ hour: 2 })',
    ),
    ...kindProblems('source', source, 'definition', 'nothing would be restored; give it DrillSource.database(orders)'),
    ...kindProblems('restore', restore, 'request', 'no moment is chosen; give it one: RestorePoint.latest()'),
  ]);
  refuseOtherUnits(what, {}, { expiresAfter, overdueAfter });
  const problems: string[] = [];
  const { identifier } = source;
  const { engine, retentionDays } = source.sourceDatabase ?? {};
  problems.push(...engineProblems(engine));
  if (identifier.startsWith(COPY_PREFIX)) {
    problems.push(
      `its identifier '${identifier}' starts with '${COPY_PREFIX}', so it could be taken for a copy and deleted; bring its data ` +
        'over to an instance of another name by a snapshot (another name in its template would make CloudFormation replace it ' +
        'with an empty one)',
    );
  }
  if (retentionDays === 0 && restore.request.kind !== 'snapshot') {
    problems.push(
      'its backup retention is 0 days, so RDS makes no automated backup and there is nothing to restore; ' +
        'set 1 to 35 days, or drill a snapshot with RestorePoint.snapshot()',
    );
  }
  const { account } = source;
  const noAccount = accountIdProblem(account, 'no copy of its database would ever be found');
  if (noAccount) problems.push(noAccount);
  if (isElsewhere(drill, account) && !isOfSnapshot(restore)) {
    problems.push(
      `it restores a moment, and RDS replicates automated backups within one account, not from ${account} into this one; ` +
        'restore a copy of a snapshot with RestorePoint.latestSnapshot()',
    );
  }
  const reach = restore.reachSeconds;
  if (retentionDays && reach !== undefined && reach > retentionDays * 86_400) {
    problems.push(
      `the drill draws from the last ${Duration.seconds(reach).toHumanString()}, and backups are kept for ${retentionDays} days, so part of the ` +
        'draw can never be made; shorten the one or lengthen the other',
    );
  }
  refuseAll(`restore drill '${drill.node.path}' can't work on its database`, problems);
}

/** @param has what each of the kind has */
function kindProblems(name: string, value: unknown, has: string, otherwise: string): string[] {
  if (typeof value === 'object' && value !== null && has in value) return [];
  return [`'${name}' is ${shown(value)}, so ${otherwise}`];
}

export function engineProblems(engine: string | undefined): string[] {
  if (engine === undefined || engine === 'postgres') return [];
  return [`it runs ${engine}, and drills examine PostgreSQL only; drill a PostgreSQL instance`];
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
    `copies are db.${instanceClass} and the source is ${sourceClass}, so the drill proves that the backup can ` +
      'be restored, not that it meets the recovery time objective; leave `instanceType` out to prove both',
  );
}

const DAY = 86_400;

/** RDS takes one automated snapshot a day, and a copy of it is there once it has been copied. */
export function warnOfOldSnapshots(
  drill: IConstruct,
  source: DrillSource,
  restore: RestorePoint,
  rpoSeconds: number,
): void {
  const isCopy = source.database === undefined;
  if (!isOfSnapshot(restore) || (isCopy ? rpoSeconds > DAY : rpoSeconds >= DAY)) return;
  const [what, age, remedy] = isCopy
    ? ['a copy of a snapshot', 'a day old and as much older as copying takes', 'two days']
    : ['a snapshot', 'a day old', 'a day'];
  Annotations.of(drill).addWarningV2(
    'lifeboat:snapshot-beyond-rpo',
    `the drill restores ${what}, which may be ${age}, and the recovery point objective is ${Duration.seconds(rpoSeconds).toHumanString()}, so its ` +
      `alarm on the recovery point rings though nothing is wrong; restore latest() or random(), or state an objective of ${remedy}`,
  );
}

/** One moment, or one automated snapshot, goes with its backup's retention, and schedules go on. */
export function warnOfExpiry(drill: IConstruct, source: DrillSource, { request }: RestorePoint): void {
  const chosen = request.kind === 'time' ? request.time : request.kind === 'snapshot' ? request.snapshot : undefined;
  if (chosen === undefined || (request.kind === 'snapshot' && !chosen.startsWith('rds:'))) return;
  const days = source.sourceDatabase?.retentionDays;
  const kept = days === undefined ? 'its backup is kept for 35 days at most' : `backups are kept for ${days} days`;
  Annotations.of(drill).addWarningV2(
    'lifeboat:restore-point-expires',
    `each drill restores ${chosen}, and ${kept}, so all drills fail from then on; restore latest() or random(), or a snapshot ` +
      'that somebody took and keeps',
  );
}
