/**
 * Cut-over by a new version of a secret. AWSCURRENT moves only from the version that was recorded to the version that
 * the run made, and back: Secrets Manager itself refuses the move when another version is current.
 */
import { createHash } from 'node:crypto';
import {
  DescribeSecretCommand,
  type DescribeSecretResponse,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
  type UpdateSecretVersionStageRequest,
} from '@aws-sdk/client-secrets-manager';
import { checkEndpoint, isHost, isSameHost } from './hosts';
import { fieldsOf, type Replacement, replaceFields } from './json-fields';
import { type Before, ChangedMeanwhile, type CutOverWay, type Endpoint, type Move, type Sent } from './way';

export interface SecretFields {
  readonly secret: string;
  /** @default host */
  readonly hostField?: string;
  /** @default - `port`, if there is such a field */
  readonly portField?: string;
}

const CURRENT = 'AWSCURRENT';
/** What Secrets Manager takes. AWS would repeat a longer value in its error. */
const MOST_BYTES = 65_536;

export class SecretCutOver implements CutOverWay {
  public readonly name: string;
  private readonly hostField: string;

  constructor(
    private readonly secrets: SecretsManagerClient,
    private readonly fields: SecretFields,
  ) {
    this.name = `secret ${fields.secret}`;
    this.hostField = fields.hostField ?? 'host';
  }

  async read(): Promise<Before> {
    const described = await this.describe();
    this.refuse(described);
    const version = currentOf(described);
    if (version === undefined) throw new Error(`${this.name} has no current version; give it a value first`);
    // Shows now whether it can be rewritten, before anything depends on it.
    await this.rewritten(version, 'lifeboat.example.com', 5432);
    return { version };
  }

  async warnings({ from, to }: Move): Promise<string[]> {
    const { version: current } = await this.read();
    const described = await this.describe();
    const { RotationEnabled, VersionIdsToStages: versions = {}, ReplicationStatus: replicas = [] } = described;
    const pending = Object.keys(versions).some((id) => versions[id]?.includes('AWSPENDING') && id !== current);
    const regions = replicas.flatMap(({ Region }) => Region ?? []);
    return [
      ...this.differences(await this.value(String(current)), from, to),
      ...(RotationEnabled || pending
        ? [
            `${this.name} is rotated${pending ? ', and a rotation is under way' : ''}: a rotation after the cut-over ` +
              'changes the password of the recovered database only, and the cut-over can then no longer be taken ' +
              'back by this runbook; suspend rotation until the hold time is over',
          ]
        : []),
      ...(regions.length > 0
        ? [`${this.name} is replicated to ${regions.join(', ')}: what reads it there is sent as well`]
        : []),
      `${this.name}: clients that cache its value, as AWS's caching clients do for an hour, see the new one only ` +
        'after a restart',
    ];
  }

  async send(before: Before, to: Endpoint, run: string): Promise<Sent> {
    checkEndpoint(to);
    const described = await this.describe();
    this.refuse(described);
    const current = currentOf(described);
    const made = versionOf(this.fields.secret, to, run);
    const label = `lifeboat-${run}`;
    if (current !== made) {
      if (current === undefined || current !== before.version) throw this.changed(current, before);
      const { text, unchanged } = await this.rewritten(current, to.host, to.port);
      // After a rename it names the recovered database already.
      if (unchanged) return { version: current };
      // With a label of its own, it does not become the current one by itself.
      await this.secrets.send(
        new PutSecretValueCommand({
          SecretId: this.fields.secret,
          SecretString: text,
          ClientRequestToken: made,
          VersionStages: [label],
        }),
      );
      await this.move(before, current, made);
    }
    await this.removeLabel(label, made);
    return { version: made };
  }

  async takeBack(before: Before, to: Endpoint, run: string): Promise<Sent> {
    const current = currentOf(await this.describe());
    const wanted = String(before.version);
    if (current === wanted) return { version: wanted };
    const made = versionOf(this.fields.secret, to, run);
    if (current !== made) throw this.changed(current, before);
    await this.move(before, made, wanted);
    return { version: wanted };
  }

  async look({ version }: Sent) {
    const current = currentOf(await this.describe());
    if (current === version) return { done: true, state: `version ${version} is current` };
    const state = `version ${current} is current`;
    return { done: false, state, failed: `${this.name}: ${state}, not ${version}: somebody else changed it` };
  }

  settles(): number {
    return 0;
  }

  private async move(before: Before, from: string, to: string): Promise<void> {
    const refused = await this.stage({ VersionStage: CURRENT, RemoveFromVersionId: from, MoveToVersionId: to });
    if (!refused) return;
    const current = currentOf(await this.describe());
    // An earlier try may have taken effect, and only its answer was lost.
    if (current !== to) throw this.changed(current, before);
  }

  /** A secret has 20 labels at most, so none is left behind. */
  private async removeLabel(label: string, version: string): Promise<void> {
    const isThere = async () => (await this.describe()).VersionIdsToStages?.[version]?.includes(label) ?? false;
    if (!(await isThere())) return;
    const refused = await this.stage({ VersionStage: label, RemoveFromVersionId: version });
    if (refused && (await isThere())) throw refused;
  }

  /** Returns Secrets Manager's refusal, for callers to look at what is there. */
  private async stage(change: Omit<UpdateSecretVersionStageRequest, 'SecretId'>): Promise<Error | undefined> {
    try {
      await this.secrets.send(new UpdateSecretVersionStageCommand({ SecretId: this.fields.secret, ...change }));
      return undefined;
    } catch (error) {
      if (error instanceof Error && error.name === 'InvalidParameterException') return error;
      throw error;
    }
  }

  private async describe(): Promise<DescribeSecretResponse> {
    return this.secrets.send(new DescribeSecretCommand({ SecretId: this.fields.secret }));
  }

  private refuse({ OwningService, DeletedDate, ARN = '', PrimaryRegion }: DescribeSecretResponse): void {
    if (OwningService !== undefined) {
      throw new Error(
        `${this.name} is managed by ${OwningService}, which alone may write it: a recovered database would get a ` +
          'managed secret of another ARN; keep the address in a secret of your own, in a DNS record or in a ' +
          'parameter, or cut over by rename, and let applications take only user and password from the managed one',
      );
    }
    if (DeletedDate) throw new Error(`${this.name} is scheduled for deletion; restore it first`);
    const [, , , region] = ARN.split(':');
    if (PrimaryRegion !== undefined && PrimaryRegion !== region) {
      throw new Error(
        `${this.name} is a replica of the secret in ${PrimaryRegion}, and can't be changed here; promote it ` +
          '(StopReplicationToReplica), or name the primary',
      );
    }
  }

  private changed(current: string | undefined, before: Before): ChangedMeanwhile {
    return new ChangedMeanwhile(
      `${this.name}: version ${current} is current, which is neither the recorded version ${before.version} nor this ` +
        "run's: somebody else, or a rotation, changed it meanwhile; it was left as it is, so look at its value and " +
        'set the host yourself',
    );
  }

  private async value(VersionId: string): Promise<string> {
    const { SecretString } = await this.secrets.send(
      new GetSecretValueCommand({ SecretId: this.fields.secret, VersionId }),
    );
    if (SecretString !== undefined) return SecretString;
    throw new Error(`${this.name} holds bytes; only an object of JSON can be given another host`);
  }

  private async rewritten(version: string, host: string, port: number): Promise<{ text: string; unchanged: boolean }> {
    const before = await this.value(version);
    const fields = fieldsOf(before);
    if (!fields) throw new Error(`${this.name} does not hold an object of JSON, so it can't be given another host`);
    const { hostField, fields: of } = this;
    const field = fields.find(({ name }) => name === hostField);
    if (field && !isHost(field.value)) {
      throw new Error(
        `${this.name}: its field '${hostField}' does not hold a host name alone, so it is not replaced; name another ` +
          'field with hostField',
      );
    }
    const hasPort = fields.some(({ name }) => name === 'port');
    const portField = of.portField ?? (hasPort ? 'port' : undefined);
    const replacements: Record<string, Replacement> = { [hostField]: host };
    if (portField !== undefined) replacements[portField] = port;
    try {
      const text = replaceFields(before, replacements);
      if (Buffer.byteLength(text) <= MOST_BYTES) return { text, unchanged: text === before };
    } catch (error) {
      throw new Error(`${this.name} can't be given another host: ${(error as Error).message}`);
    }
    throw new Error(`${this.name} would have more than ${MOST_BYTES} bytes with the other host`);
  }

  /** Names of fields are told, never what they hold. */
  private differences(text: string, from: Endpoint | undefined, to: Endpoint | undefined): string[] {
    const fields = fieldsOf(text) ?? [];
    const found: string[] = [];
    const host = fields.find(({ name }) => name === this.hostField)?.value;
    if (from && isHost(host) && !isSameHost(host, from.host)) {
      found.push(
        `${this.name}: its field '${this.hostField}' names another host than ${from.host}, the address of ` +
          `'${from.instance}'; it is sent to the recovered database all the same`,
      );
    }
    const portField = this.fields.portField ?? 'port';
    if (from && to && from.port !== to.port && !fields.some(({ name }) => name === portField)) {
      found.push(
        `${this.name} has no field '${portField}', and the port changes from ${from.port} to ${to.port}: clients must ` +
          'be told the port in another way',
      );
    }
    const kept = fields.filter(({ name, value }) => {
      if (name === this.hostField || !from) return false;
      const written = typeof value === 'string' ? value : JSON.stringify(value);
      return written === from.instance || written.toLowerCase().includes(from.host.toLowerCase());
    });
    if (kept.length > 0) {
      found.push(
        `${this.name} names the damaged database in ${kept.map(({ name }) => `'${name}'`).join(', ')} as well, which ` +
          'stays as it is; what reads that keeps using the damaged database',
      );
    }
    return found;
  }
}

function currentOf({ VersionIdsToStages = {} }: DescribeSecretResponse): string | undefined {
  return Object.keys(VersionIdsToStages).find((id) => VersionIdsToStages[id]?.includes(CURRENT));
}

/** The ClientRequestToken, which becomes the version's id: the same at every repetition. */
function versionOf(secret: string, { host, port }: Endpoint, run: string): string {
  return createHash('sha256')
    .update(JSON.stringify([secret, host, port, run]))
    .digest('hex');
}
