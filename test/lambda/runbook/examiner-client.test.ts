import { LambdaClient } from '@aws-sdk/client-lambda';
import { lambdaExaminer } from '../../../lambda/runbook/examiner-client';
import { isTransient } from '../../../lambda/runbook/runbook';

const TASK = {
  connection: { host: 'copy.example', port: 5432, user: 'zephyr', password: 'a very secret one', database: 'zephyr' },
  checks: [],
  main: true,
};

const answering = (send: () => Promise<unknown>) =>
  lambdaExaminer(Object.create(LambdaClient.prototype, { send: { value: send } }), 'examiner');

const refusal = (name: string, httpStatusCode: number) => async () => {
  throw Object.assign(new Error(`${name}: not now`), { name, $metadata: { httpStatusCode } });
};

const failure = (answer: object) => async () => ({
  FunctionError: 'Unhandled',
  Payload: { transformToString: () => JSON.stringify(answer) },
});

async function errorOf(send: () => Promise<unknown>): Promise<Error> {
  return answering(send)
    .survey(TASK)
    .then(
      () => {
        throw new Error('it answered');
      },
      (error) => error,
    );
}

test.each([
  ['ResourceNotReadyException', 502],
  ['ResourceConflictException', 409],
  ['TooManyRequestsException', 429],
  ['ServiceException', 500],
])('%s is worth another try: an examiner that nobody called for weeks has to wake up first', async (name, status) => {
  expect(isTransient(await errorOf(refusal(name, status)))).toBe(true);
});

test.each([
  ['AccessDeniedException', 403],
  ['ResourceNotFoundException', 404],
])('%s is not', async (name, status) => {
  expect(isTransient(await errorOf(refusal(name, status)))).toBe(false);
});

test('what the examiner threw keeps its name, and nothing repeats the call', async () => {
  const error = await errorOf(failure({ errorType: 'CopyNotReady', errorMessage: 'not yet' }));
  expect(error).toMatchObject({ name: 'CopyNotReady', message: 'the examiner failed: not yet' });
  expect(isTransient(error)).toBe(true);
  const timeout = await errorOf(failure({ errorMessage: 'Task timed out after 840.00 seconds' }));
  expect(isTransient(timeout)).toBe(false);
  expect(timeout.message).not.toContain(TASK.connection.password);
});
