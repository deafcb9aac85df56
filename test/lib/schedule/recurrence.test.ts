import { TimeZone } from 'aws-cdk-lib';
import { Recurrence, Weekday } from '../../../lib';

const written = ({ expression, longestGap }: Recurrence) => [expression.expressionString, longestGap.toDays()];

test.each([
  ['daily', Recurrence.daily({ hour: 2 }), 'cron(0 2 * * ? *)', 1],
  ['weekly', Recurrence.weekly({ weekday: Weekday.FRIDAY, hour: 2 }), 'cron(0 2 ? * FRI *)', 7],
  ['first Sunday', Recurrence.firstSunday({ hour: 10 }), 'cron(0 10 ? * SUN#1 *)', 35],
  ['third Tuesday', Recurrence.nthWeekday({ nth: 3, weekday: Weekday.TUESDAY, hour: 1 }), 'cron(0 1 ? * TUE#3 *)', 35],
  ['monthly', Recurrence.monthly({ day: 15, hour: 4, minute: 30 }), 'cron(30 4 15 * ? *)', 31],
  ['monthly on the 31st', Recurrence.monthly({ day: 31, hour: 4 }), 'cron(0 4 31 * ? *)', 61],
  ['quarterly', Recurrence.quarterly({ hour: 6 }), 'cron(0 6 1 1,4,7,10 ? *)', 92],
])('%s', (_, schedule, expression, gap) => {
  expect(written(schedule)).toEqual([expression, gap]);
});

test.each([
  ['0 10 L * ? *', 31],
  ['0 10 LW * ? *', 33],
  ['0 10 15W * ? *', 32],
  ['0 10 ? * MON-FRI *', 3],
  ['0/15 8-18 ? * 2-6 *', 3],
  ['0 10 ? * FRIL *', 35],
  ['0 10 ? * 1#1 *', 35],
  ['0 10 */10 * ? *', 10],
  ['0 10 1 JAN,JUL ? *', 184],
  ['0 10 29 2 ? *', 1461],
])('knows the longest gap of %s', (cron, days) => {
  expect(Recurrence.cron(cron).longestGap.toDays()).toBe(days);
});

test('runs by the clock it is told', () => {
  const timeZone = TimeZone.EUROPE_BERLIN;
  expect(Recurrence.firstSunday({ hour: 10, timeZone }).expression.timeZone).toBe(timeZone);
  expect(Recurrence.cron('0 10 ? * SUN#1 *', { timeZone }).expression.timeZone).toBe(timeZone);
  expect(Recurrence.daily({ hour: 10 }).expression.timeZone).toBe(TimeZone.ETC_UTC);
});

test.each(['0 10 31 2 ? *', '0 10 30 FEB ? *', '0 10 31 4,6,9,11 ? *'])('refuses %s, which never fires', (cron) => {
  expect(() => Recurrence.cron(cron)).toThrow('never fires');
});

test.each([
  ['0 10 ? * SUN#1', 'it needs six fields'],
  ['cron(0 10 ? * SUN#1 *)', 'only the fields of a cron expression are accepted'],
  ['rate(1 day)', 'only the fields of a cron expression are accepted'],
  ['0 10 1 * SUN *', "exactly one of day of month '1' and day of week 'SUN' must be '?'"],
  ['0 10 ? * ? *', 'exactly one of'],
  ['60 10 * * ? *', "minutes '60' is not within 0 to 59"],
  ['0 24 * * ? *', "hours '24' is not within 0 to 23"],
  ['0 10 32 * ? *', "day of month '32' is not within 1 to 31"],
  ['0 10 ? * SUN#6 *', "day of week 'SUN#6'"],
  ['0 10 ? * SNU *', "day of week 'SNU'"],
  ['0 10 5-2 * ? *', "day of month '5-2'"],
  ['0 10 * * ? 2027', "the year '2027' would end the schedule"],
])('refuses %s', (cron, reason) => {
  expect(() => Recurrence.cron(cron)).toThrow(reason);
});

test.each([
  [{ hour: 25 }, "hours '25'"],
  [{ hour: 2, minute: 75 }, "minutes '75'"],
  [{ hour: 2.5 }, "hours '2.5'"],
])('refuses the time %j', (at, reason) => {
  expect(() => Recurrence.daily(at)).toThrow(reason);
});
