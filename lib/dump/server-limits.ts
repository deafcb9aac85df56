/** What of a server is certain to keep every connection from being made: its address, and who is to vouch for it. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { Token } from 'aws-cdk-lib';

/** ECS takes a definition of 64 KiB, and the shell of both containers takes its part of that. */
const MAX_BYTES = 32 * 1024;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of a PEM without what is written around them; other text as it is. */
export function certificatesIn(pem: string): string {
  if (Token.isUnresolved(pem) || pem.includes('PRIVATE KEY')) return pem;
  return pem.match(CERTIFICATE)?.join('\n') ?? pem;
}

export function serverProblems(host: string, port: number): string[] {
  const problems: string[] = [];
  if (!Token.isUnresolved(host)) {
    if (host === '') problems.push('its host is empty, so no server is meant; name the one to dump');
    else if (isIP(host) === 0 && !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(host)) {
      problems.push(
        // It may be a URL with a password.
        'its host is neither the name nor the address of a server, so nothing could be connected to; leave out scheme, user, ' +
          "port and database, as in 'db.shop.internal'",
      );
    } else if (host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))) {
      problems.push(`its host '${host}' is the dump's own task, which runs no server; name it as others reach it`);
    }
  }
  if (!Token.isUnresolved(port) && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    problems.push(`its port ${port} is none; take a whole number from 1 to 65535`);
  }
  return problems;
}

export function authorityProblems(pem: string): string[] {
  if (Token.isUnresolved(pem)) return [];
  if (pem.includes('PRIVATE KEY')) {
    return [
      'its certificate authorities come with a private key, which the template would publish; state certificates alone, and ' +
        'replace that key where it has been in a template',
    ];
  }
  const certificates = (pem.match(CERTIFICATE) ?? []).map(read);
  if (certificates.length === 0 || certificates.includes(undefined)) {
    return [
      'its certificate authorities are no PEM, so no server could be verified; state the text between and with the lines ' +
        'BEGIN CERTIFICATE and END CERTIFICATE',
    ];
  }
  // libpq follows a chain to its end, and takes it there from the file only.
  if (!certificates.some((certificate) => certificate && signedItself(certificate))) {
    return [
      "none of its certificate authorities is a root, which signs itself, so each chain would end at one that isn't trusted; add " +
        'the root',
    ];
  }
  if (Buffer.byteLength(pem) <= MAX_BYTES) return [];
  return [
    `its certificate authorities are ${Buffer.byteLength(pem)} bytes, and beside the rest of a task's definition ECS takes ` +
      `${MAX_BYTES}; state the ones that signed this server's certificate`,
  ];
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    // It says nothing but that it can't be read, which the caller does better.
    return undefined;
  }
}

const signedItself = (certificate: X509Certificate) =>
  certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
