/** Schemas that several requests share. Used inside the contract only. */
import * as v from 'valibot';

export const seconds = v.pipe(v.number(), v.gtValue(0, 'must be more than 0 seconds'));

export const whole = 'must be a whole number from 0';

export const count = v.pipe(
  v.number(),
  v.check((value) => Number.isInteger(value) && value >= 0, whole),
);

/** PostgreSQL ends texts at a NUL: what followed would be lost, or read as the next part of the message. */
export const withoutNul = v.pipe(
  v.string(),
  v.check((text) => !text.includes('\0'), 'must not hold a NUL character, which no text of PostgreSQL can'),
);

export const text = v.pipe(withoutNul, v.minLength(1, 'must not be empty'));

export const name = v.pipe(text, v.maxLength(255, 'must be 255 characters at most'));

/** JavaScript rounds larger whole numbers before they can be compared. */
export const exactNumber = v.pipe(
  v.number(),
  v.check(
    (value) => !Number.isInteger(value) || Number.isSafeInteger(value),
    'is a whole number beyond 2^53, which JavaScript rounds; expect its text in equals, or compare in the query and expect true',
  ),
);

/**
 * A name that people gave. It is part of evidence keys, which are split at slashes and allowed by IAM patterns, and of
 * metric dimensions, which must be ASCII: CloudWatch drops others, and an alarm on them would never fire.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
 */
export const label = v.pipe(
  v.string(),
  v.regex(/^(?=.*\S)(?!.*[*?])[ -.0-~]{1,100}$/, 'must be 1 to 100 printable ASCII characters without / * ?'),
);

export const identifier = v.pipe(v.string(), v.regex(/^[A-Za-z](-?[A-Za-z0-9])*$/, 'must be an RDS identifier'));

export const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export const moment = v.pipe(
  v.string(),
  v.regex(MOMENT, 'must be like 2026-11-01T10:00:00Z'),
  v.check((text) => !MOMENT.test(text) || isCalendarDate(text), 'must be a date of the calendar'),
);

/** JavaScript takes 31 February for 3 March. */
export function isCalendarDate(moment: string): boolean {
  const [year = 0, month = 0, day = 0] = moment.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day && !Number.isNaN(Date.parse(moment));
}

/** `table` or `schema.table`, as in the catalog: unquoted and case-sensitive. */
export const table = text;

export const accountId = v.pipe(v.string(), v.regex(/^\d{12}$/, 'must be an AWS account ID of 12 digits'));

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html */
export const tagValue = v.pipe(
  v.string(),
  v.regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u, 'must be 1 to 256 letters, digits, spaces or any of _.:/=+-@'),
);

/** Start of keys in a bucket: empty, or ending in a slash. */
export const keyPrefix = v.pipe(
  v.string(),
  v.regex(/^$|^[^/].*\/$/, 'must be empty, or end in a slash and not start with one'),
);

/** The error for a field that a request may not have, since it is deployed with the function. */
export const notChosen = (thing: string, chosen: string) => (issue: { expected: string | null; received: string }) =>
  issue.expected === 'never'
    ? `can't be set by a request, since it is deployed with the function; ${thing} takes ${chosen}`
    : `must be an object of ${chosen}, but is ${issue.received}`;
