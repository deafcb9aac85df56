/**
 * The account that PostgreSQL runs under. It refuses to run as root, so root (a container, a CI machine) hands it to
 * an unprivileged account; an ordinary user runs it as is.
 */
import { readFileSync } from 'node:fs';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

let known: Account | undefined | null = null;

/** The unprivileged account to switch to, or undefined when the current one is unprivileged already. */
export function unprivilegedAccount(): Account | undefined {
  if (known !== null) return known;
  if (process.getuid?.() !== 0) {
    known = undefined;
    return known;
  }
  // initdb looks its user up by number, so a number that is not in the file would not do.
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Error(
      "PostgreSQL refuses to run as root, and /etc/passwd has no account 'nobody' to run it under; " +
        'run as an ordinary user, or add that account',
    );
  }
  known = { uid: Number(uid), gid: Number(gid) };
  return known;
}

/** All that PostgreSQL's programs get of our environment: where `cp` is, by which a server in recovery reads its archive. */
export function serverEnvironment(): { PATH: string; LC_ALL: string } {
  return { PATH: process.env.PATH || '/usr/bin:/bin', LC_ALL: 'C' };
}
