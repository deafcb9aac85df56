/** Signs evidence as KMS does, with a key pair of this process: such evidence proves only a rehearsal. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { type Signer, verificationKey } from '../../lambda/evidence/signing';

export function localSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    sign: async (bytes) => sign('sha256', bytes, privateKey),
    publicKey: async () => verificationKey(publicKey),
  };
}
