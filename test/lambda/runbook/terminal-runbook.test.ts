import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { putAnswer } from '../../../lambda/runbook/custom-resource';
import { TerminalRunbook } from '../../../lambda/runbook/terminal-runbook';

const throttled = () => Object.assign(new Error('slow down'), { name: 'ThrottlingException', $metadata: {} });

test('a step is tried again after a transient error, and told of', async () => {
  const said: string[] = [];
  let attempts = 0;
  const value = await new TerminalRunbook((line) => said.push(line)).step('ask', async () => {
    if (++attempts === 1) throw throttled();
    return 'done';
  });
  expect([value, attempts, said]).toEqual(['done', 2, ['ask', 'ask: ThrottlingException: slow down; trying again']]);
});

test('any other error ends a step and a poll at once', async () => {
  const runbook = new TerminalRunbook(() => {});
  const denied = async () => {
    throw new Error('denied');
  };
  await expect(runbook.step('ask', denied)).rejects.toThrow('denied');
  await expect(runbook.poll('look', denied, () => true, { hours: 1 })).rejects.toThrow('denied');
});

test('a poll says what it sees when that changes, and gives up at its limit', async () => {
  const said: string[] = [];
  const seen = ['creating, 0 %', 'creating, 0 %', 'available'];
  const runbook = new TerminalRunbook((line) => said.push(line));
  const look = async () => String(seen.shift());
  await runbook.poll('wait', look, (state) => state === 'available', { hours: 1 });
  expect(said).toEqual(['wait: creating, 0 %', 'wait: available']);
  await expect(
    runbook.poll(
      'wait',
      async () => 'creating',
      () => false,
      { hours: 0 },
    ),
  ).rejects.toThrow('gave up after 0 h');
});

describe('the answer to CloudFormation', () => {
  async function answering(status: number) {
    const requests: { method?: string; type?: string; body: string }[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        requests.push({ method: request.method, type: request.headers['content-type'], body });
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/?signature=secret`;
    const error = await putAnswer(url, '{"Status":"SUCCESS"}').catch((failure: Error) => failure.message);
    await new Promise((resolve) => server.close(resolve));
    return { requests, error };
  }

  test('is put without a content type, as its address is signed', async () => {
    expect((await answering(200)).requests).toEqual([{ method: 'PUT', type: undefined, body: '{"Status":"SUCCESS"}' }]);
  });

  test('names no address where it is refused', async () => {
    expect((await answering(403)).error).toBe("CloudFormation's bucket refused the answer with status 403");
  });
});
