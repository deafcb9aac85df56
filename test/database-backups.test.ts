import { CfnParameter, Duration } from 'aws-cdk-lib';
import { BackupWindow, DatabaseBackups } from '../lib';
import { newDatabase, newStack, Template } from './synth';

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

test.each([36, 400])('refuses a retention of %d days', (days) => {
  const backups = new DatabaseBackups({ retention: Duration.days(days) });
  expect(() => newDatabase(newStack()).with(backups)).toThrow(
    `a backup retention of ${days} days is outside of 0 to 35`,
  );
});

test('refuses what contradicts the database, all of it at once', () => {
  const database = newDatabase(newStack(), { preferredBackupWindow: '01:00-02:00', backupRetention: Duration.days(7) });
  const apply = () => database.with(new DatabaseBackups({ window, retention: Duration.days(30) }));
  expect(apply).toThrow('the backup window is 01:00-02:00 on the database and 03:00-04:00 here');
  expect(apply).toThrow('the backup retention in days is 7 on the database and 30 here');
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
