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

/** Content of a hold's parameter. A hold ends by itself at `until`, so that a forgotten one does not use up a quota. */
export const hold = v.pipe(
  v.strictObject({
    reason: line(500),
    /** The person who set it, as they named themselves. CloudTrail has their AWS identity. */
    by: line(200),
    since: moment,
    until: moment,
  }),
  v.check(
    ({ since, until }) => Date.parse(until) > Date.parse(since),
    'until must be later than since, or the hold would never be in force',
  ),
  v.check(
    ({ since, until }) => Date.parse(until) - Date.parse(since) <= HOLD_MOST_DAYS * DAY,
    'until must be within 90 days of since; a recovery that takes longer sets the hold again',
  ),
);

export type Hold = v.InferOutput<typeof hold>;

const DAY = 86_400_000;

/** During longer holds, kept snapshots could use up the quota unnoticed. */
export const HOLD_MOST_DAYS = 90;

/** An alarm fires once a hold is older than this. */
export const HOLD_IS_OLD_DAYS = 7;

export const HOLD_PATH = '/lifeboat/hold';

/** Its parameter in SSM's Parameter Store, in each region where backups of the target are pruned. */
export const holdParameter = ({ kind, id }: HoldTarget) => `${HOLD_PATH}/${kind}/${id}`;
