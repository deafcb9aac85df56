/** A hold: while one is in force, no backup of its target is deleted because of its age or number. */
import * as v from 'valibot';
import { identifier, moment } from './fields';

export const holdTarget = v.strictObject({
  kind: v.picklist(['database', 'cache']),
  /** Identifier of the RDS instance, or id of the cache. */
  id: identifier,
});

export type HoldTarget = v.InferOutput<typeof holdTarget>;

const line = (most: number) =>
  v.pipe(v.string(), v.regex(new RegExp(`^[^\\p{C}]{1,${most}}$`, 'u'), `must be one line of 1 to ${most} characters`));

/** What a parameter of a hold says. It ends by itself at `until`, so that a forgotten one does not fill a quota. */
export const hold = v.pipe(
  v.strictObject({
    reason: line(500),
    /** Who set it, in their own words. Who it was for AWS, CloudTrail knows. */
    by: line(200),
    since: moment,
    until: moment,
  }),
  v.check(
    ({ since, until }) => Date.parse(until) > Date.parse(since),
    'until must be later than since, or nothing would be held',
  ),
  v.check(
    ({ since, until }) => Date.parse(until) - Date.parse(since) <= HOLD_MOST_DAYS * DAY,
    'until must be within 90 days of since; a recovery that takes longer sets the hold again',
  ),
);

export type Hold = v.InferOutput<typeof hold>;

const DAY = 86_400_000;

/** Longer ones would let what is kept grow to the quota of snapshots unseen. */
export const HOLD_MOST_DAYS = 90;

/** From which age of a hold on somebody is told. */
export const HOLD_IS_OLD_DAYS = 7;

export const HOLD_PATH = '/lifeboat/hold';

/** Parameter of SSM's Parameter Store that says so, in each region where backups of the target are pruned. */
export const holdParameter = ({ kind, id }: HoldTarget) => `${HOLD_PATH}/${kind}/${id}`;
