/**
 * Secrets Manager, as far as runbooks use it; kept in memory. Versions and their staging labels behave as AWS's do:
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
import { randomUUID } from 'node:crypto';
import { CallError, shown } from './call';
import { type JsonInput, type JsonOperations, onlyThese, refuseBeyond, text, word } from './json-protocol';
import { ACCOUNT } from './world';

type Value = { SecretString: string } | { SecretBinary: string };

interface Version {
  readonly id: string;
  readonly value: Value;
  readonly created: number;
  /** Staging labels; without any, the version is deprecated. */
  readonly stages: Set<string>;
}

interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly created: number;
  changed: number;
  /** Members of DescribeSecret that it was created with. */
  readonly described: JsonInput;
  /** Oldest first. */
  readonly versions: Version[];
}

const MOST_SECRETS = 10_000;
const MOST_CHARACTERS = 65_536;
/** AWS deletes deprecated versions beyond as many; never labelled ones. */
const MOST_VERSIONS = 100;
/** AWS's quota for all versions of a secret together. */
const MOST_STAGES = 20;

const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';

/** The operations on one rehearsal's secrets. */
export function secretOperations(): JsonOperations {
  const secrets = new Map<string, Secret>();

  const find = (region: string, id: string): Secret => {
    const secret = secrets.get(`${region}/${id.replace(/^arn:.*:secret:(.*)-\w{6}$/, '$1')}`);
    if (secret) return secret;
    throw new CallError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  };

  return {
    CreateSecret(input, region) {
      const described = ['Description', 'Tags', 'KmsKeyId'];
      onlyThese(input, ['Name', 'SecretString', 'SecretBinary', 'ClientRequestToken', ...described]);
      const name = word(input, 'Name', 512);
      refuseBeyond(MOST_SECRETS, secrets.size, 'secrets');
      if (secrets.has(`${region}/${name}`)) {
        throw new CallError(
          'ResourceExistsException',
          `The operation failed because the secret ${shown(name)} already exists.`,
        );
      }
      const arn = `arn:aws:secretsmanager:${region}:${ACCOUNT}:secret:${name}-local0`;
      const created = Date.now() / 1000;
      const kept = Object.fromEntries(Object.entries(input).filter(([member]) => described.includes(member)));
      const secret: Secret = { arn, name, created, changed: created, described: kept, versions: [] };
      const isEmpty = input.SecretString === undefined && input.SecretBinary === undefined;
      const VersionId = isEmpty ? undefined : put(secret, input).id;
      secrets.set(`${region}/${name}`, secret);
      return { ARN: arn, Name: name, VersionId };
    },

    PutSecretValue(input, region) {
      onlyThese(input, ['SecretId', 'SecretString', 'SecretBinary', 'ClientRequestToken', 'VersionStages']);
      const secret = find(region, word(input, 'SecretId', 2048));
      const { id, stages } = put(secret, input);
      return { ARN: secret.arn, Name: secret.name, VersionId: id, VersionStages: [...stages] };
    },

    GetSecretValue(input, region) {
      onlyThese(input, ['SecretId', 'VersionId', 'VersionStage']);
      const { arn, name, versions } = find(region, word(input, 'SecretId', 2048));
      const wantedId = input.VersionId === undefined ? undefined : word(input, 'VersionId', 64);
      const stage = input.VersionStage === undefined ? undefined : word(input, 'VersionStage', 256);
      const wantedStage = stage ?? (wantedId === undefined ? CURRENT : undefined);
      const version = versions.find(
        ({ id, stages }) =>
          (wantedId === undefined || id === wantedId) && (wantedStage === undefined || stages.has(wantedStage)),
      );
      if (!version) {
        const wanted = wantedId === undefined ? `staging label: ${wantedStage}` : `VersionId: ${wantedId}`;
        const message = `Secrets Manager can't find the specified secret value for ${wanted}`;
        throw new CallError('ResourceNotFoundException', message);
      }
      const { id, value, created, stages } = version;
      return { ARN: arn, Name: name, VersionId: id, VersionStages: [...stages], CreatedDate: created, ...value };
    },

    DescribeSecret(input, region) {
      onlyThese(input, ['SecretId']);
      const { arn, name, created, changed, described, versions } = find(region, word(input, 'SecretId', 2048));
      const labelled = versions.filter(({ stages }) => stages.size > 0);
      return {
        ARN: arn,
        Name: name,
        ...described,
        CreatedDate: created,
        LastChangedDate: changed,
        VersionIdsToStages:
          labelled.length > 0 ? Object.fromEntries(labelled.map(({ id, stages }) => [id, [...stages]])) : undefined,
      };
    },

    UpdateSecretVersionStage(input, region) {
      onlyThese(input, ['SecretId', 'VersionStage', 'RemoveFromVersionId', 'MoveToVersionId']);
      const secret = find(region, word(input, 'SecretId', 2048));
      const stage = word(input, 'VersionStage', 256);
      const from = input.RemoveFromVersionId === undefined ? undefined : word(input, 'RemoveFromVersionId', 64);
      const to = input.MoveToVersionId === undefined ? undefined : word(input, 'MoveToVersionId', 64);
      moveStage(secret, stage, from, to);
      secret.changed = Date.now() / 1000;
      return { ARN: secret.arn, Name: secret.name };
    },
  };
}

/** Adds a version; one that its ClientRequestToken has made before stays as it is. */
function put(secret: Secret, input: JsonInput): Version {
  const value: Value =
    input.SecretString === undefined
      ? { SecretBinary: text(input, 'SecretBinary', MOST_CHARACTERS) }
      : { SecretString: text(input, 'SecretString', MOST_CHARACTERS) };
  const token = input.ClientRequestToken === undefined ? randomUUID() : word(input, 'ClientRequestToken', 64);
  if (token.length < 32) {
    throw new CallError('InvalidParameterException', 'ClientRequestToken must be 32-64 characters long.');
  }
  const wanted = stagesOf(input);
  const before = secret.versions.find(({ id }) => id === token);
  if (before) {
    if (JSON.stringify(before.value) === JSON.stringify(value)) return before;
    const message = "You can't use ClientRequestToken because that value is already in use for a different version.";
    throw new CallError('ResourceExistsException', message);
  }
  const version: Version = { id: token, value, created: Date.now() / 1000, stages: new Set() };
  const others = new Set(secret.versions.flatMap(({ stages }) => [...stages]));
  if (new Set([...others, ...wanted]).size > MOST_STAGES) {
    throw new CallError('LimitExceededException', `a secret has at most ${MOST_STAGES} staging labels`);
  }
  secret.versions.push(version);
  secret.changed = version.created;
  for (const stage of wanted) attach(secret, stage, version);
  const deprecated = secret.versions.filter(({ stages }) => stages.size === 0);
  for (const old of deprecated.slice(0, Math.max(0, secret.versions.length - MOST_VERSIONS))) {
    secret.versions.splice(secret.versions.indexOf(old), 1);
  }
  return version;
}

function stagesOf({ VersionStages: stages }: JsonInput): readonly string[] {
  if (stages === undefined) return [CURRENT];
  const isList = Array.isArray(stages) && stages.length > 0 && stages.length <= MOST_STAGES;
  if (isList && stages.every((stage) => typeof stage === 'string' && stage !== '' && stage.length <= 256)) {
    return stages;
  }
  throw new CallError('InvalidParameterException', 'VersionStages must be 1-20 labels of 1-256 characters each.');
}

/** Attaches a label to one version, and takes it from the one that has it; AWSPREVIOUS follows AWSCURRENT. */
function attach(secret: Secret, stage: string, version: Version): void {
  const holder = secret.versions.find(({ stages }) => stages.has(stage));
  if (holder === version) return;
  holder?.stages.delete(stage);
  version.stages.add(stage);
  if (stage !== CURRENT || !holder) return;
  for (const { stages } of secret.versions) stages.delete(PREVIOUS);
  holder.stages.add(PREVIOUS);
}

function moveStage(secret: Secret, stage: string, from: string | undefined, to: string | undefined): void {
  const versionOf = (id: string): Version => {
    const version = secret.versions.find((one) => one.id === id);
    if (version) return version;
    throw new CallError('ResourceNotFoundException', `Secrets Manager can't find the specified secret version: ${id}.`);
  };
  const holder = secret.versions.find(({ stages }) => stages.has(stage));
  const source = from === undefined ? undefined : versionOf(from);
  const target = to === undefined ? undefined : versionOf(to);
  if (source && source !== holder) {
    const message = target
      ? `When you move staging label ${stage}, if you specify RemoveFromVersionId, it must be set to the version that ` +
        `currently has the staging label ${stage}.`
      : `Staging label ${stage} is not attached to version ${from}.`;
    throw new CallError('InvalidParameterException', message);
  }
  if (!target) {
    if (stage !== CURRENT && source) return void source.stages.delete(stage);
    const message = source
      ? 'You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.'
      : 'You must specify at least one of RemoveFromVersionId and MoveToVersionId.';
    throw new CallError('InvalidParameterException', message);
  }
  if (holder && holder !== target && !source) {
    const message =
      `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ` +
      `${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`;
    throw new CallError('InvalidParameterException', message);
  }
  attach(secret, stage, target);
}
