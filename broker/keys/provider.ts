/** What the broker, the store and projects ask of a key service, whichever it is: the embedded one, or any KMS endpoint. */
import type { EncryptionContext } from './ciphertext.ts';
import type { DataKey, KeyDescription } from './key-service.ts';

export interface KeyProvider {
  /** A fresh 256-bit data key, in clear and wrapped under the key, bound to `context`. KEY_DISABLED when it is switched off. */
  generateDataKey(keyId: string, context: EncryptionContext): Promise<DataKey>;
  /** Unwraps a data key. KEY_NOT_FOUND, KEY_DISABLED, KEY_DENIED, or KEY_CIPHERTEXT when blob or context is not as it was. */
  decrypt(wrapped: Uint8Array, context: EncryptionContext): Promise<Buffer>;
  /** Wraps a data key that is there already, as when it is put under another key; `keyId` of the answer as of `generateDataKey`'s. */
  encrypt(keyId: string, plaintext: Uint8Array, context: EncryptionContext): Promise<Omit<DataKey, 'plaintext'>>;
  /** `keyId`: id, ARN or `alias/…`. KEY_NOT_FOUND when there is none. */
  describeKey(keyId: string): Promise<KeyDescription>;
}
