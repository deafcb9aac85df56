/** Secrets, on the rehearsal's Secrets Manager: sent, repeated after crashes, taken back, and left alone when changed. */

import * as sdk from '@aws-sdk/client-secrets-manager';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { SecretCutOver } from '../../../lambda/cut-over/secret';
import { secretsManagerClient } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';
import { Recorder } from '../../simulated/recorder';
import { FROM, RUN, TO } from './endpoints';

const local = useRegion();
let secrets: SecretsManagerClient;
let made = 0;
let name: string;

const VALUE =
  '{ "password":"p\\u00e4ss\\"}{",\n  "host" : "orders.cabc123.eu-central-1.rds.amazonaws.com" ,"port":5432,\r\n' +
  '"nested":{"host":"other","list":[1,"]}"]}, "amount": 1.50e1, "username":"app"}\n';
const SENT = VALUE.replace(FROM.host, TO.host).replace('5432', '5433');

beforeAll(() => {
  secrets = secretsManagerClient(local().region.clients('eu-central-1'));
});

const create = async (SecretString = VALUE) => {
  name = `app-${++made}`;
  await secrets.send(new CreateSecretCommand({ Name: name, SecretString }));
  return new SecretCutOver(secrets, { secret: name });
};
const value = async (VersionStage = 'AWSCURRENT') =>
  (await secrets.send(new GetSecretValueCommand({ SecretId: name, VersionStage }))).SecretString;
const stages = async () => {
  const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId: name }));
  return Object.values(VersionIdsToStages).flat().sort();
};
const rotate = (SecretString: string) => secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString }));

test('only host and port change, byte for byte, and the version before stays', async () => {
  const way = await create();
  const before = await way.read();
  const sent = await way.send(before, TO, RUN);
  expect(await value()).toBe(SENT);
  expect(await value('AWSPREVIOUS')).toBe(VALUE);
  expect(await stages()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
  expect(await way.look(sent)).toMatchObject({ done: true });
});

test('a port that is a text stays one, and fields of other names are found', async () => {
  await create('{"db":{"x":1},"dbHost":"orders.cabc123.eu-central-1.rds.amazonaws.com","dbPort":"5432"}');
  const way = new SecretCutOver(secrets, { secret: name, hostField: 'dbHost', portField: 'dbPort' });
  await way.send(await way.read(), TO, RUN);
  expect(await value()).toBe(`{"db":{"x":1},"dbHost":"${TO.host}","dbPort":"5433"}`);
});

test('taking it back gives the recorded version again, and repeating either changes nothing', async () => {
  const way = await create();
  const before = await way.read();
  const sent = await way.send(before, TO, RUN);
  expect(await way.send(before, TO, RUN)).toEqual(sent);
  expect(await value()).toBe(SENT);
  const back = await way.takeBack(before, TO, RUN);
  expect(await way.takeBack(before, TO, RUN)).toEqual(back);
  expect(await value()).toBe(VALUE);
  expect(await stages()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
  // And forward again, as a recovery that was rolled back too early.
  await way.send(before, TO, RUN);
  expect(await value()).toBe(SENT);
});

test.each(['PutSecretValue', 'UpdateSecretVersionStage'])(
  'a crash around %s is made good by repeating',
  async (cut) => {
    const way = await create();
    const before = await way.read();
    const whole: string[] = [];
    for (const afterEffect of [false, true]) {
      // The client's own retries would make it good already.
      const once = secretsManagerClient(local().region.clients('eu-central-1'));
      once.middlewareStack.add(
        (next, context) => async (args) => {
          const isCut = context.commandName === `${cut}Command`;
          if (isCut && !afterEffect) throw new Error('crashed');
          const answer = await next(args);
          if (isCut) throw new Error('crashed');
          return answer;
        },
        { step: 'initialize' },
      );
      const run = `${RUN}-${afterEffect}`;
      await expect(new SecretCutOver(once, { secret: name }).send(before, TO, run)).rejects.toThrow('crashed');
      await way.send(before, TO, run);
      whole.push((await value()) ?? '', (await stages()).join());
      await way.takeBack(before, TO, run);
    }
    expect(whole).toEqual([SENT, 'AWSCURRENT,AWSPREVIOUS', SENT, 'AWSCURRENT,AWSPREVIOUS']);
    expect(await value()).toBe(VALUE);
  },
);

test('a secret that somebody changed meanwhile is left alone, both ways', async () => {
  const way = await create();
  const before = await way.read();
  await rotate('{"host":"mine"}');
  await expect(way.send(before, TO, RUN)).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  expect(await value()).toBe('{"host":"mine"}');
  const again = await way.read();
  await way.send(again, TO, RUN);
  await rotate('{"host":"other"}');
  await expect(way.takeBack(again, TO, RUN)).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  expect(await value()).toBe('{"host":"other"}');
});

test('a change between the look and the move is noticed by Secrets Manager itself', async () => {
  const way = await create();
  const before = await way.read();
  const slow = secretsManagerClient(local().region.clients('eu-central-1'));
  slow.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName === 'UpdateSecretVersionStageCommand') await rotate('{"host":"mine"}');
      return next(args);
    },
    { step: 'initialize' },
  );
  const racing = new SecretCutOver(slow, { secret: name }).send(before, TO, RUN);
  await expect(racing).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  expect(await value()).toBe('{"host":"mine"}');
});

test.each([
  ['hunter2 is not JSON', 'does not hold an object of JSON'],
  ['["hunter2"]', 'does not hold an object of JSON'],
  ['{"password":"hunter2"}', "it has no field 'host'"],
  ['{"host":"a.example.com","password":"hunter2","ho\\u0073t":"b.example.com"}', "the field 'host' twice"],
  ['{"host":"postgres://app:hunter2@orders"}', "its field 'host' does not hold a host name alone"],
])('%s is refused, and no error repeats it', async (text, message) => {
  const way = await create(text);
  const error: Error = await way.read().then(
    () => new Error('it was read'),
    (thrown) => thrown,
  );
  expect(error.message).toContain(message);
  expect(`${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain('hunter2');
});

test('nothing that it returns or warns of holds a value', async () => {
  const way = await create(VALUE.replace('{ ', `{ "url":"postgres://app:hunter2@${FROM.host}/shop",`));
  const before = await way.read();
  const warnings = await way.warnings({ from: FROM, to: TO });
  const sent = await way.send(before, TO, RUN);
  expect(JSON.stringify([before, warnings, sent, way.name, await way.look(sent)])).not.toMatch(/hunter2|username.*app/);
  expect(warnings).toContainEqual(expect.stringContaining("names the damaged database in 'url' as well"));
});

test('a secret that names another database is told before the approval', async () => {
  const way = await create('{"host":"customers.example.com"}');
  expect(await way.warnings({ from: FROM, to: TO })).toEqual([
    expect.stringContaining('names another host than'),
    expect.stringContaining("has no field 'port', and the port changes from 5432 to 5433"),
    expect.stringContaining('clients that cache its value'),
  ]);
});

test.each([
  [{ OwningService: 'rds' }, /is managed by rds, .* cut over by rename/],
  [{ PrimaryRegion: 'us-east-1' }, /is a replica of the secret in us-east-1/],
  [{ DeletedDate: new Date() }, /scheduled for deletion/],
])('%j is refused, with what to do', async (described, message) => {
  const recorder = new Recorder(sdk).on('DescribeSecret', () => ({
    ARN: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:app-abcdef',
    VersionIdsToStages: { first: ['AWSCURRENT'] },
    ...described,
  }));
  const way = new SecretCutOver(recorder.client(sdk.SecretsManagerClient), { secret: 'app' });
  await expect(way.read()).rejects.toThrow(message);
  await expect(way.warnings({ from: FROM, to: TO })).rejects.toThrow(message);
  await expect(way.send({ version: 'first' }, TO, RUN)).rejects.toThrow(message);
  expect(new Set(recorder.operations)).toEqual(new Set(['DescribeSecret']));
});

test('rotation and replicas are told before the approval', async () => {
  const recorder = new Recorder(sdk)
    .on('DescribeSecret', () => ({
      VersionIdsToStages: { first: ['AWSCURRENT'], second: ['AWSPENDING'] },
      RotationEnabled: true,
      ReplicationStatus: [{ Region: 'us-east-1' }],
    }))
    .on('GetSecretValue', () => ({ SecretString: VALUE }));
  const way = new SecretCutOver(recorder.client(sdk.SecretsManagerClient), { secret: 'app' });
  const [rotated, replicated] = await way.warnings({ from: FROM, to: TO });
  expect(rotated).toContain('is rotated, and a rotation is under way');
  expect(replicated).toContain('us-east-1');
});
