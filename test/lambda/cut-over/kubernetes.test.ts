/** Rollouts on EKS, against a real HTTPS server whose certificate comes from the cluster's own authority. */
import * as sdk from '@aws-sdk/client-eks';
import { KubernetesRestart, type KubernetesRestartOptions } from '../../../lambda/cut-over/kubernetes';
import { claimOf, verify } from '../../../rehearsal/server/signature';
import { Recorder } from '../../simulated/recorder';
import { Authority } from './authority';
import { FROM, RESTARTING, TO } from './endpoints';
import { type Asked, HttpsServer } from './https-server';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const ANNOTATION = 'kubectl.kubernetes.io/restartedAt';
/** Those of the recorder's clients. */
const KEYS = { accessKeyId: 'none', secretAccessKey: 'none' };
const AT = '2026-11-29T03:00:00Z';
const OPTIONS: KubernetesRestartOptions = {
  cluster: 'shop',
  namespace: 'web',
  deployments: ['api', 'jobs'],
  secret: { name: 'database', hostField: 'host' },
};

/** As much of the API server as these calls reach: merges annotations, and tests before it replaces. */
class Cluster {
  public data: Record<string, string> = { host: base64(FROM.host), password: base64('hunter2') };
  public rollouts = 0;
  public status: object = {};
  public more: object = {};
  private annotations: Record<string, Record<string, string>> = {};
  /** Status to answer the next requests that match with. */
  public refusal: { readonly match: RegExp; readonly status: number } | undefined;

  answer({ method, path, headers, body }: Asked): { status: number; body: object } {
    const call = `${method} ${path}`;
    if (this.refusal?.match.test(call)) return { status: this.refusal.status, body: { message: 'hunter2' } };
    if (path === '/api/v1/namespaces/web/secrets/database') {
      if (method === 'GET') return { status: 200, body: { data: this.data } };
      expect(headers['content-type']).toBe('application/json-patch+json');
      for (const { op, path: pointer, value } of JSON.parse(body)) {
        const key = pointer.replace('/data/', '');
        if (op === 'test' && this.data[key] !== value) return { status: 422, body: { reason: 'Invalid' } };
        if (op === 'replace') this.data[key] = value;
      }
      return { status: 200, body: { data: this.data } };
    }
    const [, name = ''] = /^\/apis\/apps\/v1\/namespaces\/web\/deployments\/(\w+)$/.exec(path) ?? [];
    if (name === '') return { status: 404, body: {} };
    if (method === 'PATCH') {
      expect(headers['content-type']).toBe('application/strategic-merge-patch+json');
      const { annotations } = JSON.parse(body).spec.template.metadata;
      const merged = { ...this.annotations[name], ...annotations };
      if (JSON.stringify(merged) !== JSON.stringify(this.annotations[name])) this.rollouts += 1;
      this.annotations[name] = merged;
    }
    const template = { metadata: { annotations: this.annotations[name] } };
    return {
      status: 200,
      body: { metadata: { generation: 2 }, spec: { replicas: 2, template, ...this.more }, status: this.status },
    };
  }
}

let cluster: Cluster;
let server: HttpsServer;
let recorder: Recorder;
let eks: sdk.EKSClient;

beforeEach(async () => {
  cluster = new Cluster();
  server = await HttpsServer.serve((asked, response) => {
    const { status, body } = cluster.answer(asked);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  recorder = new Recorder(sdk);
  eks = recorder.client(sdk.EKSClient);
  describeCluster(server.authority);
});
afterEach(() => server.close());

function describeCluster({ certificate }: Authority) {
  recorder.on('DescribeCluster', () => ({
    cluster: {
      endpoint: server.origin,
      status: 'ACTIVE',
      arn: 'arn:aws:eks:eu-central-1:123456789012:cluster/shop',
      certificateAuthority: { data: base64(certificate) },
    },
  }));
}

const way = (more: Partial<KubernetesRestartOptions> = {}) => new KubernetesRestart(eks, { ...OPTIONS, ...more });
const DONE = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

test('the secret gets the host alone, each deployment is rolled out once, however often it is started', async () => {
  expect(await way().start(RESTARTING)).toEqual({ id: AT });
  expect(await way().start(RESTARTING)).toEqual({ id: AT });
  expect(cluster.data).toEqual({ host: base64(TO.host), password: base64('hunter2') });
  expect(cluster.rollouts).toBe(2);
  const [sent] = server.asked.filter(({ path }) => path.endsWith('/deployments/api'));
  expect(JSON.parse(sent?.body ?? '')).toEqual({
    spec: { template: { metadata: { annotations: { [ANNOTATION]: AT } } } },
  });
});

test('a crash between any two requests is made good by starting again', async () => {
  for (const match of [/PATCH.*database/, /PATCH.*api/, /PATCH.*jobs/]) {
    cluster = new Cluster();
    cluster.refusal = { match, status: 503 };
    await expect(way().start(RESTARTING)).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    cluster.refusal = undefined;
    await way().start(RESTARTING);
    expect([cluster.data.host, cluster.rollouts]).toEqual([base64(TO.host), 2]);
  }
});

test('going back gives the secret the old host', async () => {
  await way().start(RESTARTING);
  await way().start({ run: 'back', since: '2026-11-29T05:00:00Z', from: TO, to: FROM });
  expect(cluster.data.host).toBe(base64(FROM.host));
  expect(cluster.rollouts).toBe(4);
});

test('the token is a presigned call of STS that names the cluster, valid for a minute', async () => {
  await way().start(RESTARTING);
  const [, token = ''] = /^Bearer k8s-aws-v1\.([\w-]+)$/.exec(server.asked[0]?.headers.authorization ?? '') ?? [];
  const url = new URL(Buffer.from(token, 'base64url').toString());
  expect(`${url.origin}${url.pathname}`).toBe('https://sts.eu-central-1.amazonaws.com/');
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    Action: 'GetCallerIdentity',
    Version: '2011-06-15',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': expect.stringMatching(/^none\/\d{8}\/eu-central-1\/sts\/aws4_request$/),
    'X-Amz-Expires': '60',
    'X-Amz-SignedHeaders': 'host;x-k8s-aws-id',
    'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(recorder.inputs('DescribeCluster')[0]).toEqual({ name: 'shop' });
  // As STS verifies it when EKS has added the header with its own name.
  const verified = async (cluster: string) => {
    const headers = { host: url.host, 'x-k8s-aws-id': cluster };
    const signed = { method: 'GET', path: '/', query: new URLSearchParams(url.searchParams), headers };
    const claim = {
      ...claimOf(signed, [{ keys: KEYS, arn: 'arn:aws:iam::123456789012:user/none' }]),
      payloadHash: undefined,
    };
    await verify(signed, claim, Buffer.alloc(0));
  };
  await verified('shop');
  await expect(verified('other')).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
});

test("nothing is sent to a server that the cluster's authority has not certified", async () => {
  describeCluster(new Authority());
  await expect(way().start(RESTARTING)).rejects.toThrow(/certificate|signature/);
  expect(server.asked).toEqual([]);
});

test('a rollout is awaited as kubectl does', async () => {
  const { id = '' } = await way().start(RESTARTING);
  const look = async (status: object) => {
    cluster.status = status;
    return way().look(id);
  };
  expect((await look({ ...DONE, observedGeneration: 1 })).done).toBe(false);
  expect((await look({ ...DONE, updatedReplicas: 1 })).done).toBe(false);
  expect((await look({ ...DONE, replicas: 3 })).done).toBe(false);
  expect((await look({ ...DONE, availableReplicas: 1 })).done).toBe(false);
  expect(await look(DONE)).toEqual({
    done: true,
    state: 'deployment api: 2 of 2 pods are new, 2 available, deployment jobs: 2 of 2 pods are new, 2 available',
  });
  const conditions = [{ type: 'Progressing', reason: 'ProgressDeadlineExceeded' }];
  expect((await look({ ...DONE, availableReplicas: 1, conditions })).failed).toContain('did not become ready in time');
});

test('a rollout that somebody put back is told', async () => {
  cluster.status = DONE;
  expect((await way().look(AT)).failed).toContain('deployment api was put back by somebody');
});

test('a secret that names neither database is left alone', async () => {
  cluster.data.host = base64('mine.example.com');
  await expect(way().start(RESTARTING)).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  expect([cluster.data.host, cluster.rollouts]).toEqual([base64('mine.example.com'), 0]);
});

test('a secret that changes between the look and the patch is left alone', async () => {
  const answer = cluster.answer.bind(cluster);
  cluster.answer = (asked) => {
    const result = answer(asked);
    const read = JSON.parse(JSON.stringify(result));
    if (asked.method === 'GET' && asked.path.includes('/secrets/')) cluster.data.host = base64('mine.example.com');
    return read;
  };
  await expect(way().start(RESTARTING)).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  expect(cluster.data.host).toBe(base64('mine.example.com'));
});

test.each([401, 403, 404])('status %d is told with what to do, without what the server said', async (status) => {
  cluster.refusal = { match: /./, status };
  const error: Error = await way()
    .start(RESTARTING)
    .catch((thrown) => thrown);
  expect(error.message).toMatch(/answered GET .*secrets\/database with status \d+; \S/);
  expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('hunter2');
});

test('a field that holds more than a host is refused, and not repeated', async () => {
  cluster.data.host = base64('postgres://app:hunter2@orders');
  const error: Error = await way()
    .warnings()
    .catch((thrown) => thrown);
  expect(error.message).toContain("does not hold a host name alone in the field 'host'");
  expect(error.message).not.toContain('hunter2');
});

test('paused and empty deployments are told before the approval', async () => {
  cluster.more = { paused: true, replicas: 0 };
  const warnings = await way({ deployments: ['api'] }).warnings();
  expect(warnings).toEqual([
    expect.stringContaining('api is paused'),
    expect.stringContaining('api is scaled to 0'),
    expect.stringContaining('writes the old host back'),
  ]);
});

test.each([
  { cluster: '../x' },
  { namespace: 'web/../kube-system' },
  { deployments: ['api?x=1'] },
  { deployments: ['Api'] },
  { secret: { name: 'a/b', hostField: 'host' } },
  { secret: { name: 'database', hostField: 'a/b' } },
])('%j is refused: names become parts of paths', (more) => {
  expect(() => way(more)).toThrow('is not a valid name of Kubernetes');
});
