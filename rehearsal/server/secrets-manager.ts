/** Secrets Manager, as far as runbooks use it; kept in memory. */
import { randomUUID } from 'node:crypto';
import { CallError } from './call';
import { type JsonOperations, onlyThese, text } from './json-protocol';
import { ACCOUNT } from './world';

interface Secret {
  readonly arn: string;
  readonly name: string;
  version: { readonly id: string; readonly value: Value; readonly created: number } | undefined;
}
type Value = { SecretString: unknown } | { SecretBinary: unknown };

const STAGES = ['AWSCURRENT'];

/** The operations on one rehearsal's secrets. */
export function secretOperations(): JsonOperations {
  const secrets = new Map<string, Secret>();

  const find = (region: string, id: string): Secret => {
    const secret = secrets.get(`${region}/${id.replace(/^arn:.*:secret:(.*)-\w{6}$/, '$1')}`);
    if (secret) return secret;
    throw new CallError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  };

  const put = (secret: Secret, input: Readonly<Record<string, unknown>>) => {
    const value = 'SecretString' in input ? { SecretString: input.SecretString } : { SecretBinary: input.SecretBinary };
    const id = typeof input.ClientRequestToken === 'string' ? input.ClientRequestToken : randomUUID();
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
      const name = text(input, 'Name');
      if (secrets.has(`${region}/${name}`)) {
        throw new CallError(
          'ResourceExistsException',
          `The operation failed because the secret ${name} already exists.`,
        );
      }
      const arn = `arn:aws:secretsmanager:${region}:${ACCOUNT}:secret:${name}-local0`;
      const secret: Secret = { arn, name, version: undefined };
      secrets.set(`${region}/${name}`, secret);
      if (input.SecretString === undefined && input.SecretBinary === undefined) return { ARN: arn, Name: name };
      const { VersionId } = put(secret, input);
      return { ARN: arn, Name: name, VersionId };
    },

    PutSecretValue(input, region) {
      onlyThese(input, ['SecretId', 'SecretString', 'SecretBinary', 'ClientRequestToken']);
      return put(find(region, text(input, 'SecretId')), input);
    },

    GetSecretValue(input, region) {
      onlyThese(input, ['SecretId', 'VersionId', 'VersionStage']);
      const { arn, name, version } = find(region, text(input, 'SecretId'));
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
