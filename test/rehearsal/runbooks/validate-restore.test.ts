/** The shipped validator against real PostgreSQL: what AWS Backup would have restored, the region restores. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BackupClient, DescribeRestoreJobCommand, PutRestoreValidationResultCommand } from '@aws-sdk/client-backup';
import {
  CreateDBSnapshotCommand,
  type DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import type { Check, Evidence } from '../../../lambda/contract';
import { examine } from '../../../lambda/detectors/examine';
import { validateRestore } from '../../../lambda/drill/validate-restore';
import { EvidenceChain } from '../../../lambda/evidence/evidence-chain';
import { Inventories } from '../../../lambda/evidence/inventories';
import { examinerOf } from '../../../lambda/runbook/examiner-client';
import type { ProofPorts } from '../../../lambda/runbook/ports';
import { durable } from '../../../lambda/runbook/runbook';
import { execute } from '../../../rehearsal/runbooks/durable-executions';
import { s3Client } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';
import { SIGNER } from '../../simulated/drill';
import { RESTORED, validationDefinition } from '../../simulated/validations';

const local = useRegion();
const checks: Check[] = [{ kind: 'readable' }, { kind: 'row-count', table: 'orders', atLeast: 100 }];

/** RDS as the region has it, but for AWS Backup's snapshots, which it has none of. */
function rds(taken: Date): RDSClient {
  const { rds: own } = local();
  const send = async (command: object) => {
    if (!(command instanceof DescribeDBSnapshotsCommand)) return own.send(command as DescribeDBInstancesCommand);
    return { DBSnapshots: [{ DBInstanceIdentifier: 'orders', SnapshotCreateTime: taken }] };
  };
  return Object.create(RDSClient.prototype, { send: { value: send } });
}

function backup(restored: string, answers: string[]): BackupClient {
  const send = async (command: object) => {
    if (command instanceof PutRestoreValidationResultCommand) return answers.push(command.input.ValidationStatus ?? '');
    if (!(command instanceof DescribeRestoreJobCommand)) throw new Error(`${command.constructor.name} is not modelled`);
    return {
      Status: 'COMPLETED',
      CreationDate: new Date(Date.now() - 60_000),
      CompletionDate: new Date(),
      RecoveryPointArn: 'arn:aws:rds:eu-central-1:111122223333:snapshot:awsbackup:job-2',
      CreatedResourceArn: `arn:aws:rds:eu-central-1:111122223333:db:${restored}`,
      CreatedBy: { RestoreTestingPlanArn: validationDefinition.testingPlan },
      ValidationStatus: answers[0],
    };
  };
  return Object.create(BackupClient.prototype, { send: { value: send } });
}

async function validated(
  restored: string,
): Promise<{ answers: string[]; outcome: Evidence['outcome']; findings: string[] }> {
  const answers: string[] = [];
  const s3 = s3Client(local().region.clients(local().name));
  const look = examine({ connections: 2 });
  const chainOf: ProofPorts['evidence'] = (of) => new EvidenceChain(s3, of.evidenceBucket, of, SIGNER);
  const runbook = validateRestore({
    definition: { ...validationDefinition, databases: undefined, checks },
    backup: backup(restored, answers),
    rds: rds(new Date()),
    examiner: () => examinerOf(look),
    inventories: (of) => new Inventories(s3, of.evidenceBucket, of, chainOf(of)),
    secret: async () => 'a key of more than thirty-two characters',
    evidence: chainOf,
    print: () => {},
  });
  const execution = await execute(
    (client) => durable(runbook, { durableExecutionClient: client }),
    { restoreJob: `job-of-${restored}` },
    { name: restored, clock: { now: Date.now, until: () => sleep(20) } },
  );
  if (execution.status !== 'succeeded') throw new Error(JSON.stringify(execution));
  const { outcome, findings } = execution.result as { outcome: Evidence['outcome']; findings: string[] };
  return { answers, outcome, findings };
}

async function restoreTest(name: string, Tags: { Key: string; Value: string }[]) {
  const DBSnapshotIdentifier = 'orders-1';
  await local().rds.send(
    new RestoreDBInstanceFromDBSnapshotCommand({ DBInstanceIdentifier: name, DBSnapshotIdentifier, Tags }),
  );
  return local().available(name);
}

beforeAll(async () => {
  const source = await local().createDatabase('orders');
  await local().query(
    source,
    'CREATE TABLE orders (n int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 100)',
  );
  await local().rds.send(
    new CreateDBSnapshotCommand({ DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'orders-1' }),
  );
  await local().snapshotAvailable('orders-1');
  const s3 = s3Client(local().region.clients(local().name));
  await s3.send(new CreateBucketCommand({ Bucket: validationDefinition.evidenceBucket }));
});

test('reads what was restored, under a password of its own, and answers', async () => {
  await restoreTest(RESTORED, [{ Key: 'awsbackup-restore-test', Value: 'Orders' }]);
  expect(await validated(RESTORED)).toEqual({ answers: ['SUCCESSFUL'], outcome: 'passed', findings: [] });
});

test('answers that it failed where rows are gone', async () => {
  const name = 'awsbackup-restore-test-2';
  const restored = await restoreTest(name, [{ Key: 'awsbackup-restore-test', Value: 'Orders' }]);
  await local().query(restored, 'DELETE FROM orders WHERE n > 50');
  const { answers, findings } = await validated(name);
  expect(answers).toEqual(['FAILED']);
  expect(findings).toEqual([expect.stringContaining('row count of orders')]);
});

test('leaves the password of what no restore test made', async () => {
  const name = 'awsbackup-restore-test-3';
  const restored = await restoreTest(name, []);
  expect((await validated(name)).answers).toEqual(['FAILED']);
  expect(await local().query(restored, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});
