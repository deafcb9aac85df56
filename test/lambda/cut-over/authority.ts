/** A certificate authority of its own for each test, and certificates from it: as DER, which Node can read but not make. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

type Bytes = Buffer;

function tagged(tag: number, ...parts: readonly Bytes[]): Bytes {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

const sequence = (...parts: readonly Bytes[]) => tagged(0x30, ...parts);
const oid = (hex: string) => tagged(0x06, Buffer.from(hex, 'hex'));
const bits = (bytes: Bytes) => tagged(0x03, Buffer.from([0]), bytes);
const utc = (time: Date) => tagged(0x17, Buffer.from(`${time.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
const named = (name: string) => sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(name)))));
const extension = (id: string, value: Bytes) => sequence(oid(id), tagged(0x04, value));

export class Authority {
  public readonly certificate: string;
  private readonly key: KeyObject;

  constructor(private readonly name = `authority ${randomBytes(4).toString('hex')}`) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.key = privateKey;
    const isAuthority = extension('551d13', sequence(tagged(0x01, Buffer.from([0xff]))));
    this.certificate = this.certify(name, publicKey, isAuthority);
  }

  /** A certificate for 127.0.0.1, or for a host name. */
  issue(host?: string): Certified {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const alternative = host ? tagged(0x82, Buffer.from(host)) : tagged(0x87, Buffer.from([127, 0, 0, 1]));
    const certificate = this.certify(host ?? '127.0.0.1', publicKey, extension('551d11', sequence(alternative)));
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return { certificate, key };
  }

  private certify(subject: string, publicKey: KeyObject, more: Bytes): string {
    const now = Date.now();
    const hour = 3_600_000;
    const signed = sequence(
      tagged(0xa0, tagged(0x02, Buffer.from([2]))),
      tagged(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      ECDSA_WITH_SHA256,
      named(this.name),
      sequence(utc(new Date(now - hour)), utc(new Date(now + hour))),
      named(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      tagged(0xa3, sequence(more)),
    );
    const der = sequence(signed, ECDSA_WITH_SHA256, bits(sign('sha256', signed, this.key)));
    return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  }
}
