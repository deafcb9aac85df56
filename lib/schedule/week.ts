/**
 * Whether a backup job overlaps a window of RDS. AWS Backup's jobs fail when they are due during the automated backup
 * or the maintenance, or within the hour before.
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/rds-backup.html
 */
import { type TimeZone, Token } from 'aws-cdk-lib';
import { dailyWindow, weeklyWindow } from '../../lambda/contract';
import { minutesOfWeek } from './cron';
import type { Recurrence } from './recurrence';

const DAY = 24 * 60;
const WEEK = 7 * DAY;
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const HOUR_BEFORE = 60;

/** Part of each week, in minutes of UTC from Sunday 00:00. */
export interface WeekSpan {
  readonly from: number;
  readonly minutes: number;
}

/** @param window hh:mm-hh:mm; undefined or unknown at synth gives nothing */
export function backupSpans(window: string | undefined): WeekSpan[] {
  if (window === undefined || Token.isUnresolved(window)) return [];
  const daily = dailyWindow(window);
  return daily ? WEEKDAYS.map((_, day) => ({ ...daily, from: day * DAY + daily.from })) : [];
}

/** @param window ddd:hh:mm-ddd:hh:mm; undefined or unknown at synth gives nothing */
export function maintenanceSpans(window: string | undefined): WeekSpan[] {
  if (window === undefined || Token.isUnresolved(window)) return [];
  const weekly = weeklyWindow(window);
  return weekly ? [weekly] : [];
}

export type Meeting = 'due in it' | 'may start in it' | 'never';

/**
 * Whether jobs of a schedule are due or may start in a span or the hour before it.
 *
 * @param startMinutes how long after their scheduled time jobs may start
 */
export function meeting(due: readonly number[], startMinutes: number, spans: readonly WeekSpan[]): Meeting {
  let nearest: Meeting = 'never';
  for (const { from, minutes } of spans) {
    const opens = from - HOUR_BEFORE;
    for (const moment of due) {
      if (modulo(moment - opens) < minutes + HOUR_BEFORE) return 'due in it';
      if (modulo(opens - moment) < startMinutes) nearest = 'may start in it';
    }
  }
  return nearest;
}

/** The minutes of the week, in UTC, at which a schedule fires in summer or in winter. */
export function dueInUtc(schedule: Recurrence): number[] {
  const local = minutesOfWeek(fieldsOf(schedule));
  const all = offsets(schedule.expression.timeZone);
  return [...new Set(all.flatMap((offset) => local.map((minute) => modulo(minute - offset))))];
}

/**
 * Times from each job of some schedules to the next, in minutes, without changes to summer time. If any schedule is
 * weekly, those by date are left out.
 */
export function gapsBetween(schedules: readonly Recurrence[]): number[] {
  const weekly = schedules.filter(isWeekly);
  if (weekly.length === 0) return schedules.map(({ longestGap }) => longestGap.toMinutes());
  const moments = weekly.flatMap((schedule) => {
    const [offset = 0] = offsets(schedule.expression.timeZone);
    return minutesOfWeek(fieldsOf(schedule)).map((minute) => modulo(minute - offset));
  });
  return apart(moments);
}

/** The shortest time from one job of a schedule to the next on a day with jobs, in minutes. */
export const shortestGap = (schedule: Recurrence) => Math.min(...apart(minutesOfWeek(fieldsOf(schedule))));

/** From each minute of the week to the next, around its end. */
function apart(moments: readonly number[]): number[] {
  const due = [...new Set(moments)].sort((one, other) => one - other);
  return due.map((moment, index) => modulo((due[index + 1] ?? (due[0] as number)) - moment) || WEEK);
}

function isWeekly(schedule: Recurrence): boolean {
  const [, , dayOfMonth = '', month, dayOfWeek = ''] = fieldsOf(schedule);
  return /^[*?]$/.test(dayOfMonth) && month === '*' && !/[#L]/.test(dayOfWeek);
}

const fieldsOf = ({ expression: { expressionString } }: Recurrence) =>
  expressionString
    .replace(/^cron\((.*)\)$/, '$1')
    .trim()
    .split(/\s+/);

/** Minutes that a zone is ahead of UTC, through the year. */
function offsets(zone: TimeZone | undefined): number[] {
  if (zone === undefined || Token.isUnresolved(zone.timezoneName)) return [0];
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone.timezoneName, timeZoneName: 'longOffset' });
  const year = new Date().getUTCFullYear();
  const months = Array.from({ length: 12 }, (_, month) => new Date(Date.UTC(year, month, 15)));
  return [...new Set(months.map((date) => offset(format.formatToParts(date))))];
}

function offset(parts: Intl.DateTimeFormatPart[]): number {
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d+):(\d+)/.exec(name) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

const modulo = (minutes: number) => ((minutes % WEEK) + WEEK) % WEEK;
