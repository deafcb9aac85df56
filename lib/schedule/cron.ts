/**
 * On which days a cron expression of EventBridge Scheduler fires.
 *
 * Its fields: minutes, hours, day of month, month, day of week (1 is Sunday), year; one of the two day fields is `?`.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
 */
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** Long enough for a fifth Friday in February, and without a year like 2100, which is not a leap year. */
const FIRST_YEAR = 2024;
const LAST_YEAR = 2064;

/**
 * The largest number of days from one firing to the next; undefined when it never fires.
 *
 * @param fields the six fields of the expression
 * @throws Error that names the field that EventBridge Scheduler would refuse
 */
export function longestGapInDays(fields: readonly string[]): number | undefined {
  let previous: number | undefined;
  let longest = 0;
  for (const day of parse(fields).days) {
    if (previous !== undefined) longest = Math.max(longest, day - previous);
    previous = day;
  }
  return previous === undefined || longest === 0 ? undefined : longest;
}

/**
 * The minutes of a week at which it may fire, in its own time zone; Sunday at 00:00 is 0.
 *
 * @param fields the six fields of the expression
 */
export function minutesOfWeek(fields: readonly string[]): number[] {
  const { days, hours, minutes } = parse(fields);
  const weekdays = new Set(days.map(weekdayOf));
  return [...weekdays].flatMap((weekday) =>
    [...hours].flatMap((hour) => [...minutes].map((minute) => (weekday * 24 + hour) * 60 + minute)),
  );
}

interface Firing {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  /** Every day on which it fires, from the first to the last year checked, in days since 1970. */
  readonly days: readonly number[];
}

function parse(fields: readonly string[]): Firing {
  const [minutes, hours, dayOfMonth, month, dayOfWeek, year] = fields;
  if (minutes === undefined || hours === undefined || year === undefined || fields.length !== 6) {
    throw new Error('it needs six fields: minutes, hours, day of month, month, day of week, year');
  }
  if (year !== '*') throw new Error(`the year '${year}' would end the schedule; write '*'`);
  if ((dayOfMonth === '?') === (dayOfWeek === '?')) {
    throw new Error(`exactly one of day of month '${dayOfMonth}' and day of week '${dayOfWeek}' must be '?'`);
  }
  const firing = { minutes: values('minutes', minutes, 0, 59), hours: values('hours', hours, 0, 23) };
  const months = values('month', month as string, 1, 12, MONTHS);
  const onDay = dayOfMonth === '?' ? onWeekday(dayOfWeek as string) : onDate(dayOfMonth as string);
  const days: number[] = [];
  let number = Date.UTC(FIRST_YEAR, 0, 1) / 86_400_000;
  for (let at = 0; at <= (LAST_YEAR - FIRST_YEAR) * 12 + 11; at++) {
    const last = daysIn(FIRST_YEAR + Math.floor(at / 12), at % 12);
    for (let date = 1; date <= last; date++, number++) {
      if (months.has((at % 12) + 1) && onDay({ date, last, weekday: weekdayOf(number) })) days.push(number);
    }
  }
  return { ...firing, days };
}

interface Day {
  /** Of the month. */
  readonly date: number;
  /** Last day of the month. */
  readonly last: number;
  /** Sunday is 0. */
  readonly weekday: number;
}

type OnDay = (day: Day) => boolean;

function onDate(field: string): OnDay {
  if (field === 'L') return ({ date, last }) => date === last;
  if (field === 'LW') return (day) => day.date === nearestWeekday(day, day.last);
  const nearest = /^(\d{1,2})W$/.exec(field)?.[1];
  if (nearest) {
    const [day] = values('day of month', nearest, 1, 31);
    return (at) => (day as number) <= at.last && at.date === nearestWeekday(at, day as number);
  }
  const dates = values('day of month', field, 1, 31);
  return ({ date }) => dates.has(date);
}

function onWeekday(field: string): OnDay {
  const [, name, mark] = /^(\w+?)(L|#[1-5])$/.exec(field) ?? [];
  const weekdays = values('day of week', name ?? field, 1, 7, WEEKDAYS);
  const nth = mark?.startsWith('#') ? Number(mark[1]) : undefined;
  return ({ date, last, weekday }) => {
    if (!weekdays.has(weekday + 1)) return false;
    if (nth) return Math.ceil(date / 7) === nth;
    return mark === 'L' ? date + 7 > last : true;
  };
}

/** The numbers of a field such as `1,5-7,10/2`. */
function values(what: string, field: string, first: number, last: number, names: readonly string[] = []): Set<number> {
  const refuse = (): never => {
    throw new Error(`${what} '${field}' is not within ${first} to ${last}, nor a list, range or step of these`);
  };
  const number = (text: string): number => {
    const value = names.includes(text) ? names.indexOf(text) + 1 : /^\d+$/.test(text) ? Number(text) : refuse();
    return value < first || value > last ? refuse() : value;
  };
  const found = new Set<number>();
  for (const part of field.toUpperCase().split(',')) {
    const [range = '', step] = part.split('/');
    const [from = '', to] = range.split('-');
    const start = from === '*' ? first : number(from);
    const end = to !== undefined ? number(to) : from === '*' || step !== undefined ? last : start;
    const by = step === undefined ? 1 : /^[1-9]\d*$/.test(step) ? Number(step) : refuse();
    if (end < start) refuse();
    for (let value = start; value <= end; value += by) found.add(value);
  }
  return found;
}

/** Day 0, 1 January 1970, was a Thursday; Sunday is 0. */
const weekdayOf = (day: number) => (day + 4) % 7;

/** @param month from 0 */
const daysIn = (year: number, month: number) => new Date(Date.UTC(year, month + 1, 0)).getUTCDate();

/** Day of the month of the weekday nearest to a day, without leaving the month. */
function nearestWeekday({ date, last, weekday }: Day, day: number): number {
  const onDay = (((weekday + day - date) % 7) + 7) % 7;
  if (onDay === 6) return day === 1 ? 3 : day - 1;
  if (onDay === 0) return day === last ? day - 2 : day + 1;
  return day;
}
