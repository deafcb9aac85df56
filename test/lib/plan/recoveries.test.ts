/** Recoveries of a plan's database: named, kept and granted as its drills are. */
import * as iam from 'aws-cdk-lib/aws-iam';
import { BackupWindow, CutOver, RecoveryCheck, Recurrence } from '../../../lib';
import { resolved } from '../../template/policies';
import { newDatabase, newPlan, newStack, Template } from '../../template/stacks';

function planned() {
  const stack = newStack();
  const plan = newPlan(stack);
  const database = newDatabase(stack, { databaseName: 'shop', storageEncrypted: true });
  const orders = plan.addDatabase('Orders', {
    database,
    window: BackupWindow.daily('03:00', '04:00'),
    checks: [RecoveryCheck.rowCount('orders', { atLeast: 1 })],
  });
  return { stack, plan, orders };
}

test('share the plan, the target, the checks and the site of its drills', () => {
  const { stack, orders, plan } = planned();
  const drill = orders.addDrill('Daily', { schedule: Recurrence.daily({ hour: 2 }) });
  const recovery = orders.addRecovery('Production', { cutOver: [CutOver.rename()] });
  const tables = orders.addTableRecovery('Tables');
  for (const { definition } of [recovery, tables]) {
    const { plan: name, target, checks, evidenceBucket, signingKey, database } = drill.definition;
    expect(definition).toMatchObject({ plan: name, target, checks, evidenceBucket, signingKey });
    expect([database, definition.database]).toEqual([undefined, 'shop']);
    expect(definition.examiner).not.toBe(drill.definition.examiner);
  }
  expect([orders.recoveries, orders.tableRecoveries]).toEqual([[recovery], [tables]]);
  expect(plan.drills).toEqual([drill]);
  Template.fromStack(stack).resourceCountIs('AWS::Events::Rule', 1);
});

test.each(['Alarms', 'Backups', 'Snapshots'])("can't be called %s, which the plan uses itself", (id) => {
  const { orders } = planned();
  expect(() => orders.addRecovery(id, { cutOver: [CutOver.rename()] })).toThrow(
    /has an id that Lifeboat uses there itself/,
  );
  expect(() => orders.addTableRecovery(id)).toThrow(/has an id that Lifeboat uses there itself/);
});

test('take no option of another kind', () => {
  const { orders } = planned();
  const options = { cutOver: [CutOver.rename()], checks: [] };
  expect(() => orders.addRecovery('Production', options)).toThrow(
    /'checks' is a list, and addRecovery\(\) has no such property/,
  );
});

test('are granted by the plan, whether they were added before or after, each to those that are named', () => {
  const { stack, plan, orders } = planned();
  const person = (id: string) => new iam.Role(stack, id, { assumedBy: new iam.AccountRootPrincipal() });
  orders.addRecovery('Production', { cutOver: [CutOver.rename()] });
  plan.grants.startRecovery(person('Starter'));
  plan.grants.approveRecovery(person('Approver'));
  orders.addTableRecovery('Tables');
  const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  const allowed = (role: string, action: string) =>
    policies
      .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(`"${role}`))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
      .filter(({ Action }) => [Action].flat().includes(action))
      .flatMap(({ Resource }) => [Resource].flat().map(resolved));
  const both = [expect.stringContaining('OrdersProduction'), expect.stringContaining('OrdersTables')];
  expect(allowed('Starter', 'lambda:InvokeFunction')).toEqual(both);
  expect(allowed('Starter', 'lambda:SendDurableExecutionCallbackSuccess')).toEqual([]);
  expect(allowed('Approver', 'lambda:SendDurableExecutionCallbackSuccess')).toEqual(both);
  expect(allowed('Approver', 'lambda:InvokeFunction')).toEqual([]);
});
