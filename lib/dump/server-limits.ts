/** Problems of a server's address and certificate authorities that would make every connection fail. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { Token } from 'aws-cdk-lib';

/** ECS takes a task definition of 64 KiB, of which the scripts of both containers take a part. */
const MAX_BYTES = 32 * 1024;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of a PEM without the text around them; if there are none, the text unchanged. */
export function certificatesIn(pem: string): string {
  if (Token.isUnresolved(pem) || pem.includes('PRIVATE KEY')) return pem;
  return pem.match(CERTIFICATE)?.join('\n') ?? pem;
}

export function serverProblems(host: string, port: number): string[] {
  const problems: string[] = [];
  if (!Token.isUnresolved(host)) {
    if (host === '') problems.push("'host' is empty; state the server to dump");
    else if (isIP(host) === 0 && !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(host)) {
      problems.push(
        // It may be a URL with a password.
        "'host' is not the name or address of a server, so connections would fail; leave out scheme, user, port and database, " +
          "as in 'db.shop.internal'",
      );
    } else if (host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))) {
      problems.push(
        `'host' is '${host}', which is the dump's own task and runs no server; state the name by which other hosts reach the server`,
      );
    }
  }
  if (!Token.isUnresolved(port) && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    problems.push(`'port' is ${port}, not a whole number from 1 to 65535; state the server's port`);
  }
  return problems;
}

export function authorityProblems(pem: string): string[] {
  if (Token.isUnresolved(pem)) return [];
  if (pem.includes('PRIVATE KEY')) {
    return [
      "'certificateAuthorities' contains a private key, which the template would publish; state only certificates, and replace " +
        'the key if it has been in a template',
    ];
  }
  const certificates = (pem.match(CERTIFICATE) ?? []).map(read);
  if (certificates.length === 0 || certificates.includes(undefined)) {
    return [
      "'certificateAuthorities' is not PEM, so no server could be verified; state the text from the line BEGIN CERTIFICATE to the " +
        'line END CERTIFICATE, both included',
    ];
  }
  // libpq follows a chain to its root, which must be in the file.
  if (!certificates.some((certificate) => certificate && signedItself(certificate))) {
    return [
      "'certificateAuthorities' has no root (a self-signed certificate), so no certificate could be verified; add the root",
    ];
  }
  if (Buffer.byteLength(pem) <= MAX_BYTES) return [];
  return [
    `'certificateAuthorities' has ${Buffer.byteLength(pem)} bytes, and a task definition has room for ${MAX_BYTES}; state only ` +
      "those that signed this server's certificate",
  ];
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    // The error only says that it can't be read; the caller says it better.
    return undefined;
  }
}

const signedItself = (certificate: X509Certificate) =>
  certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
