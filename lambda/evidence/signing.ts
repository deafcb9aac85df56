/**
 * Signs evidence and verifies signatures: ECDSA on P-256 over the SHA-256 of a document's bytes.
 *
 * Signature and public key are in formats that OpenSSL reads, so verifying needs neither AWS nor this code.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { GetPublicKeyCommand, type KMSClient, SignCommand } from '@aws-sdk/client-kms';

/** A public key, and its fingerprint: the SHA-256 of its DER form, in hex. */
export interface VerificationKey {
  readonly key: KeyObject;
  readonly fingerprint: string;
}

export interface Signer {
  /** @returns the signature in DER form */
  sign(bytes: Buffer): Promise<Uint8Array>;
  publicKey(): Promise<VerificationKey>;
}

/** Signs with a key that never leaves KMS. Its public key is fetched once. */
export function kmsSigner(kms: KMSClient, keyId: string): Signer {
  let own: Promise<VerificationKey> | undefined;
  const ask = async (): Promise<VerificationKey> => {
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: keyId }));
    if (!PublicKey) throw new Error(`KMS returned no public key of key ${keyId}; look at the key`);
    return verificationKey(createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' }));
  };
  return {
    sign: async (bytes) => {
      const { Signature } = await kms.send(
        new SignCommand({
          KeyId: keyId,
          Message: createHash('sha256').update(bytes).digest(),
          MessageType: 'DIGEST',
          SigningAlgorithm: 'ECDSA_SHA_256',
        }),
      );
      if (!Signature) throw new Error(`KMS returned no signature with key ${keyId}; look at the key`);
      return Signature;
    },
    publicKey: () => {
      own ??= ask().catch((error) => {
        own = undefined;
        throw error;
      });
      return own;
    },
  };
}

/** @throws when it isn't a key on P-256 */
export function verificationKey(key: KeyObject): VerificationKey {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.type !== 'public' || curve !== 'prime256v1') {
    throw new Error(
      `the key is ${key.type} and ${curve ?? key.asymmetricKeyType ?? 'unknown'}, but evidence is signed with keys on P-256 ` +
        '(prime256v1), so it verifies nothing here; give the public key that lies beside the evidence',
    );
  }
  const der = key.export({ format: 'der', type: 'spki' });
  return { key, fingerprint: createHash('sha256').update(der).digest('hex') };
}

/** @throws when the text is not the PEM form of a public key on P-256 */
export const fromPem = (pem: string): VerificationKey => verificationKey(createPublicKey(pem));

export const toPem = ({ key }: VerificationKey): string => String(key.export({ format: 'pem', type: 'spki' }));

/** Whether the bytes were signed with the key; false for a malformed signature. */
export function isSignedWith({ key }: VerificationKey, bytes: Buffer, signature: Uint8Array): boolean {
  return verify('sha256', bytes, key, signature);
}
