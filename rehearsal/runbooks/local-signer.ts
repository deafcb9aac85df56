/** Signs evidence as KMS does, with a pair of keys of this process alone: outside of AWS, evidence proves a rehearsal. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { type Signer, verificationKey } from '../../lambda/evidence/signing';

export function localSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    sign: async (bytes) => sign('sha256', bytes, privateKey),
    publicKey: async () => verificationKey(publicKey),
  };
}
