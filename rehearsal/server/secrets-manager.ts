/** Secrets Manager, as far as runbooks use it; kept in memory. */
import { randomUUID } from 'node:crypto';
import { CallError, shown } from './call';
import { type JsonInput, type JsonOperations, onlyThese, refuseBeyond, text, word } from './json-protocol';
import { ACCOUNT } from './world';

interface Secret {
  readonly arn: string;
  readonly name: string;
  version: { readonly id: string; readonly value: Value; readonly created: number } | undefined;
}
type Value = { SecretString: string } | { SecretBinary: string };

const MOST_SECRETS = 10_000;
const MOST_CHARACTERS = 65_536;

const STAGES = ['AWSCURRENT'];

/** The operations on one rehearsal's secrets. */
export function secretOperations(): JsonOperations {
  const secrets = new Map<string, Secret>();

  const find = (region: string, id: string): Secret => {
    const secret = secrets.get(`${region}/${id.replace(/^arn:.*:secret:(.*)-\w{6}$/, '$1')}`);
    if (secret) return secret;
    throw new CallError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  };

  const put = (secret: Secret, input: JsonInput) => {
    const value =
      input.SecretString === undefined
        ? { SecretBinary: text(input, 'SecretBinary', MOST_CHARACTERS) }
        : { SecretString: text(input, 'SecretString', MOST_CHARACTERS) };
    const id = input.ClientRequestToken === undefined ? randomUUID() : word(input, 'ClientRequestToken', 64);
    secret.version = { id, value, created: Date.now() / 1000 };
    return { ARN: secret.arn, Name: secret.name, VersionId: id, VersionStages: STAGES };
  };

  return {
    CreateSecret(input, region) {
      onlyThese(input, [
        'Name',
        'Description',
        'SecretString',
        'SecretBinary',
        'ClientRequestToken',
        'Tags',
        'KmsKeyId',
      ]);
      const name = word(input, 'Name', 512);
      refuseBeyond(MOST_SECRETS, secrets.size, 'secrets');
      if (secrets.has(`${region}/${name}`)) {
        throw new CallError(
          'ResourceExistsException',
          `The operation failed because the secret ${shown(name)} already exists.`,
        );
      }
      const arn = `arn:aws:secretsmanager:${region}:${ACCOUNT}:secret:${name}-local0`;
      const secret: Secret = { arn, name, version: undefined };
      const isEmpty = input.SecretString === undefined && input.SecretBinary === undefined;
      const VersionId = isEmpty ? undefined : put(secret, input).VersionId;
      secrets.set(`${region}/${name}`, secret);
      return { ARN: arn, Name: name, VersionId };
    },

    PutSecretValue(input, region) {
      onlyThese(input, ['SecretId', 'SecretString', 'SecretBinary', 'ClientRequestToken']);
      return put(find(region, word(input, 'SecretId', 2048)), input);
    },

    GetSecretValue(input, region) {
      onlyThese(input, ['SecretId', 'VersionId', 'VersionStage']);
      const { arn, name, version } = find(region, word(input, 'SecretId', 2048));
      const isWanted =
        (input.VersionId ?? version?.id) === version?.id && (input.VersionStage ?? 'AWSCURRENT') === 'AWSCURRENT';
      if (!version || !isWanted) {
        const message = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
        throw new CallError('ResourceNotFoundException', message);
      }
      const { id, value, created } = version;
      return { ARN: arn, Name: name, VersionId: id, VersionStages: STAGES, CreatedDate: created, ...value };
    },
  };
}
