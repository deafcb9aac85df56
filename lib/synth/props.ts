/** Props as callers may hand them over who have no compiler: a misspelt one would be ignored silently. */
import { Construct } from 'constructs';
import { shown } from './durations';
import { refuseAll } from './problems';

/** The name of each property, and no other: the compiler sees to it. */
export type PropsOf<P> = { readonly [Name in keyof P]-?: true };

/**
 * The first thing that a construct or a Mixin does.
 *
 * @param made the construct or the Mixin
 * @param names all properties that it takes
 * @throws Error that names each property that it doesn't take, and the nearest that it does
 */
export function checkProps<P extends object>(made: object, props: P | undefined, names: PropsOf<P>): void {
  const of = made.constructor.name;
  const what = Construct.isConstruct(made) ? `${of} '${made.node.path}'` : of;
  refuseAll(what, unknownProblems(of, props ?? {}, names));
}

/**
 * The same for the options of a method, which has required ones.
 *
 * @param what what the method makes, with its path
 * @param method its name, as in `addDrill()`
 */
export function checkOptions<P extends object>(what: string, method: string, options: P, names: PropsOf<P>): void {
  const missing = `the options of ${method} are missing; there are: ${Object.keys(names).join(', ')}`;
  refuseAll(what, options === undefined ? [missing] : unknownProblems(method, options, names));
}

function unknownProblems(of: string, props: object, names: object): string[] {
  const unknown = Object.entries(props).filter(([name, value]) => value !== undefined && !(name in names));
  return unknown.map(([name, value]) => {
    const nearest = nearestOf(name, Object.keys(names));
    const remedy = nearest ? `did you mean '${nearest}'?` : `leave it out; there are: ${Object.keys(names).join(', ')}`;
    return `'${name}' is ${briefly(value)}, and ${of} has no such property, so it would have no effect; ${remedy}`;
  });
}

/**
 * @param has a property of each value of the kind
 * @param otherwise the consequence, and how a value of the kind is written
 */
export function kindProblems(name: string, value: unknown, has: string, otherwise: string): string[] {
  if (typeof value === 'object' && value !== null && has in value) return [];
  return [`'${name}' is ${briefly(value)}, so ${otherwise}`];
}

/**
 * The same, as the only check.
 *
 * @param what whose property it is, with its path
 */
export function requireKind(what: string, name: string, value: unknown, has: string, otherwise: string): void {
  refuseAll(what, kindProblems(name, value, has, otherwise));
}

/** The same for a list, which may be left out. */
export function listProblems(name: string, values: unknown, has: string, otherwise: string): string[] {
  if (values === undefined) return [];
  if (!Array.isArray(values)) return [`'${name}' is ${briefly(values)} and not a list, so ${otherwise}`];
  return values.flatMap((value, index) => kindProblems(`${name}[${index}]`, value, has, otherwise));
}

/** Objects may hold anything, secrets too. */
function briefly(value: unknown): string {
  if (Construct.isConstruct(value)) return `the construct '${value.node.path}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return shown(value);
  if ('toHumanString' in value && typeof value.toHumanString === 'function') return String(value.toHumanString());
  return Array.isArray(value) ? 'a list' : 'an object';
}

/** One that differs by a few letters. */
function nearestOf(name: string, names: readonly string[]): string | undefined {
  const near = names.map((other) => ({ other, steps: stepsBetween(name.toLowerCase(), other.toLowerCase()) }));
  const [first] = near.sort((one, other) => one.steps - other.steps);
  return first && first.steps <= Math.max(2, Math.floor(name.length / 3)) ? first.other : undefined;
}

/** A name of which the end is left out, or that has more of it, is as near as one with a wrong letter. */
function stepsBetween(one: string, other: string): number {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return short.length > 3 && long.startsWith(short) ? 1 : distance(one, other);
}

/** How many letters have to be added, removed or replaced. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, against] of [...other].entries()) {
      const replaced = (row[j] ?? 0) + (letter === against ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
