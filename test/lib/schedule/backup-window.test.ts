import { CfnParameter } from 'aws-cdk-lib';
import { BackupWindow } from '../../../lib';
import { newStack } from '../../template/stacks';

test('is written as RDS has it', () => {
  expect(BackupWindow.daily('03:00', '04:00').expression).toBe('03:00-04:00');
});

test('may cross midnight', () => {
  expect(BackupWindow.daily('23:45', '00:15').expression).toBe('23:45-00:15');
});

test.each([
  ['3:00', '04:00', "'3:00' is not a time of day"],
  ['03:00', '24:00', "'24:00' is not a time of day"],
  ['03:00', '3am', "'3am' is not a time of day"],
])('refuses %s to %s', (from, to, reason) => {
  expect(() => BackupWindow.daily(from, to)).toThrow(reason);
});

test('names both ends when both are wrong', () => {
  expect(() => BackupWindow.daily('noon', 'one')).toThrow(
    "'noon' is not a time of day, and 'one' is not a time of day",
  );
});

test.each([
  ['03:00', '03:29', 29],
  ['23:50', '00:10', 20],
  ['03:00', '03:00', 0],
])('refuses %s to %s, which RDS would', (from, to, minutes) => {
  expect(() => BackupWindow.daily(from, to)).toThrow(`it is ${minutes} minutes long, and RDS requires at least 30`);
});

describe('overlaps', () => {
  const overlaps = (from: string, to: string, maintenance: string) =>
    BackupWindow.daily(from, to).overlaps(maintenance);

  test.each([
    ['03:00', '04:00', 'sun:03:30-sun:04:30'],
    ['03:00', '04:00', 'sun:02:00-sun:05:00'],
    ['03:00', '04:00', 'wed:03:15-wed:03:45'],
    ['23:30', '00:30', 'mon:00:00-mon:01:00'],
    ['23:30', '00:30', 'sun:23:00-sun:23:45'],
    ['00:00', '01:00', 'sun:23:30-mon:00:30'],
    ['12:00', '13:00', 'fri:20:00-tue:06:00'],
    ['03:00', '04:00', 'Sun:03:30-Sun:04:30'],
  ])('%s-%s with %s', (from, to, maintenance) => {
    expect(overlaps(from, to, maintenance)).toBe(true);
  });

  test.each([
    ['03:00', '04:00', 'sun:04:00-sun:05:00'],
    ['03:00', '04:00', 'sun:02:00-sun:03:00'],
    ['23:30', '00:30', 'mon:00:30-mon:01:00'],
    ['00:30', '01:30', 'sun:23:30-mon:00:30'],
  ])('not %s-%s with %s: touching is not sharing', (from, to, maintenance) => {
    expect(overlaps(from, to, maintenance)).toBe(false);
  });

  test('refuses a maintenance window of another form', () => {
    expect(() => overlaps('03:00', '04:00', 'sunday 4am')).toThrow("write it as in 'sun:04:00-sun:05:00'");
  });
});

test('what is only known at deployment is not compared', () => {
  const parameter = new CfnParameter(newStack(), 'From').valueAsString;
  expect(BackupWindow.daily(parameter, '04:00').overlaps('sun:03:30-sun:04:30')).toBe(false);
  expect(BackupWindow.daily('03:00', '04:00').overlaps(parameter)).toBe(false);
});
