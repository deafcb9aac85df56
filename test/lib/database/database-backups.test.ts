import { CfnParameter, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as rds from 'aws-cdk-lib/aws-rds';
import { BackupWindow, DatabaseBackups } from '../../../lib';
import { newDatabase, newStack, Template, warningsOf } from '../../template/stacks';

const window = BackupWindow.daily('03:00', '04:00');

test('sets window and retention, keeps backups when the database goes, and copies tags', () => {
  const stack = newStack();
  newDatabase(stack).with(new DatabaseBackups({ window, retention: Duration.days(30) }));
  Template.fromStack(stack).hasResourceProperties('AWS::RDS::DBInstance', {
    PreferredBackupWindow: '03:00-04:00',
    BackupRetentionPeriod: 30,
    DeleteAutomatedBackups: false,
    CopyTagsToSnapshot: true,
  });
});

test("the database's own word on the rest wins", () => {
  const stack = newStack();
  const database = newDatabase(stack, { deleteAutomatedBackups: true, copyTagsToSnapshot: false });
  database.with(new DatabaseBackups({ retention: Duration.days(7) }));
  Template.fromStack(stack).hasResourceProperties('AWS::RDS::DBInstance', {
    DeleteAutomatedBackups: true,
    CopyTagsToSnapshot: false,
  });
});

test('refuses a window that overlaps maintenance, and says which would do', () => {
  const database = newDatabase(newStack(), { preferredMaintenanceWindow: 'sun:03:30-sun:04:30' });
  expect(() => database.with(new DatabaseBackups({ window }))).toThrow(
    'the backup window 03:00-04:00 overlaps the maintenance window sun:03:30-sun:04:30, so RDS would refuse both; ' +
      'start maintenance at 04:00 or later',
  );
});

test.each([
  [36, '36 days'],
  [400, '400 days'],
  [1.5, '1 day 12 hours'],
])('refuses a retention of %d days', (days, inWords) => {
  const backups = new DatabaseBackups({ retention: Duration.days(days) });
  expect(() => newDatabase(newStack()).with(backups)).toThrow(`the backup retention is ${inWords}, not 0 to 35`);
});

test.each([0, 1, 35])('takes a retention of %d days', (days) => {
  const backups = new DatabaseBackups({ retention: Duration.days(days) });
  expect(() => newDatabase(newStack()).with(backups)).not.toThrow();
});

describe("the database's own windows", () => {
  const owned = (preferredBackupWindow: string, preferredMaintenanceWindow?: string) =>
    newDatabase(newStack(), { preferredBackupWindow, preferredMaintenanceWindow });
  const backups = () => new DatabaseBackups({ retention: Duration.days(7) });

  test.each([
    ['03:00-04:00', 'sun:03:30-sun:04:30', 'overlaps the maintenance window', 'sun:04:00-sun:05:00'],
    ['03:00-04:00', 'sun:04:00-sun:04:29', "'sun:04:00-sun:04:29' is 29 minutes long", 'sun:04:00-sun:04:30'],
    [
      '03:00-04:00',
      'sunday 4am',
      "maintenance window 'sunday 4am' is not in the form ddd:hh:mm-ddd:hh:mm",
      'SUN:04:00-SUN:05:00',
    ],
  ])('are held against each other: %s and %s', (backup, maintenance, message, legal) => {
    expect(() => owned(backup, maintenance).with(backups())).toThrow(message);
    expect(() => owned(backup, legal).with(backups())).not.toThrow();
  });

  test.each([
    ['03:00-03:10', 'it is 10 minutes long, and RDS requires at least 30'],
    ['3am', "'3am' is not a time of day"],
  ])('are refused where RDS would: %s', (backup, message) => {
    expect(() => owned(backup).with(backups())).toThrow(message);
    expect(() => owned('03:00-03:30').with(backups())).not.toThrow();
  });

  test('are looked at again when the database is told them later', () => {
    const database = owned('03:00-04:00');
    database.with(backups());
    const instance = database.node.defaultChild as rds.CfnDBInstance;
    instance.preferredMaintenanceWindow = 'sun:03:30-sun:04:30';
    expect(() => Template.fromStack(Stack.of(database))).toThrow('start maintenance at 04:00 or later');
    instance.preferredMaintenanceWindow = 'sun:04:00-sun:05:00';
    expect(() => Template.fromStack(Stack.of(database))).not.toThrow();
  });
});

describe('it is warned of', () => {
  const warned = (props: Partial<rds.DatabaseInstanceProps>, backups: DatabaseBackups) => {
    const stack = newStack();
    newDatabase(stack, props).with(backups);
    return warningsOf(stack);
  };

  test("RDS's default of one day, unless a retention is stated", () => {
    expect(warned({}, new DatabaseBackups({ window }))).toEqual([
      expect.stringMatching(/keeps automated backups for 1 day.*lifeboat:one-day-of-backups/),
    ]);
    expect(warned({ backupRetention: Duration.days(1) }, new DatabaseBackups({ window }))).toEqual([]);
    expect(warned({}, new DatabaseBackups({ retention: Duration.days(1) }))).toEqual([]);
  });

  test('a database that takes its backups along when it is deleted', () => {
    const backups = () => new DatabaseBackups({ retention: Duration.days(7) });
    expect(warned({ deleteAutomatedBackups: true }, backups())).toEqual([
      expect.stringMatching(/before its final snapshot could be restored.*lifeboat:database-not-protected/),
    ]);
    expect(warned({ deleteAutomatedBackups: true, removalPolicy: RemovalPolicy.DESTROY }, backups())).toEqual([
      expect.stringContaining('not even a final snapshot'),
    ]);
    expect(warned({ deleteAutomatedBackups: false }, backups())).toEqual([]);
  });

  test('nothing of what is restored from a snapshot, and may bring its retention along', () => {
    const stack = newStack();
    const backups = new DatabaseBackups({ window });
    new rds.CfnDBInstance(stack, 'Restored', { dbSnapshotIdentifier: 'before-release' }).with(backups);
    new rds.CfnDBCluster(stack, 'Cluster', { engine: 'aurora-postgresql', snapshotIdentifier: 'before' }).with(backups);
    expect(warningsOf(stack)).toEqual([]);
    new rds.CfnDBCluster(stack, 'New', { engine: 'aurora-postgresql' }).with(backups);
    expect(warningsOf(stack)).toEqual([expect.stringContaining("'Test/New' states no backup retention")]);
  });

  test('nothing of a replica, which has what its source has', () => {
    const stack = newStack();
    new rds.CfnDBInstance(stack, 'Replica', {
      sourceDbInstanceIdentifier: 'orders',
      deleteAutomatedBackups: true,
    }).with(new DatabaseBackups({ window }));
    expect(warningsOf(stack)).toEqual([]);
  });
});

test('refuses what contradicts the database, all of it at once', () => {
  const database = newDatabase(newStack(), { preferredBackupWindow: '01:00-02:00', backupRetention: Duration.days(7) });
  const apply = () => database.with(new DatabaseBackups({ window, retention: Duration.days(30) }));
  expect(apply).toThrow('the backup window is 01:00-02:00 on the database and 03:00-04:00 in DatabaseBackups');
  expect(apply).toThrow('the backup retention in days is 7 on the database and 30 in DatabaseBackups');
});

test('saying the same twice is fine', () => {
  const database = newDatabase(newStack(), {
    preferredBackupWindow: '03:00-04:00',
    backupRetention: Duration.days(30),
  });
  expect(() => database.with(new DatabaseBackups({ window, retention: Duration.days(30) }))).not.toThrow();
});

test('what is only known at deployment is not compared', () => {
  const stack = newStack();
  const preferredMaintenanceWindow = new CfnParameter(stack, 'Maintenance').valueAsString;
  const retention = Duration.days(new CfnParameter(stack, 'Days', { type: 'Number' }).valueAsNumber);
  newDatabase(stack, { preferredMaintenanceWindow }).with(new DatabaseBackups({ window, retention }));
  Template.fromStack(stack).hasResourceProperties('AWS::RDS::DBInstance', { BackupRetentionPeriod: { Ref: 'Days' } });
});
