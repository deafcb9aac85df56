import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import * as clients from '../../../rehearsal/server/clients';
import { newKeys } from '../../../rehearsal/server/signature';

/** Stands for the real AWS: whatever arrives here should not have. */
let aws: { server: Server; url: string; requests: string[] };
/** Stands for the rehearsal: keeps what it was signed with. */
let rehearsal: { server: Server; url: string; requests: string[] };
const environment = { ...process.env };

async function listen() {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(String(request.headers.authorization));
    response.writeHead(501).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

beforeAll(async () => {
  [aws, rehearsal] = await Promise.all([listen(), listen()]);
  for (const service of ['', '_RDS', '_S3', '_SECRETS_MANAGER', '_SSM'])
    process.env[`AWS_ENDPOINT_URL${service}`] = aws.url;
  Object.assign(process.env, {
    AWS_PROFILE: 'production',
    AWS_ACCESS_KEY_ID: 'AKIAPRODUCTION000000',
    AWS_SECRET_ACCESS_KEY: 'real',
    AWS_SESSION_TOKEN: 'real',
    AWS_REGION: 'us-east-1',
    AWS_USE_FIPS_ENDPOINT: 'true',
    AWS_USE_DUALSTACK_ENDPOINT: 'true',
    HTTP_PROXY: aws.url,
  });
});

afterAll(async () => {
  process.env = environment;
  await Promise.all([aws, rehearsal].map(({ server }) => new Promise((resolve) => server.close(resolve))));
});

test('clients of a rehearsal stay in it with its keys, whatever the environment holds', async () => {
  const credentials = newKeys();
  const options = { endpoint: rehearsal.url, region: 'eu-central-1', credentials };
  const calls: Promise<unknown>[] = [
    clients.rdsClient(options).send(new DescribeDBInstancesCommand({})),
    clients.s3Client(options).send(new ListBucketsCommand({})),
    clients.secretsManagerClient(options).send(new GetSecretValueCommand({ SecretId: 'x' })),
    clients.ssmClient(options).send(new GetParameterCommand({ Name: 'x' })),
  ];
  await Promise.allSettled(calls);
  expect(aws.requests).toEqual([]);
  expect(rehearsal.requests.length).toBeGreaterThanOrEqual(4);
  for (const authorization of rehearsal.requests) {
    expect(authorization).toContain(`Credential=${credentials.accessKeyId}/`);
    expect(authorization).toContain('/eu-central-1/');
  }
});

test.each([
  'https://rds.us-east-1.amazonaws.com',
  'http://10.0.0.7:4567',
  'http://127.0.0.1.example.com',
  'http://localhost.example.com',
  'http://0.0.0.0:80',
])('the endpoint %s is refused, since it is not on this machine', (endpoint) => {
  for (const make of [
    clients.rdsClient,
    clients.s3Client,
    clients.secretsManagerClient,
    clients.ssmClient,
    clients.lambdaClient,
  ]) {
    expect(() => make({ endpoint, region: 'eu-central-1', credentials: newKeys() })).toThrow(
      /not on this machine.*must never reach AWS/,
    );
  }
});

test.each(['http://127.0.0.1:4567', 'http://localhost:1', 'http://[::1]:80'])(
  'the endpoint %s is accepted',
  (endpoint) => {
    expect(clients.loopback(endpoint)).toBe(endpoint);
  },
);
