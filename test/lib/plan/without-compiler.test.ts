/** What callers from JavaScript hand over, whom no compiler stops: a sentence each, that names the property. */
import { Duration, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import {
  DatabaseAlarms,
  DatabaseWatch,
  DrillSite,
  DrillSource,
  ProtectedVault,
  ProtectionPlan,
  RecoveryRegion,
  Recurrence,
  RestoreDrill,
  RestoreTesting,
} from '../../../lib';
import { importedDatabase, newDatabase, newPlan, newStack, OBJECTIVES } from '../../template/stacks';

const schedule = Recurrence.daily({ hour: 2 });
const cluster = (stack: Stack) =>
  new rds.DatabaseCluster(stack, 'Cluster', {
    engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_16_4 }),
    vpc: new ec2.Vpc(stack, 'Vpc', { natGateways: 0 }),
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    writer: rds.ClusterInstance.serverlessV2('writer'),
  });

/** Each way by which objectives are handed over. */
const OBJECTIVE_OF: Readonly<Record<string, (stack: Stack, objectives: never) => void>> = {
  ProtectionPlan: (stack, objectives) => new ProtectionPlan(stack, 'It', { objectives }),
  RestoreDrill: (stack, objectives) =>
    new RestoreDrill(stack, 'It', { source: DrillSource.database(importedDatabase(stack)), schedule, objectives }),
  RestoreTesting: (stack, objectives) =>
    new RestoreTesting(stack, 'It', {
      vaults: [new ProtectedVault(stack, 'Vault').vault],
      schedule,
      site: new DrillSite(stack, 'Site'),
    }).addDatabase('Orders', { database: newDatabase(stack), objectives }),
};

describe.each(Object.entries(OBJECTIVE_OF))('%s', (_, use) => {
  test.each<[string, unknown, string]>([
    [
      'left out',
      undefined,
      "'objectives' is undefined, so there is nothing that a drill could meet or miss; give it two",
    ],
    ['empty', {}, "'objectives.rpo' is undefined and not a Duration"],
    ['a number', { ...OBJECTIVES, rpo: 5 }, "'objectives.rpo' is 5 and not a Duration, so it can't be compared"],
    ['a text', { ...OBJECTIVES, rto: '1h' }, "'objectives.rto' is '1h' and not a Duration, so it can't be compared"],
  ])('says of objectives that are %s which property it is, and how it is written', (_of, objectives, sentence) => {
    expect(() => use(newStack(), objectives as never)).toThrow(sentence);
    expect(() => use(newStack(), OBJECTIVES as never)).not.toThrow();
  });
});

test("says so of a region's and of a drill's own objectives, which may be left out", () => {
  const objectives = { ...OBJECTIVES, rpo: 5 } as never;
  expect(() => RecoveryRegion.named('us-west-2', { objectives })).toThrow("'objectives.rpo' is 5 and not a Duration");
  expect(() => RecoveryRegion.named('us-west-2')).not.toThrow();
  const stack = newStack();
  const orders = newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack) });
  expect(() => orders.addDrill('Own', { schedule, objectives })).toThrow("'objectives.rpo' is 5 and not a Duration");
  expect(() => orders.addDrill('Plans', { schedule })).not.toThrow();
});

test('says of a drill without a schedule that it would never run', () => {
  const stack = newStack();
  const orders = newPlan(stack).addDatabase('Orders', { database: importedDatabase(stack) });
  expect(() => orders.addDrill('Monthly', {} as never)).toThrow("'schedule' is undefined, so it would never run");
});

/** Each way by which a database is handed over. */
const DATABASE_OF: Readonly<Record<string, (stack: Stack, database: never) => void>> = {
  'ProtectionPlan and addDrill': (stack, database) =>
    newPlan(stack).addDatabase('Orders', { database }).addDrill('Daily', { schedule }),
  DrillSource: (_, database) => DrillSource.database(database),
  DatabaseWatch: (stack, database) =>
    new DatabaseWatch(stack, 'It', { database, recoveryPointWithin: Duration.minutes(15) } as never),
  DatabaseAlarms: (stack, database) => new DatabaseAlarms(stack, 'It', { database } as never),
};

describe.each(Object.entries(DATABASE_OF))('%s', (_, use) => {
  test('says of a cluster what backs it up', () => {
    const stack = newStack();
    expect(() => use(stack, cluster(stack) as never)).toThrow(
      /'database' is the cluster 'Test\/Cluster', and this works on an RDS instance.*; apply DatabaseBackups to the cluster/,
    );
  });

  test('says of a database that is left out how one is given', () => {
    expect(() => use(newStack(), undefined as never)).toThrow("'database' is undefined, so nothing would be protected");
  });
});
