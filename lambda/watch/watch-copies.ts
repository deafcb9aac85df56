/**
 * The watch on copies that AWS Backup makes: publishes every hour how long ago the last one was completed.
 *
 * AWS Backup has a metric for copies that fail, but not for copies that are no longer requested or never started.
 * Without any copy nothing is published, and the alarm fires on the missing data.
 */
import { BackupClient, paginateListCopyJobs } from '@aws-sdk/client-backup';
import { copyWatchRequest, METRICS, parse } from '../contract';
import { embeddedMetric } from '../evidence/metrics';

/**
 * AWS Backup lists jobs of the last 30 days.
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListCopyJobs.html
 */
const LISTED_MS = 30 * 86_400_000;

export const watchCopies =
  (client: BackupClient, print: (line: string) => void, clock: () => number = Date.now) =>
  async (input: unknown): Promise<void> => {
    const request = parse(copyWatchRequest, input, 'copy watch request');
    const { backup, vault, resourceTypes, overdueAfterSeconds } = request;
    // There may be thousands of jobs, and nearly always those of the newest few days suffice.
    let newest = await newestOfEach(client, request, clock() - overdueAfterSeconds * 1000);
    const missing = () => (resourceTypes.length > 0 ? resourceTypes : ['']).filter((type) => !newest.has(type));
    if (missing().length > 0) newest = await newestOfEach(client, request, clock() - LISTED_MS);
    if (missing().length > 0) {
      const what = resourceTypes.length > 0 ? `copy of ${missing().join(', ')}` : 'copy';
      print(`no ${what} into ${vault} was completed in the last 30 days`);
      return;
    }
    const oldest = Math.min(...newest.values());
    const dimensions = { [METRICS.dimensions.backup]: backup, [METRICS.dimensions.copy]: vault };
    const value = (clock() - oldest) / 1000;
    print(embeddedMetric({ name: METRICS.secondsSinceCopy, unit: 'Seconds', value, dimensions }, clock()));
  };

/** When each kind of resource was last copied for this plan; under '' where all kinds count alike. */
async function newestOfEach(
  client: BackupClient,
  { plan, vault, resourceTypes }: { plan: string; vault: string; resourceTypes: readonly string[] },
  after: number,
): Promise<Map<string, number>> {
  const newest = new Map<string, number>();
  const query = { ByDestinationVaultArn: vault, ByState: 'COMPLETED', ByCompleteAfter: new Date(after) } as const;
  for await (const { CopyJobs = [] } of paginateListCopyJobs({ client }, query)) {
    for (const { CreatedBy, ResourceType = '', CompletionDate } of CopyJobs) {
      if (CreatedBy?.BackupPlanId !== plan || !CompletionDate) continue;
      const type = resourceTypes.length > 0 ? ResourceType : '';
      if (type !== '' && !resourceTypes.includes(type)) continue;
      newest.set(type, Math.max(newest.get(type) ?? 0, CompletionDate.getTime()));
    }
  }
  return newest;
}

export const handler = (event: unknown) =>
  watchCopies(new BackupClient(), (line) => process.stdout.write(`${line}\n`))(event);
