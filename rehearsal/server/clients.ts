/**
 * SDK clients that can only talk to a rehearsal. Whatever the user's environment holds (profiles, real keys, endpoints
 * of their own), these get an explicit loopback endpoint and dummy credentials.
 */
import { LambdaClient } from '@aws-sdk/client-lambda';
import { RDSClient } from '@aws-sdk/client-rds';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';

/** Keys that are none: AWS refuses them, should a request ever get there. */
export const DUMMY_CREDENTIALS = { accessKeyId: 'AKIAREHEARSAL0000000', secretAccessKey: 'rehearsal-only' } as const;

export interface ClientOptions {
  /** The rehearsal's endpoint, such as `http://127.0.0.1:4567`. */
  readonly endpoint: string;
  /** Which of its regions to talk to. */
  readonly region: string;
}

/** RDS of a rehearsal. */
export function rdsClient(options: ClientOptions): RDSClient {
  return new RDSClient(configuration(options));
}

/** S3 of a rehearsal; with path style, since buckets have no host names there. */
export function s3Client(options: ClientOptions): S3Client {
  return new S3Client({ ...configuration(options), forcePathStyle: true });
}

/** Secrets Manager of a rehearsal. */
export function secretsManagerClient(options: ClientOptions): SecretsManagerClient {
  return new SecretsManagerClient(configuration(options));
}

/** SSM of a rehearsal. */
export function ssmClient(options: ClientOptions): SSMClient {
  return new SSMClient(configuration(options));
}

/** Lambda of a rehearsal, for whoever serves functions there; a region itself has none. */
export function lambdaClient(options: ClientOptions): LambdaClient {
  return new LambdaClient(configuration(options));
}

function configuration({ endpoint, region }: ClientOptions) {
  return {
    endpoint: loopback(endpoint),
    region,
    credentials: DUMMY_CREDENTIALS,
    // A profile of the user's could name another endpoint, a proxy of keys, or FIPS and dual-stack hosts.
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    retryMode: 'standard',
    maxAttempts: 3,
    defaultsMode: 'standard' as const,
  };
}

/**
 * The endpoint, if it is this machine's.
 *
 * @throws Error for any other, which could be the real AWS
 */
export function loopback(endpoint: string): string {
  const { hostname } = new URL(endpoint);
  if (/^127(\.\d{1,3}){3}$/.test(hostname) || hostname === '[::1]' || hostname === 'localhost') return endpoint;
  throw new Error(
    `${endpoint} is not on this machine, and a rehearsal deletes databases: it must never reach AWS; ` +
      'pass the endpoint that serveRegion or `lifeboat region` gives',
  );
}
