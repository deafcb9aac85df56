/** Parameters, on the rehearsal's SSM: sent, repeated after crashes, taken back, and left alone when changed. */
import { GetParameterCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { ParameterCutOver } from '../../../lambda/cut-over/parameter';
import { ssmClient } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';
import { FROM, TO } from './endpoints';

const local = useRegion();
let ssm: SSMClient;
let made = 0;
let name: string;

beforeAll(() => {
  ssm = ssmClient(local().region.clients('eu-central-1'));
});

const put = (Value: string, Type: 'String' | 'SecureString' = 'String') =>
  ssm.send(new PutParameterCommand({ Name: name, Value, Type, Overwrite: true }));
const create = async (value: string, withPort?: boolean, type?: 'SecureString') => {
  name = `/shop/host-${++made}`;
  await put(value, type);
  return new ParameterCutOver(ssm, name, withPort);
};
const now = async () => {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }));
  return [Parameter?.Value, Parameter?.Version];
};

test.each([
  [false, FROM.host, TO.host],
  [true, `${FROM.host}:5432`, `${TO.host}:5433`],
])('it is sent and taken back once, however often that is repeated (with port: %s)', async (withPort, old, sent) => {
  const way = await create(old, withPort);
  const before = await way.read();
  const progress = await way.send(before, TO);
  expect(await way.send(before, TO)).toEqual(progress);
  expect(await now()).toEqual([sent, 2]);
  expect(await way.look(progress)).toEqual({ done: true, state: `version 2 holds ${sent}` });
  await way.takeBack(before, TO);
  await way.takeBack(before, TO);
  expect(await now()).toEqual([old, 3]);
});

test('a parameter that somebody changed meanwhile is left alone, both ways', async () => {
  const way = await create(FROM.host);
  const before = await way.read();
  await put('mine.example.com');
  await expect(way.send(before, TO)).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  await expect(way.takeBack(before, TO)).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  expect(await now()).toEqual(['mine.example.com', 2]);
});

/** A client with something that happens before, or instead of the answer of, the put. */
const meddled = (before: () => Promise<unknown>, lost = false) => {
  const client = ssmClient(local().region.clients('eu-central-1'));
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName !== 'PutParameterCommand') return next(args);
      await before();
      const answer = await next(args);
      return lost ? next(args) : answer;
    },
    { step: 'initialize' },
  );
  return new ParameterCutOver(client, name);
};

test('somebody who writes at the same moment is told', async () => {
  const before = await (await create(FROM.host)).read();
  const racing = meddled(() => put('mine.example.com')).send(before, TO);
  await expect(racing).rejects.toThrow(/somebody else wrote it at the same moment; .* version 3 is this run's/);
});

test('a put that the SDK repeated, since its answer was lost, is not taken for somebody else', async () => {
  const before = await (await create(FROM.host)).read();
  await meddled(async () => {}, true).send(before, TO);
  expect(await now()).toEqual([TO.host, 3]);
});

test.each([
  ['postgres://app:hunter2@orders/shop', undefined],
  ['hunter2', 'SecureString'],
] as const)('%s is refused, and no error repeats it', async (value, type) => {
  const way = await create(value, false, type);
  const error: Error = await way.read().catch((thrown) => thrown);
  expect(error).toBeInstanceOf(Error);
  expect(error.stack).not.toContain('hunter2');
});

test('what breaks silently is told', async () => {
  const way = await create('customers.example.com');
  expect(await way.warnings({ from: FROM, to: TO })).toEqual([
    expect.stringContaining(`holds customers.example.com, not ${FROM.host}`),
    expect.stringContaining('holds no port, and the port changes from 5432 to 5433'),
    expect.stringContaining('only after a restart'),
  ]);
});
