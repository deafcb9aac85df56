/** Patterns of IAM's: `*` stands for any characters, `?` for one. */

/** Stands for any characters but a slash, which names of buckets can't hold. */
export const NAME = '\u0001';

export function like(text: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}

/** Whether some text fits both patterns. */
export function overlap(one: string, other: string): boolean {
  const seen = new Map<number, boolean>();
  const from = (i: number, j: number): boolean => {
    const at = i * (other.length + 1) + j;
    const known = seen.get(at);
    if (known !== undefined) return known;
    seen.set(at, false);
    const answer = compare(i, j);
    seen.set(at, answer);
    return answer;
  };
  const compare = (i: number, j: number): boolean => {
    const [a, b] = [one[i], other[j]];
    if (a === undefined && b === undefined) return true;
    if (a === '*' || a === NAME)
      return from(i + 1, j) || (b !== undefined && !(a === NAME && b === '/') && from(i, j + 1));
    if (b === '*' || b === NAME)
      return from(i, j + 1) || (a !== undefined && !(b === NAME && a === '/') && from(i + 1, j));
    return a !== undefined && b !== undefined && (a === b || a === '?' || b === '?') && from(i + 1, j + 1);
  };
  return from(0, 0);
}
