import { App, Duration, Stack } from 'aws-cdk-lib';
import type { DrillDefinition, ValidationDefinition } from '../../../lambda/contract';
import {
  BackupCopy,
  ProtectedVault,
  ProtectionPlan,
  RecoveryCheck,
  RecoveryRegion,
  Recurrence,
  RestoreTest,
  RestoreTesting,
} from '../../../lib';
import { ACCOUNT } from '../../template/policies';
import { newDatabase, newDrill, newStack, OBJECTIVES } from '../../template/stacks';

const PROOF = {
  checks: [RecoveryCheck.readable()],
  databaseName: 'shop',
  databases: ['shop', 'billing'],
  allowEmpty: true,
};
const DAILY = { schedule: Recurrence.daily({ hour: 10 }) };

function planned() {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Shop', { env: { region: 'us-east-1', account: ACCOUNT } });
  const topicArn = `arn:aws:sns:us-west-2:${ACCOUNT}:operators`;
  const recovery = RecoveryRegion.named('us-west-2', { topicArn });
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery });
  const database = newDatabase(stack, { instanceIdentifier: 'orders', storageEncrypted: true });
  const copies = [BackupCopy.snapshots({ retention: Duration.days(7) })];
  return { stack, orders: plan.addDatabase('Orders', { database, copies, ...PROOF }) };
}

function tested(): ValidationDefinition {
  const stack = newStack();
  const testing = new RestoreTesting(stack, 'Tests', {
    vaults: [new ProtectedVault(stack, 'Vault').vault],
    ...DAILY,
  });
  testing.addDatabase('Orders', { database: newDatabase(stack), objectives: OBJECTIVES, ...PROOF });
  return testing.node.findAll().find((one): one is RestoreTest => one instanceof RestoreTest)!.definition;
}

test.each<[string, () => DrillDefinition | ValidationDefinition]>([
  ['a drill', () => newDrill(newStack(), PROOF).definition],
  ["a plan's drill", () => planned().orders.addDrill('Daily', DAILY).definition],
  ['a drill in the recovery region', () => planned().orders.addRegionDrill('West', DAILY).definition],
  ['a restore test of AWS Backup', tested],
])('%s is deployed with its checks, its databases, and whether they may be empty', (_, definition) => {
  expect(definition()).toMatchObject({
    checks: [{ kind: 'readable' }],
    database: 'shop',
    databases: ['shop', 'billing'],
    allowEmpty: true,
  });
});

test('all databases are examined, and none may be empty, unless it is said otherwise', () => {
  const { databases, allowEmpty } = newDrill(newStack()).definition;
  expect([databases, allowEmpty]).toEqual([undefined, undefined]);
});
