/**
 * Random schedules of a cut-over by a secret: crashes before and after every call, repetitions, and somebody else who
 * writes at any moment. Promises, whatever happens: what somebody else wrote stays current; a send that ends well has
 * the recovered host and all other bytes; a take-back that ends well has the bytes from before; no label is left.
 */
import * as sdk from '@aws-sdk/client-secrets-manager';
import { SecretCutOver } from '../../../lambda/cut-over/secret';
import { CallError } from '../../../rehearsal/server/call';
import { secretOperations } from '../../../rehearsal/server/secrets-manager';
import { Recorder } from '../../simulated/recorder';
import { seededRandom } from '../../simulated/seeded-random';
import { FROM, RUN, TO } from './endpoints';

const SCHEDULES = 500;
const REGION = 'eu-central-1';
const VALUE = `{"host":"${FROM.host}","port":5432,"password":"hunter2"}`;
const SENT = VALUE.replace(FROM.host, TO.host).replace('5432', '5433');
const OPERATIONS = ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'];

/** The rehearsal's Secrets Manager without its HTTP, whose dates are numbers. */
function secretsManager(around: (call: () => object) => object) {
  const operations = secretOperations();
  const recorder = new Recorder(sdk);
  const answerOf = (name: string, input: object) => {
    try {
      return operations[name]?.({ ...input }, REGION);
    } catch (error) {
      throw error instanceof CallError ? recorder.error(error.code, error.message) : error;
    }
  };
  for (const name of OPERATIONS) {
    recorder.on(name, (input) =>
      around(() => {
        const answer: Record<string, unknown> = { ...answerOf(name, input) };
        for (const date of ['CreatedDate', 'LastChangedDate']) {
          if (typeof answer[date] === 'number') answer[date] = new Date(answer[date] * 1000);
        }
        return answer;
      }),
    );
  }
  return { operations, client: recorder.client(sdk.SecretsManagerClient) };
}

interface Current {
  readonly SecretString: string;
  readonly VersionId: string;
}

async function run(seed: number): Promise<string> {
  const random = seededRandom(seed);
  const chance = (share: number) => random() < share;
  let theirs: string | undefined;
  const { operations, client } = secretsManager((call) => {
    if (chance(0.1)) throw new Error('crashed');
    if (chance(0.03)) {
      theirs = `{"host":"theirs-${random()}.example.com"}`;
      operations.PutSecretValue?.({ SecretId: 'app', SecretString: theirs }, REGION);
    }
    const answer = call();
    if (chance(0.1)) throw new Error('crashed');
    return answer;
  });
  operations.CreateSecret?.({ Name: 'app', SecretString: VALUE }, REGION);
  const way = new SecretCutOver(client, { secret: 'app' });
  const current = () => ({ ...operations.GetSecretValue?.({ SecretId: 'app' }, REGION) }) as Current;
  const stages = () => {
    const described: { VersionIdsToStages?: Record<string, string[]> } = {
      ...operations.DescribeSecret?.({ SecretId: 'app' }, REGION),
    };
    return Object.values(described.VersionIdsToStages ?? {}).flat();
  };
  const repeat = async <T>(act: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof Error) || error.message !== 'crashed') throw error;
      }
    }
  };
  const before = await repeat(() => way.read());
  const { SecretString: base, VersionId } = current();
  // From here on, what somebody else has written must stay.
  theirs = VersionId === before.version ? undefined : base;
  let ended = 'not begun';
  try {
    await repeat(() => way.send(before, TO, RUN));
    ended = 'sent';
    if (theirs === undefined) expect(JSON.parse(current().SecretString)).toMatchObject({ host: TO.host });
    if (theirs === undefined && base === VALUE) expect(current().SecretString).toBe(SENT);
    expect(stages().filter((stage) => stage.startsWith('lifeboat'))).toEqual([]);
    await repeat(() => way.takeBack(before, TO, RUN));
    ended = 'taken back';
    if (theirs === undefined) expect(current().SecretString).toBe(base);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ChangedMeanwhile') throw error;
    ended += ', left alone';
    expect(theirs).toBeDefined();
  }
  if (theirs !== undefined) expect([seed, current().SecretString]).toEqual([seed, theirs]);
  return ended;
}

test(`${SCHEDULES} random schedules keep the promises`, async () => {
  const ends = new Map<string, number>();
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const ended = await run(seed);
    ends.set(ended, (ends.get(ended) ?? 0) + 1);
  }
  // The schedules are worth something only if they end in each of these ways.
  expect([...ends.keys()].sort()).toEqual(['not begun, left alone', 'sent, left alone', 'taken back']);
});
