/** Databases that CloudFormation named: what lies elsewhere is told the name, and the database stays as it is. */
import { App, Duration, Stack, Token } from 'aws-cdk-lib';
import { BackupCopy, ProtectionPlan, RecoveryRegion, Recurrence } from '../../../lib';
import { ACCOUNT, resolved } from '../../template/policies';
import { importedDatabase, newDatabase, OBJECTIVES, Template, warningsOf } from '../../template/stacks';

const WEST = RecoveryRegion.named('us-west-2', { topicArn: `arn:aws:sns:us-west-2:${ACCOUNT}:operators` });
const REPLICA = BackupCopy.replica({ subnetGroupName: 'shop-data', securityGroupIds: ['sg-0123'] });
const SNAPSHOTS = BackupCopy.snapshots({ retention: Duration.days(7) });
const GENERATED = 'shop-database-1a2b3c4d5e6f';

function shop() {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Shop', { env: { region: 'us-east-1', account: ACCOUNT } });
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery: WEST });
  return { app, stack, plan };
}

const unnamed = (stack: Stack) => newDatabase(stack, { databaseName: 'shop', storageEncrypted: true });
const instanceIn = (stack: Stack) =>
  Object.values(Template.fromStack(stack).findResources('AWS::RDS::DBInstance'))[0]?.Properties;

test('a replica is made of the instance that was stated, which itself is not named, so not replaced', () => {
  const { app, stack, plan } = shop();
  const database = unnamed(stack);
  plan.addDatabase('Orders', { database, copies: [REPLICA], instanceIdentifier: GENERATED });
  const replica = instanceIn(app.node.findChild('Shop-us-west-2-replicas') as Stack);
  expect(resolved(replica?.SourceDBInstanceIdentifier)).toBe(`arn:aws:rds:us-east-1:${ACCOUNT}:db:${GENERATED}`);
  const without = shop();
  unnamed(without.stack);
  expect(instanceIn(stack)).toEqual(instanceIn(without.stack));
});

test('a drill in the recovery region restores copies of the instance that was stated', () => {
  const { stack, plan } = shop();
  const orders = plan.addDatabase('Orders', {
    database: unnamed(stack),
    copies: [SNAPSHOTS],
    instanceIdentifier: GENERATED.toUpperCase(),
  });
  const { definition } = orders.addRegionDrill('West', { schedule: Recurrence.daily({ hour: 10 }) });
  expect(definition.source.instance).toBe(GENERATED);
});

test('where CloudFormation generated it, its change is warned of; where the database says so itself, it is not', () => {
  const { stack, plan } = shop();
  plan.addDatabase('Orders', { database: unnamed(stack), instanceIdentifier: GENERATED });
  expect(warningsOf(stack)).toContainEqual(
    expect.stringMatching(
      /'instanceIdentifier' is 'shop-.*after a replacement of the instance.*lifeboat:generated-identifier/s,
    ),
  );
  const named = shop();
  named.plan.addDatabase('Orders', { database: importedDatabase(named.stack, 'orders'), instanceIdentifier: 'Orders' });
  expect(String(warningsOf(named.stack))).not.toContain('lifeboat:generated-identifier');
});

test.each([
  [
    'another name than the database has',
    'carts',
    /'instanceIdentifier' is 'carts', and the database's own identifier is 'orders'/,
  ],
  ['no identifier', 'my_orders', /'my_orders', which is not an RDS identifier/],
  ['one that only deployment knows', Token.asString({ Ref: 'X' }), /unknown until deployment/],
])('refuses %s', (_, instanceIdentifier, message) => {
  const { stack, plan } = shop();
  expect(() => plan.addDatabase('Orders', { database: importedDatabase(stack), instanceIdentifier })).toThrow(message);
});

describe('what is refused for want of a name or a key sends nobody to replace the instance', () => {
  test('a replica', () => {
    const { stack, plan } = shop();
    const database = unnamed(stack);
    expect(() => plan.addDatabase('Orders', { database, copies: [REPLICA] })).toThrow(
      /as 'instanceIdentifier' of the plan's database, and not on the instance, which CloudFormation would replace with an/,
    );
  });

  test('a drill in the recovery region', () => {
    const { stack, plan } = shop();
    const orders = plan.addDatabase('Orders', { database: newDatabase(stack), copies: [SNAPSHOTS] });
    const drill = () => orders.addRegionDrill('West', { schedule: Recurrence.daily({ hour: 10 }) });
    expect(drill).toThrow(/as 'instanceIdentifier' of the plan's database, and not on the instance/);
    expect(drill).toThrow(/state it in addDatabase\(\), and not on the instance/);
  });

  test('backups that are replicated without encryption', () => {
    const { stack, plan } = shop();
    plan.addDatabase('Orders', { database: newDatabase(stack), copies: [BackupCopy.automatedBackups()] });
    expect(warningsOf(stack)).toContainEqual(
      expect.stringMatching(
        /Do not set storageEncrypted on the existing one: CloudFormation would replace it with an empty one/,
      ),
    );
  });
});
