/**
 * Stores what a system is made of, as files that build it again: templates and parameters of CloudFormation stacks, SSM
 * parameters, task definitions and services of ECS, and records of Route 53.
 *
 * It only reads what it stores. A file is written when its content changed, so each version in the bucket is a change,
 * and a file that stays the same for a year is not lost to a retention of 90 days. Files of deleted resources stay.
 */
import { createHash } from 'node:crypto';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { ECSClient } from '@aws-sdk/client-ecs';
import { Route53Client } from '@aws-sdk/client-route-53';
import { HeadObjectCommand, PutObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { configurationRequest, type LastGood, lastGoodKey, parse } from '../contract';
import type { ConfigurationFile } from './configuration-files';
import { zonesOf } from './dns';
import { servicesOf, taskDefinitionsOf } from './ecs';
import { parametersOf } from './parameters';
import { stacksOf } from './stacks';

export interface Clients {
  readonly cloudFormation: CloudFormationClient;
  readonly ssm: SSMClient;
  readonly ecs: ECSClient;
  readonly route53: Route53Client;
  readonly s3: S3Client;
}

export interface Stored {
  /** Keys of the files that changed. */
  readonly written: readonly string[];
  /** Number of files that did not change. */
  readonly unchanged: number;
}

/** S3 returns it in lower case. */
const FINGERPRINT = 'lifeboat-fingerprint';

/** @throws after trying them all, when some could not be stored */
export const storeConfiguration =
  (clients: Clients, clock: () => number = Date.now) =>
  async (input: unknown): Promise<Stored> => {
    const request = parse(configurationRequest, input, 'configuration request');
    const { bucket, prefix } = request;
    const written: string[] = [];
    const failures: string[] = [];
    let unchanged = 0;
    let bytes = 0;
    const there = await keysUnder(clients.s3, bucket, prefix);

    const { stacks, parameters, secureValuesKey, taskDefinitions, services, zones } = request;
    const sources = [
      { what: 'CloudFormation stacks', named: stacks, files: stacksOf(clients.cloudFormation, stacks) },
      { what: 'SSM parameters', named: parameters, files: parametersOf(clients.ssm, parameters, secureValuesKey) },
      { what: 'ECS task definitions', named: taskDefinitions, files: taskDefinitionsOf(clients.ecs, taskDefinitions) },
      { what: 'ECS services', named: services, files: servicesOf(clients.ecs, services) },
      { what: 'Route 53 zones', named: zones, files: zonesOf(clients.route53, zones) },
    ];
    for (const { what, named, files } of sources) {
      // An empty list asks for none, and the role may not list any.
      if (named?.length === 0) continue;
      try {
        for await (const file of files) {
          if ('failure' in file) failures.push(file.failure);
          else {
            const key = prefix + file.key;
            bytes += Buffer.byteLength(file.text);
            const before = there.has(key) ? await fingerprintOf(clients.s3, bucket, key) : undefined;
            const fingerprint = createHash('sha256').update(file.fingerprinted).digest('hex');
            if (before === fingerprint) unchanged += 1;
            else {
              await put(clients.s3, bucket, key, file, { [FINGERPRINT]: fingerprint });
              written.push(key);
            }
          }
        }
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? error.message : error}`);
      }
    }
    if (failures.length > 0) {
      throw new Error(`some configuration could not be stored:\n  ${failures.join('\n  ')}`);
    }
    const good: LastGood = { finished: new Date(clock()).toISOString(), bytes };
    await put(clients.s3, bucket, lastGoodKey(prefix), { text: JSON.stringify(good), type: 'application/json' });
    return { written, unchanged };
  };

/** Listed first: where listing is allowed by prefix only, asking for what is missing is answered with "forbidden". */
async function keysUnder(s3: S3Client, bucket: string, prefix: string): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key = '' } of Contents) keys.add(Key);
  }
  return keys;
}

async function fingerprintOf(s3: S3Client, bucket: string, key: string): Promise<string | undefined> {
  const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
  return Metadata?.[FINGERPRINT];
}

async function put(
  s3: S3Client,
  bucket: string,
  key: string,
  { text, type, encryptionKey }: Pick<ConfigurationFile, 'text' | 'type' | 'encryptionKey'>,
  metadata?: Record<string, string>,
): Promise<void> {
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: text,
      ContentType: type,
      Metadata: metadata,
      ...(encryptionKey && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: encryptionKey }),
    }),
  );
}

export const handler = (event: unknown) =>
  storeConfiguration({
    cloudFormation: new CloudFormationClient(),
    ssm: new SSMClient(),
    ecs: new ECSClient(),
    // Route 53 allows five calls a second for the whole account.
    // https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
    route53: new Route53Client({ maxAttempts: 10 }),
    s3: new S3Client(),
  })(event);
