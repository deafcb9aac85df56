/** The watch on AWS Backup's copies, where AWS Backup answers in pages and in no order. AWS Backup itself is not modelled. */
import { BackupClient, type CopyJob, ListCopyJobsCommand } from '@aws-sdk/client-backup';
import { watchCopies } from '../../../lambda/watch/watch-copies';

const NOW = Date.parse('2026-11-20T06:00:00Z');
const DAY = 86_400;
const VAULT = 'arn:aws:backup:us-west-2:111122223333:backup-vault:Shop';

const job = (type: string, daysAgo: number, plan = 'plan-1'): CopyJob => ({
  ResourceType: type,
  CompletionDate: new Date(NOW - daysAgo * DAY * 1000),
  CreatedBy: { BackupPlanId: plan },
});

/** Answers as the API reference says: by what is asked for, two jobs a page. */
function clientWith(jobs: readonly CopyJob[], asked: ListCopyJobsCommand['input'][] = []): BackupClient {
  const send = async (command: object) => {
    if (!(command instanceof ListCopyJobsCommand)) throw new Error(`${command.constructor.name} is not modelled`);
    const { ByState, ByDestinationVaultArn, ByCompleteAfter, NextToken } = command.input;
    asked.push(command.input);
    if (ByState !== 'COMPLETED' || ByDestinationVaultArn !== VAULT || !ByCompleteAfter)
      throw new Error('asked for others');
    const found = jobs.filter(({ CompletionDate }) => !CompletionDate || CompletionDate > ByCompleteAfter);
    const from = Number(NextToken ?? 0);
    return {
      CopyJobs: found.slice(from, from + 2),
      NextToken: from + 2 < found.length ? String(from + 2) : undefined,
    };
  };
  return Object.create(BackupClient.prototype, { send: { value: send } });
}

async function said(
  jobs: readonly CopyJob[],
  resourceTypes: readonly string[],
  asked?: ListCopyJobsCommand['input'][],
) {
  const lines: string[] = [];
  const watch = watchCopies(
    clientWith(jobs, asked),
    (line) => lines.push(line),
    () => NOW,
  );
  await watch({ plan: 'plan-1', backup: 'Shop-Tiers', vault: VAULT, resourceTypes, overdueAfterSeconds: 2 * DAY });
  return lines.map((line) => (line.startsWith('{') ? JSON.parse(line) : line));
}

test('the age is that of the newest copy, on whichever page and of whatever kind', async () => {
  const jobs = [job('RDS', 1.5), job('EFS', 1), job('RDS', 0.5), job('EBS', 1.2), job('RDS', 0.75)];
  expect(await said(jobs, [])).toEqual([
    expect.objectContaining({ SecondsSinceCopy: DAY / 2, Backup: 'Shop-Tiers', Copy: VAULT }),
  ]);
});

test('the kind that waits longest counts, so that others do not stand in for it', async () => {
  const jobs = [job('RDS', 1), job('EFS', 0.1), job('RDS', 1.7), job('EFS', 0.2)];
  expect(await said(jobs, ['RDS', 'EFS'])).toEqual([expect.objectContaining({ SecondsSinceCopy: DAY })]);
});

test('copies of other plans, of other kinds and unfinished ones do not count', async () => {
  const jobs = [
    job('RDS', 0.1, 'plan-2'),
    job('EBS', 0.1),
    { ...job('RDS', 0), CompletionDate: undefined },
    job('RDS', 1),
  ];
  expect(await said(jobs, ['RDS'])).toEqual([expect.objectContaining({ SecondsSinceCopy: DAY })]);
});

test('an overdue copy is looked for as far back as AWS Backup lists jobs', async () => {
  const asked: ListCopyJobsCommand['input'][] = [];
  expect(await said([job('RDS', 9)], ['RDS'], asked)).toEqual([expect.objectContaining({ SecondsSinceCopy: 9 * DAY })]);
  expect(asked.map(({ ByCompleteAfter }) => (NOW - ByCompleteAfter!.getTime()) / 1000 / DAY)).toEqual([2, 30]);
});

test('nothing is published where one kind was never copied, and the log says which', async () => {
  expect(await said([job('RDS', 0.1)], ['RDS', 'EFS'])).toEqual([
    `no copy of EFS into ${VAULT} was completed in the last 30 days`,
  ]);
  expect(await said([], [])).toEqual([`no copy into ${VAULT} was completed in the last 30 days`]);
});

test('a request that lacks its vault is refused, and nothing is published', async () => {
  const watch = watchCopies(
    clientWith([]),
    () => {},
    () => NOW,
  );
  await expect(watch({ plan: 'plan-1', backup: 'Shop', resourceTypes: [], overdueAfterSeconds: 1 })).rejects.toThrow(
    'vault',
  );
});
