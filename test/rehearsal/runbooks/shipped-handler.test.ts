/** The conductor's bundle as it is deployed, byte for byte: bundling leaves out what Lambda never needs, and no more. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type {
  CheckpointDurableExecutionRequest,
  DurableExecutionClient,
  DurableExecutionInvocationOutput,
  DurableLambdaHandler,
} from '@aws/durable-execution-sdk-js';
import { DEFINITION_FILE } from '../../../lambda/contract';
import { examine } from '../../../lambda/detectors/examine';
import { readText } from '../../../lambda/evidence/objects';
import type { ExaminerRequest } from '../../../lambda/examiner/protocol';
import { DrillSite, impatient, wholeDefinition } from '../../../rehearsal/runbooks/drill-site';
import { execute } from '../../../rehearsal/runbooks/durable-executions';
import { s3Client } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';
import { signingKey } from '../../real/signing-key';

const local = useRegion();
let lambda: Server;

const task = mkdtempSync(join(tmpdir(), 'lifeboat-task-'));
afterAll(() => rmSync(task, { recursive: true }));

/** Lambda's Invoke, for the one function there is, and KMS's Sign, for the one key. */
beforeAll(async () => {
  const look = examine({});
  const kms = signingKey();
  lambda = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      const body = JSON.parse(Buffer.concat(chunks).toString());
      const [, operation] = /^TrentService\.(\w+)$/.exec(String(request.headers['x-amz-target'])) ?? [];
      if (operation) {
        response.end(JSON.stringify(kms(operation, body)));
        return;
      }
      const answer = await look(body as ExaminerRequest).catch((error: Error) => {
        response.setHeader('X-Amz-Function-Error', 'Unhandled');
        return { errorType: error.name, errorMessage: error.message };
      });
      response.end(request.url?.includes('/functions/examiner/') ? JSON.stringify(answer) : 'null');
    });
  });
  await new Promise<void>((resolve) => lambda.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => lambda.close(resolve)));

test('drills a database from its environment alone, and leaves its evidence in S3', async () => {
  const { region, name } = local();
  const clients = region.clients(name);
  const database = await local().createDatabase('orders');
  await local().query(database, 'CREATE TABLE customers AS SELECT 1 AS id');
  await DrillSite.build(clients);
  const written = Date.now();
  // The drill restores whole seconds before the latest restorable time, and the table has to be there by then.
  while (((await local().describe('orders')).LatestRestorableTime?.getTime() ?? 0) < written + 2000) await sleep(100);
  const { shipped, stop } = runShipped({
    AWS_ACCESS_KEY_ID: region.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: region.keys.secretAccessKey,
    AWS_REGION: name,
    AWS_ENDPOINT_URL: region.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`,
    AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`,
    LAMBDA_TASK_ROOT: task,
    DEFINITION_SOURCE_INSTANCE: 'orders',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
  try {
    const definition = wholeDefinition(
      {
        plan: 'Shop',
        target: 'Orders',
        drill: 'Weekly',
        source: { instance: 'orders' },
        restore: { kind: 'latest' },
        database: 'shop',
        checks: [],
        objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
      },
      name,
    );
    const file = { ...definition, source: { instance: { fromEnvironment: 'DEFINITION_SOURCE_INSTANCE' } } };
    writeFileSync(join(task, DEFINITION_FILE), JSON.stringify(file));
    const execution = await execute(shipped, { reason: 'by hand' }, { name: 'shipped', clock: impatient() });
    expect(execution).toMatchObject({ status: 'succeeded', result: { outcome: 'passed', findings: [] } });
    const text = await readText(s3Client(clients), definition.evidenceBucket, 'evidence/Shop/Orders/00000001.json');
    expect(JSON.parse(text)).toMatchObject({ request: { reason: 'by hand' }, definition: { database: 'shop' } });
    expect(JSON.parse(text).checks).toHaveLength(5);
    expect(region.instances(name)).toEqual(['orders']);
  } finally {
    await stop();
  }
});

/** Runs the bundle in a thread with an environment of its own, as Lambda would; checkpoints are made out here. */
function runShipped(env: Record<string, string>) {
  const worker = new Worker(THREAD, { eval: true, env, stdout: true, workerData: BUNDLE });
  const shipped =
    (client: DurableExecutionClient): DurableLambdaHandler =>
    (event, { awsRequestId }) =>
      new Promise<DurableExecutionInvocationOutput>((resolve, reject) => {
        worker.removeAllListeners();
        worker.once('error', reject);
        worker.on('message', async ({ output, error, checkpoint }: Said) => {
          if (checkpoint) worker.postMessage({ checkpointed: await client.checkpoint(checkpoint) });
          else if (output) resolve(output);
          else reject(new Error(error));
        });
        worker.postMessage({ event, awsRequestId });
      });
  return { shipped, stop: () => worker.terminate() };
}

interface Said {
  readonly output?: DurableExecutionInvocationOutput;
  readonly error?: string;
  readonly checkpoint?: CheckpointDurableExecutionRequest;
}

const BUNDLE = join(__dirname, '..', '..', '..', 'dist', 'handlers', 'drill-restore');
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DurableExecutionInvocationInputWithClient } = require('@aws/durable-execution-sdk-js');
  const { handler } = require(workerData);
  let checkpointed;
  const client = {
    checkpoint: (checkpoint) => new Promise((resolve) => {
      checkpointed = resolve;
      parentPort.postMessage({ checkpoint });
    }),
  };
  parentPort.on('message', ({ event, awsRequestId, checkpointed: answer }) => {
    if (answer) return checkpointed(answer);
    const context = { awsRequestId, getRemainingTimeInMillis: () => 0 };
    handler(new DurableExecutionInvocationInputWithClient(event, client), context).then(
      (output) => parentPort.postMessage({ output }),
      (error) => parentPort.postMessage({ error: String(error) }),
    );
  });
`;
