import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { DescribeDBInstancesCommand, ModifyDBInstanceCommand, StartExportTaskCommand } from '@aws-sdk/client-rds';
import { rdsClient } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';
import { sendSigned } from '../../real/signed-request';

const local = useRegion();

/** What a client without the SDK's own checks would send. */
const post = (parameters: Record<string, string>, service = 'rds') =>
  sendSigned(
    local().region,
    { region: 'eu-central-1', service },
    { method: 'POST', body: new URLSearchParams({ Version: '2014-10-31', ...parameters }).toString() },
  );

test('an operation that is not modelled answers 501 with its name', async () => {
  const command = new StartExportTaskCommand({
    ExportTaskIdentifier: 'e',
    SourceArn: 'arn:aws:rds:eu-central-1:123456789012:snapshot:s',
    S3BucketName: 'b',
    IamRoleArn: 'r',
    KmsKeyId: 'k',
  });
  await expect(local().rds.send(command)).rejects.toMatchObject({
    name: 'NotImplemented',
    message: expect.stringContaining('StartExportTask'),
    $metadata: { httpStatusCode: 501 },
  });
});

test('a parameter whose meaning would be ignored answers 501 with its name', async () => {
  const modify = (more: object) =>
    local().rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: 'x', ...more }));
  await expect(modify({ Domain: 'd-1' })).rejects.toThrow('parameter Domain of ModifyDBInstance');
  await expect(modify({ EnableIAMDatabaseAuthentication: true })).rejects.toThrow('EnableIAMDatabaseAuthentication');
  await expect(modify({ DBPortNumber: 6000 })).rejects.toThrow('port');
  const filtered = new DescribeDBInstancesCommand({ Filters: [{ Name: 'domain', Values: ['d'] }] });
  await expect(local().rds.send(filtered)).rejects.toThrow("the filter 'domain'");
});

test('a service that is not modelled answers 501 with its name', async () => {
  expect(await post({ Action: 'DescribeSnapshots' }, 'elasticache')).toMatchObject({
    status: 501,
    code: 'NotImplemented',
    body: expect.stringContaining('elasticache'),
  });
});

test.each([
  [{ Action: 'DescribeNothing' }, 'InvalidAction'],
  [{ Action: 'CreateDBInstance', Engine: 'postgres' }, 'MissingParameter'],
  [{ Action: 'AddTagsToResource', ResourceName: 'arn' }, 'MissingParameter'],
  [{ Action: 'DescribeDBInstances', MaxRecords: 'many' }, 'MalformedInput'],
  [{ Action: 'DescribeDBInstances', Colour: 'blue' }, 'MalformedInput'],
  [{ Action: 'DeleteDBInstance', DBInstanceIdentifier: 'x', SkipFinalSnapshot: 'perhaps' }, 'MalformedInput'],
  [{ Action: 'DescribeEvents', StartTime: 'yesterday' }, 'MalformedInput'],
  [{ Action: 'DescribeDBInstances', 'Filters.Filter.1.Name': 'engine' }, 'MissingParameter'],
])('%j is refused as %s', async (parameters, code) => {
  expect(await post(parameters as Record<string, string>)).toMatchObject({ status: 400, code });
});

test('each region holds its own, by the region that a request is signed for', async () => {
  await local().createDatabase('here', { BackupRetentionPeriod: 0 });
  const elsewhere = rdsClient(local().region.clients('ap-southeast-2'));
  expect((await elsewhere.send(new DescribeDBInstancesCommand({}))).DBInstances).toEqual([]);
  expect((await local().rds.send(new DescribeDBInstancesCommand({}))).DBInstances).toHaveLength(1);
});

test('a body that is too large is refused', async () => {
  const body = `Action=DescribeDBInstances&Marker=${'x'.repeat(1024 * 1024)}`;
  const answer = await sendSigned(
    local().region,
    { region: 'eu-central-1', service: 'rds' },
    { method: 'POST', body },
  ).then(
    ({ status }) => status,
    () => 'connection closed',
  );
  expect([413, 'connection closed']).toContain(answer);
});

test('other machines cannot reach it', async () => {
  const { port } = new URL(local().region.endpoint);
  const outside = Object.values(networkInterfaces()).flat();
  const addresses = outside.filter((address) => address && !address.internal && address.family === 'IPv4');
  if (addresses.length === 0) console.warn('SKIPPED in part: this machine has no address besides loopback');
  for (const address of addresses) {
    const reached = await new Promise((resolve) => {
      const attempt = request({ host: address!.address, port, timeout: 1000 }, () => resolve('reached'));
      attempt.on('error', (error: NodeJS.ErrnoException) => resolve(error.code)).end();
    });
    expect(reached).toBe('ECONNREFUSED');
  }
});
