/** A key of KMS on P-256: it signs digests, as KMS does and Node's own interface can't. */
import { createECDH, generateKeyPairSync } from 'node:crypto';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Answers what KMS's JSON protocol asks of the one key. */
export function signingKey(): (operation: string, input: { Message: string; SigningAlgorithm: string }) => object {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const secret = number(Buffer.from(String(privateKey.export({ format: 'jwk' }).d), 'base64url'));
  return (operation, { Message, SigningAlgorithm }) => {
    if (operation === 'GetPublicKey') {
      return { PublicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') };
    }
    if (operation !== 'Sign' || SigningAlgorithm !== 'ECDSA_SHA_256') throw new Error(`${operation} is not modelled`);
    return { Signature: signed(number(Buffer.from(Message, 'base64')), secret).toString('base64') };
  };
}

/** FIPS 186-5, 6.4.1. */
function signed(digest: bigint, secret: bigint): Buffer {
  const once = createECDH('prime256v1');
  once.generateKeys();
  const r = number(once.getPublicKey().subarray(1, 33)) % ORDER;
  const s = (inverse(number(once.getPrivateKey())) * (digest + r * secret)) % ORDER;
  const body = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

/** By Fermat: the order is prime. */
function inverse(value: bigint): bigint {
  let [result, base] = [1n, value % ORDER];
  for (let exponent = ORDER - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % ORDER;
    base = (base * base) % ORDER;
  }
  return result;
}

/** In DER: without leading zeros, but for one that says that it isn't negative. */
function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const body = (bytes[0] ?? 0) > 127 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  return Buffer.concat([Buffer.from([0x02, body.length]), body]);
}

const number = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);
