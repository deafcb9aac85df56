/**
 * SDK clients that can only talk to a rehearsal. Whatever the user's environment holds (profiles, real keys, endpoints
 * of their own), these get an explicit loopback endpoint and the keys of the rehearsal's run.
 */
import { LambdaClient } from '@aws-sdk/client-lambda';
import { RDSClient } from '@aws-sdk/client-rds';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { exportedKeys, type RehearsalKeys } from './signature';

export interface ClientOptions {
  /** The rehearsal's endpoint, such as `http://127.0.0.1:4567`. */
  readonly endpoint: string;
  /** Which of its regions to talk to. */
  readonly region: string;
  /** The keys of its run. */
  readonly credentials: RehearsalKeys;
}

/**
 * Options for a rehearsal that another process serves, with the keys that this shell has exported.
 *
 * @param endpoint undefined for real AWS: then undefined is returned
 * @throws Error for an endpoint that is not on this machine, and where no keys of a rehearsal are exported
 */
export function rehearsed(endpoint: string | undefined, region = 'us-east-1'): ClientOptions | undefined {
  if (endpoint === undefined) return undefined;
  const credentials = exportedKeys(process.env);
  if (credentials) return { endpoint: loopback(endpoint), region, credentials };
  throw new Error(
    `${loopback(endpoint)} takes requests with its own keys alone, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold ` +
      'other keys; run the line that `lifeboat region` printed for another shell',
  );
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

/** Lambda of a rehearsal: the durable executions that it shows. A region has no functions. */
export function lambdaClient(options: ClientOptions): LambdaClient {
  return new LambdaClient(configuration(options));
}

function configuration({ endpoint, region, credentials }: ClientOptions) {
  return {
    endpoint: loopback(endpoint),
    region,
    credentials,
    // The user's profile could set another endpoint, a credential process, or FIPS and dual-stack hosts.
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
  const { protocol, hostname } = URL.canParse(endpoint) ? new URL(endpoint) : { protocol: '', hostname: '' };
  if (hostname === '' || !/^https?:$/.test(protocol)) {
    throw new Error(`'${endpoint}' is not an endpoint; pass the one that serveRegion or \`lifeboat region\` gives`);
  }
  if (/^127(\.\d{1,3}){3}$/.test(hostname) || hostname === '[::1]' || hostname === 'localhost') return endpoint;
  throw new Error(
    `${endpoint} is not on this machine, and a rehearsal deletes databases: it must never reach AWS; ` +
      'pass the endpoint that serveRegion or `lifeboat region` gives',
  );
}
