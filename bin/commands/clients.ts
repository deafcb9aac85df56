/** Clients of commands that work in one region: of AWS, or of a rehearsal. */
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Command } from 'commander';
import { lambdaClient, rehearsed, s3Client, ssmClient } from '../../rehearsal/server/clients';
import { fromArguments, misused } from '../ending';

export interface InRegion {
  readonly region?: string;
  readonly endpoint?: string;
}

export interface Clients {
  readonly ssm: SSMClient;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  /** Of a rehearsal; absent for AWS. */
  readonly endpoint?: string;
}

export const takesRegion = (command: Command): Command =>
  command
    .option('--region <name>', 'AWS region of the recovery, instead of the one that your environment or profile names')
    .option('--endpoint <url>', 'endpoint that `lifeboat region` printed, in a shell that has its exports');

export function clientsOf(program: Command, { region, endpoint }: InRegion): Clients {
  const local = fromArguments(program, () => rehearsed(endpoint, region));
  if (local) return { ssm: ssmClient(local), s3: s3Client(local), lambda: lambdaClient(local), endpoint };
  return { ssm: new SSMClient({ region }), s3: new S3Client({ region }), lambda: new LambdaClient({ region }) };
}

/** The region that was named, or that the environment or profile names. */
export const regionOf = (program: Command, ssm: SSMClient): Promise<string> =>
  ssm.config.region().catch(() => misused(program, 'no AWS region is known; name it with --region'));
