/**
 * Restart of deployments on EKS, as `kubectl rollout restart` does it: an annotation with the moment of the restart,
 * which is the same at every repetition, so a repeated restart rolls nothing out again. A secret of Kubernetes gets the
 * host first; its patch holds a test of the value that was read.
 */
import type { EKSClient } from '@aws-sdk/client-eks';
import { checkEndpoint, isHost, isSameHost } from './hosts';
import { KubernetesApi, KubernetesError } from './kubernetes-api';
import { ChangedMeanwhile, type Progress, type Restarting, type RestartWay, type Started } from './way';

export interface KubernetesRestartOptions {
  readonly cluster: string;
  readonly namespace: string;
  readonly deployments: readonly string[];
  readonly secret?: { readonly name: string; readonly hostField: string };
}

const ANNOTATION = 'kubectl.kubernetes.io/restartedAt';

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names */
const LABEL = /^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const KEY = /^(?=.{1,253}$)(?!\.\.?$)[-._a-zA-Z0-9]+$/;
const CLUSTER = /^[0-9A-Za-z][-_0-9A-Za-z]{0,99}$/;

interface Deployment {
  readonly metadata?: { readonly generation?: number };
  readonly spec?: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly { readonly type?: string; readonly reason?: string }[];
  };
}

interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

export class KubernetesRestart implements RestartWay {
  public readonly name: string;
  private readonly api: KubernetesApi;

  constructor(
    eks: EKSClient,
    private readonly options: KubernetesRestartOptions,
  ) {
    const { cluster, namespace, deployments, secret } = options;
    // They become parts of paths, so nothing else may stand in them.
    valid('cluster', cluster, CLUSTER);
    valid('namespace', namespace, LABEL);
    for (const deployment of deployments) valid('deployment', deployment, SUBDOMAIN);
    if (secret) {
      valid('secret', secret.name, SUBDOMAIN);
      valid('field of the secret', secret.hostField, KEY);
    }
    this.name = `deployments ${deployments.join(', ')} in namespace ${namespace} of cluster ${cluster}`;
    this.api = new KubernetesApi(eks, cluster);
  }

  async warnings(): Promise<string[]> {
    const { deployments, secret } = this.options;
    const found: string[] = [];
    for (const name of deployments) {
      const { spec } = await this.deployment(name);
      if (spec?.paused) found.push(`deployment ${name} is paused, so it does not restart until it is resumed`);
      if (spec?.replicas === 0) found.push(`deployment ${name} is scaled to 0, so there is nothing to restart`);
    }
    if (secret) {
      await this.host(secret);
      found.push(
        `secret ${secret.name} of Kubernetes: an operator or a GitOps tool that owns it writes the old host back, ` +
          'unless its source is changed as well',
      );
    }
    return found;
  }

  async start(restarting: Restarting): Promise<Started> {
    const { deployments, secret } = this.options;
    if (secret) await this.send(secret, restarting);
    const restartedAt = momentOf(restarting);
    for (const name of deployments) {
      const annotations = { [ANNOTATION]: restartedAt };
      await this.api.patch(this.path(name), 'application/strategic-merge-patch+json', {
        spec: { template: { metadata: { annotations } } },
      });
    }
    return { id: restartedAt };
  }

  async look(id: string): Promise<Progress> {
    const seen: Progress[] = [];
    for (const name of this.options.deployments) seen.push(progressOf(name, await this.deployment(name), id));
    const failed = seen.flatMap((one) => one.failed ?? []).join('; ');
    const state = seen.map((one) => one.state).join(', ');
    return { done: seen.every(({ done }) => done), state, ...(failed && { failed: `${this.name}: ${failed}` }) };
  }

  private async send({ name, hostField }: { name: string; hostField: string }, { from, to }: Restarting) {
    checkEndpoint(to);
    const host = await this.host({ name, hostField });
    if (isSameHost(host, to.host)) return;
    if (from && !isSameHost(host, from.host)) throw changed(name, hostField);
    // A slash can't stand in a key, so it needs no escape as a JSON pointer.
    const path = `/data/${hostField}`;
    try {
      await this.api.patch(this.secretPath(name), 'application/json-patch+json', [
        { op: 'test', path, value: Buffer.from(host).toString('base64') },
        { op: 'replace', path, value: Buffer.from(to.host).toString('base64') },
      ]);
    } catch (error) {
      if (!(error instanceof KubernetesError) || ![409, 422].includes(error.status)) throw error;
      if (isSameHost(await this.host({ name, hostField }), host)) throw error;
      throw changed(name, hostField);
    }
  }

  private async host({ name, hostField }: { name: string; hostField: string }): Promise<string> {
    const { data = {} } = await this.api.get<Secret>(this.secretPath(name));
    const encoded = Object.hasOwn(data, hostField) ? data[hostField] : undefined;
    const host = encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
    if (isHost(host)) return host;
    const what = encoded === undefined ? 'has no field' : 'does not hold a host name alone in the field';
    throw new Error(`secret ${name} of Kubernetes ${what} '${hostField}', so it is not changed; name another field`);
  }

  private async deployment(name: string): Promise<Deployment> {
    return this.api.get(this.path(name));
  }

  private path(deployment: string): string {
    return `/apis/apps/v1/namespaces/${this.options.namespace}/deployments/${deployment}`;
  }

  private secretPath(secret: string): string {
    return `/api/v1/namespaces/${this.options.namespace}/secrets/${secret}`;
  }
}

/** As kubectl writes it, to the second. */
const momentOf = ({ since }: Restarting) => new Date(since).toISOString().replace(/\.\d+Z$/, 'Z');

const changed = (name: string, field: string) =>
  new ChangedMeanwhile(
    `secret ${name} of Kubernetes: its field '${field}' holds neither the damaged database's host nor the recovered ` +
      "one's, so it was left as it is; set it yourself, and restart the deployments",
  );

/** As `kubectl rollout status` has it. */
function progressOf(name: string, { metadata, spec, status }: Deployment, restartedAt: string): Progress {
  const { replicas: wanted = 1, paused, template } = spec ?? {};
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {};
  const state = `deployment ${name}: ${updatedReplicas} of ${wanted} pods are new, ${availableReplicas} available`;
  const annotation = template?.metadata?.annotations?.[ANNOTATION] ?? '';
  // A later restart by somebody else has read the new address as well.
  if (Date.parse(annotation || '1970') < Date.parse(restartedAt)) {
    return { done: false, state, failed: `deployment ${name} was put back by somebody, so it must be restarted again` };
  }
  if (paused) return { done: false, state, failed: `deployment ${name} is paused; resume it` };
  if (observedGeneration < (metadata?.generation ?? 0)) return { done: false, state };
  if (status?.conditions?.some(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded')) {
    return { done: false, state, failed: `${state}; its new pods did not become ready in time, so look at them` };
  }
  return {
    done: updatedReplicas >= wanted && replicas <= updatedReplicas && availableReplicas >= updatedReplicas,
    state,
  };
}

function valid(what: string, value: string, pattern: RegExp): void {
  if (pattern.test(value)) return;
  throw new Error(`${what} ${JSON.stringify(value)} is not a valid name of Kubernetes; correct the definition`);
}
