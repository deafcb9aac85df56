/** Tags, with RDS's rules. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html */
import type { Tag } from '@aws-sdk/client-rds';
import { shown } from '../server/call';
import { QueryError } from '../server/query-protocol';

const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const LONGEST = { Key: 128, Value: 256 };
const MOST_TAGS = 50;

/** Inherited tags and passed ones; the passed ones win. */
export function mergeTags(inherited: readonly Tag[], passed: readonly Tag[] | undefined): Tag[] {
  const merged = [...new Map([...inherited, ...checkedTags(passed)].map((tag) => [tag.Key, tag])).values()];
  return refuseBeyond(merged);
}

/** Passed tags; only AWS itself sets tags with its own prefix. */
export function checkedTags(passed: readonly Tag[] = []): Tag[] {
  const refuse = (message: string) => new QueryError('InvalidParameterValue', message);
  for (const { Key = '', Value = '' } of passed) {
    if (/^aws:/i.test(Key)) throw refuse('Tag keys cannot start with the reserved prefix for system tags: aws:');
    if (Key === '' || Key.length > LONGEST.Key || !CHARACTERS.test(Key)) {
      throw refuse(`Invalid tag key: '${shown(Key)}'. It has 1 to 128 letters, digits, spaces and _.:/=+-@`);
    }
    if (Value.length > LONGEST.Value || !CHARACTERS.test(Value)) {
      throw refuse(`Invalid tag value: '${shown(Value)}'. It has up to 256 letters, digits, spaces and _.:/=+-@`);
    }
  }
  return refuseBeyond([...passed]);
}

function refuseBeyond(tags: Tag[]): Tag[] {
  if (tags.length <= MOST_TAGS) return tags;
  throw new QueryError('InvalidParameterValue', `A resource has ${MOST_TAGS} tags at most.`);
}
