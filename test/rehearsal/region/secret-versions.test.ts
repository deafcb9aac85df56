/** Versions of a secret and their staging labels behave as AWS documents them: rollbacks rely on that. */
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { secretsManagerClient } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';

const local = useRegion();
const [FIRST, SECOND, THIRD] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];
let secrets: SecretsManagerClient;
let SecretId: string;
let made = 0;

beforeAll(() => {
  secrets = secretsManagerClient(local().region.clients('eu-central-1'));
});

beforeEach(async () => {
  SecretId = `versions-${++made}`;
  await secrets.send(new CreateSecretCommand({ Name: SecretId, SecretString: 'one', ClientRequestToken: FIRST }));
});

const put = (SecretString: string, ClientRequestToken: string, VersionStages?: string[]) =>
  secrets.send(new PutSecretValueCommand({ SecretId, SecretString, ClientRequestToken, VersionStages }));
const move = (VersionStage: string, RemoveFromVersionId?: string, MoveToVersionId?: string) =>
  secrets.send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage, RemoveFromVersionId, MoveToVersionId }));
const stages = async () => (await secrets.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages;
const get = async (version: { VersionId?: string; VersionStage?: string } = {}) =>
  (await secrets.send(new GetSecretValueCommand({ SecretId, ...version }))).SecretString;

test('a new version is current, the one before it is previous, and an older one has no label', async () => {
  await put('two', SECOND);
  expect(await stages()).toEqual({ [FIRST]: ['AWSPREVIOUS'], [SECOND]: ['AWSCURRENT'] });
  await put('three', THIRD);
  expect(await stages()).toEqual({ [SECOND]: ['AWSPREVIOUS'], [THIRD]: ['AWSCURRENT'] });
  expect([await get(), await get({ VersionStage: 'AWSPREVIOUS' }), await get({ VersionId: FIRST })]).toEqual([
    'three',
    'two',
    'one',
  ]);
});

test('a repeated token changes nothing, and one with another value is refused', async () => {
  await put('two', SECOND);
  await put('three', THIRD);
  await put('two', SECOND);
  expect(await get()).toBe('three');
  await expect(put('other', SECOND)).rejects.toMatchObject({ name: 'ResourceExistsException' });
});

test('a version with labels of its own leaves the current one current', async () => {
  await put('two', SECOND, ['AWSPENDING']);
  expect(await stages()).toEqual({ [FIRST]: ['AWSCURRENT'], [SECOND]: ['AWSPENDING'] });
  expect(await get({ VersionStage: 'AWSPENDING' })).toBe('two');
  await expect(get({ VersionId: FIRST, VersionStage: 'AWSPENDING' })).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('AWSCURRENT moves only from the version that has it, and AWSPREVIOUS follows it there and back', async () => {
  await put('two', SECOND, ['mine']);
  await expect(move('AWSCURRENT', undefined, SECOND)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await expect(move('AWSCURRENT', SECOND, SECOND)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await move('AWSCURRENT', FIRST, SECOND);
  expect(await stages()).toEqual({ [FIRST]: ['AWSPREVIOUS'], [SECOND]: ['mine', 'AWSCURRENT'] });
  await move('mine', SECOND);
  await move('AWSCURRENT', SECOND, FIRST);
  expect(await stages()).toEqual({ [FIRST]: ['AWSCURRENT'], [SECOND]: ['AWSPREVIOUS'] });
});

test('AWSCURRENT is never removed, and versions that do not exist are refused', async () => {
  await expect(move('AWSCURRENT', FIRST)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await expect(move('AWSCURRENT', FIRST, SECOND)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  await expect(put('two', 'short')).rejects.toMatchObject({ name: 'InvalidParameterException' });
});
