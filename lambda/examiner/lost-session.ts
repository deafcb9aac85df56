/**
 * Why there is no session on the restored instance: whether another try may help, and what evidence may say about it.
 */
import { DatabaseError } from 'pg';
import { MessageTooLong } from './client';
import { isFromFunction, printable, whatPostgresSaid, whatPostgresSaidOfStatement } from './postgres-error';

/** Worth another try soon: the copy is starting, or its new password is not in force yet. */
export class CopyNotReady extends Error {
  public override name = 'CopyNotReady';
}

/** The server did not even answer that it had cut a statement off. */
export class CopySilent extends CopyNotReady {}

/** The server ended the session without having been told to: what it was reading may have made it crash. */
export class CopyCrashed extends CopyNotReady {}

/** The server ended this session and goes on: a function that it ran told it to, or an administrator. */
export class SessionEnded extends CopyNotReady {}

/** The server cancelled a statement, since its time was over. */
export class OutOfTime extends Error {}

/** Another try would meet the same. */
export class CopyRefused extends Error {
  public override name = 'CopyRefused';
}

/** Starting up, shutting down, out of connections; and a password that RDS has accepted but not yet applied. */
const PASSING_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '28P01', '08000', '08003', '08006']);
const PASSING_FAULTS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND', // a new endpoint's name spreads slowly
  'EAI_AGAIN',
]);

/** What an error was that ended the session. Its text may quote rows, where a setting makes every error end it. */
export function ended(where: string, error: DatabaseError | MessageTooLong): Error {
  if (error instanceof MessageTooLong) return new SessionEnded(`${where} sent ${error.message}; try again`);
  // The server crashed, so it ended all of them.
  const kind = error.code === '57P02' ? CopyCrashed : SessionEnded;
  return new kind(
    `${where} ended the session (${whatPostgresSaid(error)}), so nothing more could be checked; try again`,
  );
}

/** Built from codes and the server's words, never from what was sent: the password can't be in it. */
export function unreachable(where: string, error: unknown): Error {
  const { code, message } = error as { code?: string; message?: string };
  if (error instanceof DatabaseError && isFromFunction(error)) {
    return new CopyRefused(
      `a login trigger of the restored instance refuses sessions (${whatPostgresSaidOfStatement(error)}), so nothing could be checked; ` +
        'let it pass the master user, or disable it in the source',
    );
  }
  const said = printable(message || code || 'it did not say why');
  const passing = code
    ? PASSING_STATES.has(code) || PASSING_FAULTS.has(code)
    : /^(Connection terminated|timeout expired|Client has encountered a connection error)/.test(said);
  if (passing) {
    const crashed = code === undefined || ['57P02', 'ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(code);
    return new (crashed ? CopyCrashed : CopyNotReady)(
      `${where} takes no connection or lost it (${said}), so nothing could be checked; try again`,
    );
  }
  if (isCertificateFault(code)) {
    return new CopyRefused(
      `${where} showed a certificate that can't be trusted (${said}), so no password was sent; ` +
        'the restored instance must serve a certificate of the RDS authorities for this host name',
    );
  }
  return new CopyRefused(`${where} refused the session (${said}), so nothing could be checked`);
}

/** Node names OpenSSL's verification results, such as SELF_SIGNED_CERT_IN_CHAIN, and its own by ERR_TLS_. */
const isCertificateFault = (code: string | undefined): boolean =>
  code !== undefined && (code.startsWith('ERR_TLS_CERT') || /CERT|ISSUER|SIGNATURE/.test(code));
