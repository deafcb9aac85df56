/** Paging and filters of RDS's Describe operations. */
import type { Filter } from '@aws-sdk/client-rds';
import { shown } from '../server/call';
import { notModelled, QueryError } from '../server/query-protocol';

const DEFAULT_PAGE = 100;

/**
 * One page of a list.
 *
 * @param key of an element; the list is ordered by it, and a marker names the last element returned, so that elements
 *   added or deleted between two pages don't shift the others
 */
export function page<T>(
  all: Iterable<T>,
  key: (item: T) => string,
  request: { MaxRecords?: number; Marker?: string },
): { items: T[]; Marker: string | undefined } {
  const size = request.MaxRecords ?? DEFAULT_PAGE;
  if (!Number.isInteger(size) || size < 20 || size > 100) {
    throw new QueryError('InvalidParameterValue', `Invalid value ${size} for MaxRecords. Must be between 20 and 100`);
  }
  const after = request.Marker === undefined ? '' : readMarker(request.Marker);
  const rest = [...all].filter((item) => key(item) > after).sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const items = rest.slice(0, size);
  const last = items.at(-1);
  const isMore = rest.length > items.length && last !== undefined;
  return { items, Marker: isMore ? Buffer.from(`after ${key(last)}`).toString('base64url') : undefined };
}

function readMarker(marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString();
  if (text.startsWith('after ')) return text.slice('after '.length);
  throw new QueryError('InvalidParameterValue', 'The parameter Marker is not valid');
}

/**
 * A predicate for the filters.
 *
 * @param known the value that each filter compares; other filters are refused, even when there is nothing to filter
 */
export function filtering<T>(
  filters: readonly Filter[] | undefined,
  known: Readonly<Record<string, (item: T) => string>>,
): (item: T) => boolean {
  const tests = (filters ?? []).map(({ Name, Values }) => {
    const look = Name !== undefined && Object.hasOwn(known, Name) ? known[Name] : undefined;
    if (!look) throw notModelled(`the filter '${shown(Name ?? '')}'`, `known here: ${Object.keys(known).join(', ')}`);
    return (item: T) => (Values ?? []).some((value) => value === look(item) || value.toLowerCase() === look(item));
  });
  return (item) => tests.every((test) => test(item));
}
