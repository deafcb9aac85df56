import { App, Duration, Stack } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  BackupCopy,
  ObjectiveAlarms,
  ProtectionPlan,
  type RecoveryObjectives,
  RecoveryRegion,
  type ReplicaOptions,
} from '../../../lib';
import { ACCOUNT } from '../../template/policies';
import { newDatabase, newStack, warningsOf } from '../../template/stacks';

const NETWORK: ReplicaOptions = { subnetGroupName: 'shop-data', securityGroupIds: ['sg-0123'] };
const rto = Duration.hours(1);

/** What a plan with one sound database warns of. */
function warned(
  rpo: Duration,
  copies: BackupCopy[] = [],
  props: Partial<rds.DatabaseInstanceProps> = {},
  ofRegion?: RecoveryObjectives,
): string[] {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Shop', { env: { region: 'us-east-1', account: ACCOUNT } });
  const plan = new ProtectionPlan(stack, 'Protection', {
    objectives: { rpo, rto },
    recovery: RecoveryRegion.named('us-west-2', { objectives: ofRegion }),
    notify: sns.Topic.fromTopicArn(stack, 'Operators', `arn:aws:sns:us-east-1:${ACCOUNT}:operators`),
  });
  const sound = { backupRetention: Duration.days(7), deleteAutomatedBackups: false, storageEncrypted: true };
  const database = newDatabase(stack, { instanceIdentifier: 'orders', ...sound, ...props });
  plan.addDatabase('Orders', { database, copies });
  return warningsOf(stack);
}

describe('an objective below the five minutes in which RDS ships logs', () => {
  test('is warned of, once for a plan; five minutes are not', () => {
    expect(warned(Duration.minutes(1))).toEqual([
      expect.stringMatching(
        /'rpo' is 1 minute, and RDS uploads transaction logs every 5 minutes.*lifeboat:rpo-below-log-shipping/,
      ),
    ]);
    expect(warned(Duration.minutes(5))).toEqual([]);
  });

  test('is warned of where drills without a plan are held against it', () => {
    const alarms = (rpo: Duration) => {
      const stack = newStack();
      new ObjectiveAlarms(stack, 'Alarms', { planName: 'Plan', target: 'Orders', objectives: { rpo, rto } });
      return warningsOf(stack);
    };
    expect(alarms(Duration.seconds(299))).toEqual([expect.stringContaining('lifeboat:rpo-below-log-shipping')]);
    expect(alarms(Duration.seconds(300))).toEqual([]);
  });

  test('is warned of once where the plan has alarms, too', () => {
    const stack = newStack();
    const objectives = { rpo: Duration.minutes(1), rto };
    const plan = new ProtectionPlan(stack, 'Protection', { objectives });
    new ObjectiveAlarms(plan, 'Alarms', { planName: 'Plan', target: 'Orders', objectives });
    expect(warningsOf(stack).filter((warning) => warning.includes('rpo-below'))).toHaveLength(1);
  });
});

describe('daily snapshots as the only copies', () => {
  const snapshots = BackupCopy.snapshots({ retention: Duration.days(7) });

  test('are warned of where less than a day may be lost; a day may', () => {
    expect(warned(Duration.hours(1), [snapshots])).toEqual([
      expect.stringMatching(/in us-west-2 are only daily snapshots.*RPO is 1 hour.*lifeboat:copies-beyond-rpo/),
    ]);
    expect(warned(Duration.days(1), [snapshots])).toEqual([]);
  });

  test('are fine where the region has objectives of its own that they meet', () => {
    const objectives = { rpo: Duration.days(1), rto };
    expect(warned(Duration.hours(1), [snapshots], {}, objectives)).toEqual([]);
  });

  test.each([
    ['replicated backups', BackupCopy.automatedBackups()],
    ['a replica', BackupCopy.replica(NETWORK)],
  ])('are fine beside %s', (_, faster) => {
    expect(warned(Duration.hours(1), [snapshots, faster])).toEqual([]);
  });
});

describe('a database of a plan that asks nothing of its backups', () => {
  test('has its own windows held against each other', () => {
    const windows = (preferredMaintenanceWindow: string) => () =>
      warned(Duration.hours(1), [], { preferredBackupWindow: '03:00-04:00', preferredMaintenanceWindow });
    expect(windows('sun:03:30-sun:04:30')).toThrow('overlaps the maintenance window');
    expect(windows('sun:04:00-sun:05:00')).not.toThrow();
  });

  test('is warned of where it keeps backups for a day, or takes them along when it is deleted', () => {
    expect(warned(Duration.hours(1), [], { backupRetention: undefined, deleteAutomatedBackups: undefined })).toEqual([
      expect.stringContaining('lifeboat:one-day-of-backups'),
      expect.stringContaining('lifeboat:database-not-protected'),
    ]);
  });

  test('may take them along where they are replicated', () => {
    const own = { deleteAutomatedBackups: true };
    expect(warned(Duration.hours(1), [BackupCopy.automatedBackups()], own)).toEqual([]);
  });
});
