/**
 * The API of an EKS cluster, reached with the role of this function: a token is a presigned call of STS that names the
 * cluster, as `aws eks get-token` makes it. The certificate must come from the cluster's own authority.
 * https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster
 */
import { DescribeClusterCommand, type EKSClient } from '@aws-sdk/client-eks';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { ChecksumConstructor } from '@smithy/types';
import { fetchHttps } from './https';

const MILLISECONDS = 15_000;
const MOST_BYTES = 4 * 1024 * 1024;
/** How long a token may be used to begin a request; EKS takes none of more than 15 minutes. */
const TOKEN_SECONDS = 60;

const Sha256 = Hash.bind(null, 'sha256') as unknown as ChecksumConstructor;

/** A request that the cluster refused. What it answered is not repeated: it may quote a secret. */
export class KubernetesError extends Error {
  public override readonly name = 'KubernetesError';
  /** As the SDK has it, so that the same rules say what is worth another try. */
  public readonly $metadata: { readonly httpStatusCode: number };

  constructor(
    message: string,
    public readonly status: number,
  ) {
    super(message);
    this.$metadata = { httpStatusCode: status };
  }
}

export type Patch = 'application/json-patch+json' | 'application/strategic-merge-patch+json';

interface Reached {
  readonly endpoint: string;
  /** PEM. */
  readonly authority: string;
  readonly partition: string;
}

export class KubernetesApi {
  private known: Reached | undefined;

  constructor(
    private readonly eks: EKSClient,
    private readonly cluster: string,
  ) {}

  async get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  async patch<T>(path: string, type: Patch, body: object): Promise<T> {
    return this.call<T>('PATCH', path, { type, text: JSON.stringify(body) });
  }

  private async call<T>(method: string, path: string, sent?: { type: Patch; text: string }): Promise<T> {
    const { endpoint, authority, partition } = await this.reached();
    const answer = await fetchHttps({
      url: new URL(path, endpoint),
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${await this.token(partition)}`,
        ...(sent && { 'content-type': sent.type }),
      },
      body: sent?.text,
      authorities: authority,
      milliseconds: MILLISECONDS,
      mostBytes: MOST_BYTES,
    });
    const { status, body, cut } = answer;
    if (status >= 200 && status < 300 && !cut) return JSON.parse(body.toString()) as T;
    const remedy = REMEDIES[status] ?? 'see the audit log of the cluster';
    const what = cut ? `more than ${MOST_BYTES} bytes` : `status ${status}`;
    throw new KubernetesError(`cluster ${this.cluster} answered ${method} ${path} with ${what}; ${remedy}`, status);
  }

  private async reached(): Promise<Reached> {
    if (this.known) return this.known;
    const { cluster } = await this.eks.send(new DescribeClusterCommand({ name: this.cluster }));
    const { endpoint, certificateAuthority, status, arn = '' } = cluster ?? {};
    if (endpoint === undefined || certificateAuthority?.data === undefined) {
      throw new Error(`cluster ${this.cluster} is ${status} and has no endpoint yet; wait until it is active`);
    }
    const authority = Buffer.from(certificateAuthority.data, 'base64').toString();
    this.known = { endpoint, authority, partition: arn.split(':')[1] ?? 'aws' };
    return this.known;
  }

  private async token(partition: string): Promise<string> {
    const region = await this.eks.config.region();
    const host = `sts.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
    const signer = new SignatureV4({
      credentials: this.eks.config.credentials,
      region,
      service: 'sts',
      sha256: Sha256,
    });
    const signed = await signer.presign(
      {
        method: 'GET',
        protocol: 'https:',
        hostname: host,
        path: '/',
        query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
        headers: { host, 'x-k8s-aws-id': this.cluster },
      },
      { expiresIn: TOKEN_SECONDS },
    );
    const query = new URLSearchParams(Object.entries(signed.query ?? {}).map(([name, value]) => [name, String(value)]));
    return `k8s-aws-v1.${Buffer.from(`https://${host}/?${query}`).toString('base64url')}`;
  }
}

const REMEDIES: Readonly<Record<number, string>> = {
  401: "give this function's role an access entry of the cluster",
  403: "let this function's role get and patch it, by an access entry and a role of Kubernetes",
  404: 'see that the namespace and the name are right',
};
