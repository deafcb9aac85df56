/**
 * What S3 refuses in a lifecycle, what is needlessly expensive, and what does not do what it seems to.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 */
import { Duration, Token } from 'aws-cdk-lib';
import type { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { classOf, isBelow, unusedStorage } from './storage-classes';

type Rule = CfnBucket.RuleProperty;

/** The moves of objects through storage classes, and their deletion. */
interface Life {
  readonly what: string;
  readonly moves: readonly { readonly storageClass: string; readonly day: number }[];
  readonly end: number | undefined;
  readonly endProperty: string;
}

/**
 * Rules that S3 would refuse, or that would delete what another rule keeps; one sentence each.
 *
 * @param rules resolved; numbers unknown at synth are not compared
 */
export function lifecycleProblems(rules: readonly Rule[]): string[] {
  const enabled = rules.filter(({ status }) => status === 'Enabled');
  return [
    ...enabled.flatMap((rule) => livesOf(rule).flatMap(lifeProblems)),
    ...enabled.flatMap(countProblems),
    ...overlaps(enabled),
    ...rules.flatMap(longNames),
    ...(rules.length > 1000 ? [`it has ${rules.length} lifecycle rules, and S3 allows 1,000; combine some`] : []),
  ];
}

/** Rules whose expired objects stay as noncurrent versions of a versioned bucket. One sentence each. */
export function versionsForEver(rules: readonly Rule[]): string[] {
  const enabled = rules.filter(({ status }) => status === 'Enabled');
  return enabled.flatMap((rule) => {
    const expiry = numberOf(rule.expirationInDays);
    if (expiry === undefined || enabled.some((other) => deletesVersionsOf(rule, other))) return [];
    return [
      `${nameOf(rule)}: objects expire after ${expiry} days, and the bucket is versioned, so each stays as a noncurrent version that ` +
        'no rule deletes, and is billed forever; add noncurrentVersionExpiration to the rule',
    ];
  });
}

function deletesVersionsOf(rule: Rule, other: Rule): boolean {
  const { noncurrentVersionExpiration, noncurrentVersionExpirationInDays } = other;
  if ((noncurrentVersionExpiration ?? noncurrentVersionExpirationInDays) === undefined) return false;
  // A prefix unknown at synth is not compared: it may be that wide.
  if (other === rule || [rule.prefix, other.prefix].some(isLater)) return true;
  return !other.tagFilters && (rule.prefix ?? '').startsWith(other.prefix ?? '');
}

/** Rules that match nothing, since keys usually start without a slash. One sentence each. */
export function rulesOfNothing(rules: readonly Rule[]): string[] {
  return rules.flatMap((rule) =>
    rule.status === 'Enabled' && !isLater(rule.prefix) && rule.prefix?.startsWith('/')
      ? [
          `${nameOf(rule)}: its prefix '${rule.prefix}' starts with a slash, and S3 keys don't, so it moves and deletes ` +
            `nothing; write '${rule.prefix.replace(/^\/+/, '')}', or leave the prefix out for all objects`,
        ]
      : [],
  );
}

/** Objects deleted before the minimum storage time of their class, and what that costs; one sentence each. */
export function earlyDeletions(rules: readonly Rule[]): string[] {
  return rules.flatMap((rule) => {
    const [objects, versions] = livesOf(rule);
    return [...(objects ? unpaid({ ...objects, end: goneAfter(rule) }) : []), ...(versions ? unpaid(versions) : [])];
  });
}

function unpaid({ what, moves, end }: Life): string[] {
  const last = moves.at(-1);
  const storageClass = last && classOf(last.storageClass);
  const stored = last && end !== undefined ? end - last.day : undefined;
  if (!storageClass || stored === undefined || stored >= storageClass.minimumDays) return [];
  return [
    `${what} are deleted ${stored} days after they moved to ${unusedStorage(storageClass, stored)}; keep them ` +
      `${storageClass.minimumDays - stored} days longer, or remove the move`,
  ];
}

/**
 * Objects written into a class that move on or are deleted before its minimum storage time, and what that costs; one
 * sentence a rule. An expired object stays as a noncurrent version for as long as the rule says.
 *
 * @param prefix of the keys; each is written once
 */
export function leftBeforePaid(rules: readonly Rule[], prefix: string, storageClass: string): string[] {
  const written = classOf(storageClass);
  if (!written) return [];
  const applied = rules.filter((rule) => rule.status === 'Enabled' && !rule.tagFilters && coversAll(rule, prefix));
  return applied.flatMap((rule) => {
    const lower = movesOf(rule.transitions).find(({ storageClass: to }) => isBelow(to, written));
    const [left, how] = lower ? [lower.day, `move to ${lower.storageClass}`] : [goneAfter(rule), 'are deleted'];
    if (left === undefined || left >= written.minimumDays) return [];
    return [
      `${nameOf(rule)}: objects under '${prefix}' ${how} ${left} days after they were written to ${unusedStorage(written, left)}; keep ` +
        `them there for ${written.minimumDays} days, or write them to another class`,
    ];
  });
}

const coversAll = (rule: Rule, prefix: string) =>
  !isLater(rule.prefix) &&
  prefix.startsWith(rule.prefix ?? '') &&
  rule.objectSizeGreaterThan === undefined &&
  rule.objectSizeLessThan === undefined;

/**
 * Days until an object is deleted permanently: an expired one stays as a noncurrent version, in its class. Undefined if
 * something stays forever, or is unknown at synth.
 */
function goneAfter(rule: Rule): number | undefined {
  const [objects, versions] = livesOf(rule);
  const noncurrent = rule.noncurrentVersionExpiration as CfnBucket.NoncurrentVersionExpirationProperty | undefined;
  if (objects?.end === undefined || versions?.end === undefined) return undefined;
  return noncurrent?.newerNoncurrentVersions === undefined ? objects.end + versions.end : undefined;
}

/** Rules that expire objects before their lock ends: they stay, and are billed, until then. One sentence each. */
export function outlastedByLock(rules: readonly Rule[], lockDays: number): string[] {
  return rules.flatMap((rule) => {
    const expiry = numberOf(rule.expirationInDays);
    if (expiry === undefined || expiry >= lockDays) return [];
    return [
      `${nameOf(rule)}: objects expire after ${expiry} days and are locked for ${lockDays}, so expiry only hides them, and ` +
        `they are billed until day ${lockDays}; lock them for at most ${expiry} days, or keep them for ${lockDays}`,
    ];
  });
}

export const movesObjects = (rules: readonly Rule[]) => rules.some((rule) => livesOf(rule).some((l) => l.moves.length));

function nameOf({ id, prefix }: Rule): string {
  const stated = [id, prefix].filter((name) => name !== undefined);
  const name = stated.find((each) => !isLater(each));
  return `lifecycle '${name ?? (stated.length > 0 ? 'name unknown at synth' : 'without a name')}'`;
}

function livesOf(rule: Rule): Life[] {
  const noncurrent = rule.noncurrentVersionExpiration as CfnBucket.NoncurrentVersionExpirationProperty | undefined;
  return [
    {
      what: `${nameOf(rule)}: objects`,
      moves: movesOf(rule.transitions),
      end: numberOf(rule.expirationInDays),
      endProperty: 'expireAfter',
    },
    {
      what: `${nameOf(rule)}: noncurrent versions`,
      moves: movesOf(rule.noncurrentVersionTransitions),
      end: numberOf(noncurrent?.noncurrentDays ?? rule.noncurrentVersionExpirationInDays),
      endProperty: 'noncurrentVersions.expireAfter',
    },
  ];
}

type Transitions = Rule['transitions'] | Rule['noncurrentVersionTransitions'];

function movesOf(transitions: Transitions): Life['moves'] {
  if (!Array.isArray(transitions)) return [];
  const stated = transitions as { storageClass: string; transitionInDays?: number }[];
  const dated = stated.flatMap(({ storageClass, transitionInDays }) => {
    const day = numberOf(transitionInDays);
    return day === undefined ? [] : [{ storageClass, day }];
  });
  return dated.sort((one, other) => one.day - other.day);
}

function lifeProblems({ what, moves, end, endProperty }: Life): string[] {
  const problems: string[] = [];
  for (const { storageClass, day } of moves) {
    const earliest = classOf(storageClass)?.earliestDay ?? 0;
    if (!isWhole(day, 0))
      problems.push(`${what} move to ${storageClass} after ${inWords(day)}, and S3 takes only whole days; round it`);
    else if (day < earliest) {
      problems.push(
        `${what} move to ${storageClass} after ${day} days, and S3 allows that after ${earliest} days at the earliest; ` +
          `move them at ${earliest} days or later`,
      );
    }
  }
  moves.slice(1).forEach((next, index) => {
    const before = moves[index] as (typeof moves)[number];
    const upper = classOf(before.storageClass);
    const lower = classOf(next.storageClass);
    if (!upper || !lower) return;
    if (!isBelow(lower.name, upper)) {
      problems.push(
        `${what} move from ${upper.name} (day ${before.day}) to ${lower.name} (day ${next.day}), and S3 moves objects only ` +
          'downwards: STANDARD_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE; put the moves in that order',
      );
    } else if (next.day - before.day < upper.minimumDays) {
      problems.push(
        `${what} move to ${lower.name} ${next.day - before.day} days after they moved to ${upper.name}, and S3 requires ` +
          `${upper.minimumDays} days there within one rule; move them at day ${before.day + upper.minimumDays} or later`,
      );
    }
  });
  const last = moves.at(-1);
  if (end !== undefined && !isWhole(end, 1)) {
    problems.push(`${what} are deleted after ${inWords(end)}, and S3 takes whole days from 1; round ${endProperty}`);
  } else if (end !== undefined && last && end <= last.day) {
    problems.push(
      `${what} are deleted after ${end} days and move to ${last.storageClass} after ${last.day}, so S3 would refuse the ` +
        `rule; delete them later than day ${last.day}, or remove the move`,
    );
  }
  return problems;
}

function countProblems(rule: Rule): string[] {
  const { noncurrentVersionExpiration: noncurrent, abortIncompleteMultipartUpload: upload } = rule;
  const kept = numberOf((noncurrent as CfnBucket.NoncurrentVersionExpirationProperty)?.newerNoncurrentVersions);
  const days = numberOf((upload as CfnBucket.AbortIncompleteMultipartUploadProperty)?.daysAfterInitiation);
  const problems: string[] = [];
  if (kept !== undefined && !(isWhole(kept, 1) && kept <= 100)) {
    problems.push(`${nameOf(rule)}: 'keepNewest' is ${kept} noncurrent versions, and S3 takes 1 to 100; keep 1 to 100`);
  }
  if (days !== undefined && !isWhole(days, 1)) {
    problems.push(
      `${nameOf(rule)}: unfinished uploads are deleted after ${inWords(days)}, and S3 takes whole days from 1; round it up`,
    );
  }
  return problems;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html */
function longNames({ id }: Rule): string[] {
  if (id === undefined || isLater(id) || id.length <= 255) return [];
  return [
    `the name of lifecycle rule '${id.slice(0, 20)}...' has ${id.length} characters, and S3 allows 255; shorten it, or its prefix`,
  ];
}

/** If prefixes overlap, the rule that deletes earlier wins, even if its prefix is wider. */
function overlaps(rules: readonly Rule[]): string[] {
  const plain = rules.filter((rule) => !rule.tagFilters && !isLater(rule.prefix));
  return plain.flatMap((wider, index) =>
    plain.flatMap((narrower, other) => {
      const [wide = '', narrow = ''] = [wider.prefix, narrower.prefix];
      if (index === other || !narrow.startsWith(wide)) return [];
      if (wide === narrow && wider.id !== undefined && wider.id === narrower.id) {
        return index < other ? [`${nameOf(wider)} is stated twice, so S3 would refuse both; state it once`] : [];
      }
      const early = numberOf(wider.expirationInDays);
      const late = numberOf(narrower.expirationInDays);
      if (early === undefined || (late !== undefined && late <= early) || !keepsObjects(narrower)) return [];
      return [
        `${nameOf(wider)} deletes everything under '${wide}' after ${early} days, and ${nameOf(narrower)} keeps '${narrow}' ` +
          `${late === undefined ? 'forever' : `for ${late} days`}, so S3 would delete those after ${early} days, too; use prefixes that don't overlap`,
      ];
    }),
  );
}

const keepsObjects = (rule: Rule) => rule.expirationInDays !== undefined || movesOf(rule.transitions).length > 0;
/** Parts of a day, from durations in hours, are written in hours. */
const inWords = (days: number) =>
  Number.isInteger(days) || days < 0 ? `${days} days` : Duration.days(days).toHumanString();
/** A token, or what one was resolved to. */
const isLater = (value: unknown) => value !== undefined && (typeof value !== 'string' || Token.isUnresolved(value));
const isWhole = (value: number, least: number) => Number.isInteger(value) && value >= least;
const numberOf = (value: unknown) => (typeof value === 'number' && !Token.isUnresolved(value) ? value : undefined);
