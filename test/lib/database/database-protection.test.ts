import { CfnParameter, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import { BackupWindow, DatabaseBackups, DatabaseLogs, DatabaseProtection, DatabaseStandby } from '../../../lib';
import { newDatabase, newStack, Template, warningsOf } from '../../template/stacks';

const INSTANCE = 'AWS::RDS::DBInstance';
const CLUSTER = 'AWS::RDS::DBCluster';

function newCluster(scope: Construct, readers: number, props: Partial<rds.DatabaseClusterProps> = {}) {
  return new rds.DatabaseCluster(scope, 'Cluster', {
    engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_16_6 }),
    vpc: new ec2.Vpc(scope, 'Vpc', { maxAzs: 2, natGateways: 0 }),
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    writer: rds.ClusterInstance.serverlessV2('writer'),
    readers: Array.from({ length: readers }, (_, index) => rds.ClusterInstance.serverlessV2(`reader${index}`)),
    ...props,
  });
}

describe('protection', () => {
  test('refuses deletion, and keeps a final snapshot, the automated backups and the tags', () => {
    const stack = newStack();
    newDatabase(stack).with(new DatabaseProtection());
    const template = Template.fromStack(stack);
    template.hasResource(INSTANCE, { DeletionPolicy: 'Snapshot', UpdateReplacePolicy: 'Snapshot' });
    template.hasResourceProperties(INSTANCE, {
      DeletionProtection: true,
      DeleteAutomatedBackups: false,
      CopyTagsToSnapshot: true,
    });
    expect(warningsOf(stack)).toEqual([]);
  });

  test('covers a bare resource as well', () => {
    const stack = newStack();
    new rds.CfnDBInstance(stack, 'Bare', { engine: 'postgres' }).with(new DatabaseProtection());
    Template.fromStack(stack).hasResource(INSTANCE, { DeletionPolicy: 'Snapshot', UpdateReplacePolicy: 'Snapshot' });
  });

  test('protects a cluster as a whole, and leaves its instances alone', () => {
    const stack = newStack();
    newCluster(stack, 1).with(new DatabaseProtection());
    const template = Template.fromStack(stack);
    template.hasResource(CLUSTER, { DeletionPolicy: 'Snapshot' });
    template.hasResourceProperties(CLUSTER, { DeletionProtection: true, DeleteAutomatedBackups: false });
    template.allResourcesProperties(INSTANCE, { DeletionProtection: Match.absent() });
  });

  test('keeps what the database says otherwise, and warns of all of it', () => {
    const stack = newStack();
    const removalPolicy = RemovalPolicy.DESTROY;
    newDatabase(stack, { deletionProtection: false, deleteAutomatedBackups: true, removalPolicy }).with(
      new DatabaseProtection(),
    );
    Template.fromStack(stack).hasResource(INSTANCE, { DeletionPolicy: 'Delete' });
    const [warning] = warningsOf(stack);
    expect(warning).toContain('lifeboat:database-not-protected');
    for (const gap of ['deletion protection is off', 'automated backups are deleted', 'without a final snapshot']) {
      expect(warning).toContain(gap);
    }
  });

  test('asks no final snapshot of a replica, since RDS takes none', () => {
    const stack = newStack();
    const replica = new rds.CfnDBInstance(stack, 'Replica', { sourceDbInstanceIdentifier: 'orders' });
    replica.with(new DatabaseProtection());
    Template.fromStack(stack).hasResource(INSTANCE, { DeletionPolicy: Match.absent() });
  });

  test('does not ask a limitless cluster for backups that outlive it, which CloudFormation refuses', () => {
    const stack = newStack();
    const props = { engine: 'aurora-postgresql', clusterScalabilityType: 'limitless' };
    new rds.CfnDBCluster(stack, 'Limitless', props).with(new DatabaseProtection(), new DatabaseBackups({}));
    Template.fromStack(stack).hasResourceProperties(CLUSTER, { DeleteAutomatedBackups: Match.absent() });
  });
});

describe('backups of a cluster', () => {
  test('are set on the cluster, not on its instances', () => {
    const stack = newStack();
    const window = BackupWindow.daily('03:00', '04:00');
    newCluster(stack, 1).with(new DatabaseBackups({ window, retention: Duration.days(35) }));
    const template = Template.fromStack(stack);
    template.hasResourceProperties(CLUSTER, {
      PreferredBackupWindow: '03:00-04:00',
      BackupRetentionPeriod: 35,
      DeleteAutomatedBackups: false,
      CopyTagsToSnapshot: true,
    });
    template.allResourcesProperties(INSTANCE, { BackupRetentionPeriod: Match.absent() });
  });

  test('can not be turned off', () => {
    const off = new DatabaseBackups({ retention: Duration.days(0) });
    expect(() => newCluster(newStack(), 1).with(off)).toThrow(
      "the backup retention is 0 days, not 1 to 35 whole days, so RDS would refuse it; a cluster's backups can't be turned off",
    );
    expect(() => newCluster(newStack(), 1).with(new DatabaseBackups({ retention: Duration.days(1) }))).not.toThrow();
    expect(() => newDatabase(newStack()).with(off)).not.toThrow();
  });
});

describe('a standby', () => {
  test('lies in another zone', () => {
    const stack = newStack();
    newDatabase(stack).with(new DatabaseStandby());
    Template.fromStack(stack).hasResourceProperties(INSTANCE, { MultiAZ: true });
  });

  test('is refused where the database says that it has one zone, all reasons at once', () => {
    const database = newDatabase(newStack(), { multiAz: false, availabilityZone: 'eu-west-1a' });
    const apply = () => database.with(new DatabaseStandby());
    expect(apply).toThrow("'multiAz' is false on the database");
    expect(apply).toThrow("'availabilityZone' is eu-west-1a");
    expect(() => newDatabase(newStack(), { multiAz: true }).with(new DatabaseStandby())).not.toThrow();
  });

  test('of an Aurora cluster is a reader', () => {
    const synth = (readers: number) => () => {
      const stack = newStack();
      newCluster(stack, readers).with(new DatabaseStandby());
      Template.fromStack(stack);
    };
    expect(synth(0)).toThrow("has a single instance, so it can't fail over");
    expect(synth(1)).not.toThrow();
  });

  test('of a cluster may be made after it is asked for', () => {
    const stack = newStack();
    const cluster = new rds.CfnDBCluster(stack, 'Bare', { engine: 'aurora-postgresql' });
    const member = (id: string) =>
      new rds.CfnDBInstance(stack, id, { engine: 'aurora-postgresql', dbClusterIdentifier: cluster.ref });
    member('Writer');
    cluster.with(new DatabaseStandby());
    member('Reader');
    expect(() => Template.fromStack(stack)).not.toThrow();
  });

  test('is left to a Multi-AZ cluster of RDS itself', () => {
    const stack = newStack();
    new rds.CfnDBCluster(stack, 'MultiAz', { engine: 'postgres', dbClusterInstanceClass: 'db.m6gd.large' }).with(
      new DatabaseStandby(),
    );
    Template.fromStack(stack).resourceCountIs(CLUSTER, 1);
  });
});

describe('logs', () => {
  test.each([
    ['postgres', ['postgresql', 'upgrade']],
    ['mysql', ['error', 'slowquery']],
    ['oracle-se2', ['alert', 'listener']],
    ['sqlserver-web', ['error']],
  ])('of %s are those that are there without further settings', (engine, logs) => {
    const stack = newStack();
    new rds.CfnDBInstance(stack, 'Bare', { engine }).with(new DatabaseLogs());
    Template.fromStack(stack).hasResourceProperties(INSTANCE, { EnableCloudwatchLogsExports: logs });
  });

  test('of a cluster are set on the cluster', () => {
    const stack = newStack();
    newCluster(stack, 1).with(new DatabaseLogs());
    Template.fromStack(stack).hasResourceProperties(CLUSTER, { EnableCloudwatchLogsExports: ['postgresql'] });
  });

  test('that the database names are kept', () => {
    const stack = newStack();
    newDatabase(stack, { cloudwatchLogsExports: ['postgresql'] }).with(new DatabaseLogs());
    Template.fromStack(stack).hasResourceProperties(INSTANCE, { EnableCloudwatchLogsExports: ['postgresql'] });
  });

  test('that the engine does not have are refused, with those it has', () => {
    const slow = () => newDatabase(newStack()).with(new DatabaseLogs({ exports: ['postgresql', 'slowquery'] }));
    expect(slow).toThrow(
      "'exports' has slowquery, which postgres does not have, so RDS would refuse it; choose from postgresql, upgrade, iam-db-auth-error",
    );
    expect(() =>
      newDatabase(newStack()).with(new DatabaseLogs({ exports: ['postgresql', 'iam-db-auth-error'] })),
    ).not.toThrow();
  });

  test('are stated once', () => {
    const database = newDatabase(newStack(), { cloudwatchLogsExports: ['upgrade', 'postgresql'] });
    expect(() => database.with(new DatabaseLogs({ exports: ['postgresql'] }))).toThrow('so some would be lost');
    expect(() => database.with(new DatabaseLogs({ exports: ['postgresql', 'upgrade'] }))).not.toThrow();
  });

  test('of an engine known only at deployment have to be named', () => {
    const stack = newStack();
    const engine = new CfnParameter(stack, 'Engine').valueAsString;
    const database = () => new rds.CfnDBInstance(stack, `Bare${stack.node.children.length}`, { engine });
    expect(() => database().with(new DatabaseLogs())).toThrow("'exports' is missing");
    expect(() => database().with(new DatabaseLogs({ exports: ['whatever'] }))).not.toThrow();
  });
});
