/**
 * The watch: publishes every hour how long ago each drill last passed, and whether its evidence is unchanged.
 *
 * CloudWatch alarms look back seven days at most, so the drills' own metrics can't show "no proof for a month".
 */
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import {
  endedRun,
  evidencePrefix,
  METRICS,
  parse,
  type WatchRequest,
  watchedSinceKey,
  watchRequest,
} from '../contract';
import { EvidenceChain } from '../evidence/evidence-chain';
import { embeddedMetric } from '../evidence/metrics';
import { kmsSigner, type Signer } from '../evidence/signing';
import { filesInBucket } from '../evidence/stored-files';
import { verifyEvidence } from '../evidence/verify-evidence';
import { watchedSince } from '../evidence/watched-since';

type Drill = WatchRequest['drills'][number];

/** Clients and stores that the watch uses. */
export interface WatchPorts {
  readonly s3: S3Client;
  /** Used only to get the public key. */
  readonly signer: (signingKey: string) => Signer;
  readonly print: (line: string) => void;
}

/** @throws after publishing the rest, when some evidence could not be read */
export const watchDrills =
  ({ s3, signer, print }: WatchPorts, clock: () => number = Date.now) =>
  async (input: unknown): Promise<void> => {
    const { evidenceBucket, signingKey, drills } = parse(watchRequest, input, 'watch request');
    const key = signer(signingKey);
    const failures: string[] = [];
    const verified = new Map<string, number>();
    for (const drill of drills) {
      try {
        const chain = evidencePrefix(drill);
        if (!verified.has(chain)) verified.set(chain, await verify(s3, evidenceBucket, key, drill, clock(), print));
        const since = await lastProven(s3, evidenceBucket, key, drill, clock());
        const { dimensions: name } = METRICS;
        const metric = {
          name: METRICS.secondsSinceProven,
          unit: 'Seconds',
          value: (clock() - since) / 1000,
          dimensions: { [name.plan]: drill.plan, [name.target]: drill.target, [name.drill]: drill.drill },
        } as const;
        print(embeddedMetric(metric, clock()));
      } catch (error) {
        failures.push(
          `${drill.plan}/${drill.target}/${drill.drill}: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
    const value = [...verified.values()].reduce((sum, problems) => sum + problems, 0);
    const dimensions = { [METRICS.dimensions.bucket]: evidenceBucket };
    print(embeddedMetric({ name: METRICS.evidenceProblems, unit: 'Count', value, dimensions }, clock()));
    if (failures.length > 0) {
      throw new Error(`it is unknown when these drills last passed:\n  ${failures.join('\n  ')}`);
    }
  };

/** A run that was stopped, timed out or broke off has left no evidence: it counts as a drill that failed. */
export const tellOfEnd =
  (print: (line: string) => void, clock: () => number = Date.now) =>
  (input: unknown): void => {
    const { runs, status, execution, function: ran } = parse(endedRun, input, 'ended run');
    const run = runs.find((one) => ran.startsWith(`${one.function}:`));
    if (!run)
      throw new Error(`function '${ran}' runs none of these drills, so it is unknown which one ended without evidence`);
    const { plan, target, drill } = run;
    print(JSON.stringify({ plan, target, drill, status, execution }));
    const dimensions = { [METRICS.dimensions.plan]: plan, [METRICS.dimensions.target]: target };
    print(embeddedMetric({ name: METRICS.drillPassed, unit: 'None', value: 0, dimensions }, clock()));
  };

/** Prints the problems of a chain, a line each. @returns how many there are */
async function verify(
  s3: S3Client,
  bucket: string,
  signer: Signer,
  of: Drill,
  now: number,
  print: WatchPorts['print'],
): Promise<number> {
  const { plan, target } = of;
  const files = await filesInBucket(s3, bucket, evidencePrefix(of));
  const { chains } = await verifyEvidence(files, { trusted: [await signer.publicKey()], inventories: false });
  const problems = chains.flatMap((chain) => chain.problems);
  const metric = {
    name: METRICS.evidenceProblems,
    unit: 'Count',
    value: problems.length,
    dimensions: { [METRICS.dimensions.plan]: plan, [METRICS.dimensions.target]: target },
  } as const;
  for (const { kind, says } of problems) print(JSON.stringify({ plan, target, problem: kind, says }));
  print(embeddedMetric(metric, now));
  return problems.length;
}

async function lastProven(s3: S3Client, bucket: string, signer: Signer, drill: Drill, now: number): Promise<number> {
  const chain = new EvidenceChain(s3, bucket, drill, signer);
  const proven = await chain.lastPassed((document) => document.drill === drill.drill);
  if (proven) return Date.parse(proven.finished);
  // A drill that never passed is as old as its watch, so a new one is not overdue before its first date.
  return Date.parse(await watchedSince(s3, bucket, watchedSinceKey(drill), now));
}

export const handler = async (event: object): Promise<void> => {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  if ('execution' in event) return tellOfEnd(print)(event);
  const kms = new KMSClient();
  return watchDrills({ s3: new S3Client(), signer: (signingKey) => kmsSigner(kms, signingKey), print })(event);
};
