import { CfnParameter, Duration, type Stack, TimeZone } from 'aws-cdk-lib';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { CacheSnapshots, CacheSource, ConfigurationBackups, Recurrence, Weekday } from '../../../lib';
import { gapOf, refuseEarlyOverdue, warnOfOverdueDrills } from '../../../lib/schedule/overdue';
import { newDrill, newStack, warningsOf } from '../../template/stacks';

const lordHowe = Recurrence.daily({ hour: 2, timeZone: TimeZone.of('Australia/Lord_Howe') });
const daily = Recurrence.daily({ hour: 2 });

function configuration(overdueAfter: Duration, schedule = daily): Stack {
  const stack = newStack();
  const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'archive');
  new ConfigurationBackups(stack, 'Configuration', { bucket, schedule, overdueAfter });
  return stack;
}

test('an age that each backup reaches is refused, since its alarm would flap; more is taken', () => {
  expect(() => configuration(Duration.hours(24))).toThrow(
    "'Test/Configuration': 'overdueAfter' is 1 day, but backups are up to 1 day apart, so the alarm would fire between two healthy backups",
  );
  expect(warningsOf(configuration(Duration.hours(25)))).toEqual([]);
});

test('an age that hides a missing backup is warned of; less than two gaps is not', () => {
  expect(warningsOf(configuration(Duration.hours(48)))).toEqual([
    expect.stringMatching(/is 2 days old, and one is due every 1 day.*lifeboat:overdue-too-late/),
  ]);
  expect(warningsOf(configuration(Duration.hours(47)))).toEqual([]);
});

test.each([
  ['daily', daily, Duration.days(1)],
  ['hourly', Recurrence.cron('0 * * * ? *'), Duration.hours(1)],
  ['on working days', Recurrence.cron('0 2 ? * MON-FRI *'), Duration.days(3)],
  ['weekly', Recurrence.weekly({ weekday: Weekday.SUNDAY, hour: 2 }), Duration.days(7)],
  ['monthly', Recurrence.firstSunday({ hour: 2 }), Duration.days(35)],
  ['every five days', Recurrence.cron('0 2 1/5 * ? *'), Duration.days(5)],
  ['daily, where summer time changes by half an hour', lordHowe, Duration.days(1)],
])('the gap of what runs %s is the longest one', (_, schedule, gap) => {
  expect(gapOf(schedule).toMinutes()).toBe(gap.toMinutes());
});

test('of what is made every few hours one may be missed', () => {
  const stack = newStack();
  expect(() => refuseEarlyOverdue(stack, Duration.hours(4), Duration.hours(1))).not.toThrow();
  expect(warningsOf(stack)).toEqual([]);
});

test('snapshots of a cache that would be overdue before the next are refused', () => {
  const overdue = (hours: number) => () => {
    const stack = newStack();
    const cache = CacheSource.replicationGroup(
      elasticache.CfnReplicationGroup.fromReplicationGroupId(stack, 'Cache', 'sessions'),
    );
    const every = { every: Duration.hours(6), retention: Duration.days(2) };
    new CacheSnapshots(stack, 'SixHourly', { cache, ...every, overdueAfter: Duration.hours(hours) });
  };
  expect(overdue(6)).toThrow('the alarm would fire between two healthy backups');
  expect(overdue(7)).not.toThrow();
});

test('what is not stated is not judged', () => {
  const stack = newStack();
  expect(() => refuseEarlyOverdue(stack, undefined, Duration.days(1))).not.toThrow();
  expect(warningsOf(stack)).toEqual([]);
});

describe('a drill', () => {
  const warned = (overdueAfter?: Duration, schedule = daily) => {
    const stack = newStack();
    newDrill(stack, { overdueAfter, schedule });
    return warningsOf(stack).filter((warning) => warning.includes('overdue'));
  };

  test('that is overdue before it is due is warned of, since somebody may drill by hand; later is not', () => {
    expect(warned(Duration.hours(24))).toEqual([
      expect.stringMatching(/^'overdueAfter' is 1 day, but drills are up to 1 day apart.*overdue-before-due/),
    ]);
    expect(warned(Duration.hours(25))).toEqual([]);
  });

  test('whose absence goes unseen until another is due is warned of; less than two gaps is not', () => {
    const monthly = Recurrence.firstSunday({ hour: 2 });
    expect(warned(Duration.days(70), monthly)).toEqual([
      expect.stringMatching(
        /^'overdueAfter' lets no alarm fire until no drill has passed for 70 days, and one is due every 35 days/,
      ),
    ]);
    expect(warned(Duration.days(69), monthly)).toEqual([]);
  });

  test('is judged by what is stated and known', () => {
    expect(warned()).toEqual([]);
    const later = new CfnParameter(newStack('Later'), 'Seconds', { type: 'Number' }).valueAsNumber;
    const stack = newStack();
    expect(() => warnOfOverdueDrills(stack, Duration.seconds(later), Duration.days(1))).not.toThrow();
    expect(warningsOf(stack)).toEqual([]);
  });
});
