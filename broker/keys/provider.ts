/**
 * What the broker, the store and projects ask of a key service, whichever it is: the embedded one (key-service.ts), or any
 * KMS endpoint (kms-provider.ts). Data keys are 32 bytes; a wrapped one is opaque: only who wrapped it may look into it.
 *
 * All refuse with KeyError: KEY_NOT_FOUND, KEY_DISABLED (disabled, or waiting to be deleted), KEY_DENIED (no grant, or none any
 * more), KEY_CIPHERTEXT (blob, context or key is not as it was), and KEY_UNREACHABLE when the service gives no sound answer.
 */
import type { EncryptionContext } from './ciphertext.ts';
import type { DataKey, KeyDescription } from './key-service.ts';

/** What the broker may do with a customer's key, for one project each. */
export const BROKER_OPERATIONS = ['Decrypt', 'DescribeKey', 'GenerateDataKey', 'ReEncryptFrom', 'ReEncryptTo'] as const;

export interface KeyProvider {
  /** A fresh 256-bit data key, in clear and wrapped under the key, bound to `context`. */
  generateDataKey(keyId: string, context: EncryptionContext): Promise<DataKey>;
  /** Unwraps a data key. With `keyId` only if it is wrapped under that key; without it is the embedded service's. */
  decrypt(wrapped: Uint8Array, context: EncryptionContext, keyId?: string): Promise<Buffer>;
  /** Wraps a data key anew, under another key or the same one's newest material; it is in clear in the key service only. */
  reEncrypt(wrapped: Uint8Array, context: EncryptionContext, toKeyId: string, fromKeyId?: string): Promise<Omit<DataKey, 'plaintext'>>;
  /** `keyId`: id, ARN or `alias/…`. */
  describeKey(keyId: string): Promise<KeyDescription>;
}

/** A customer's key, and the grant by which the broker uses it for one project. */
export interface GrantedKey {
  readonly keyArn: string;
  readonly grantId: string;
}

export interface ProjectKeys extends KeyProvider {
  /** The service-owned key of the home's owner. */
  serviceKeyFor(): Promise<KeyDescription>;
  /** For whoever acts: looks at the keys, describes the one named (id, ARN or `alias/…`), and grants the broker its use for a project. */
  grant(key: string, projectId: string): Promise<GrantedKey>;
  /** Gives a grant up; one that is not there any more is no error. */
  retire(grant: GrantedKey): Promise<void>;
  /** By which name a key is asked for and written down: the embedded service's by id, others' by ARN. */
  keyIdOf(keyArn: string): Promise<string>;
  /** Whether a data key could be had now with this context: one try, within CHECK_MS; throws the refusal. */
  checkUse(keyId: string, context: EncryptionContext): Promise<void>;
  /** How often that may be asked, in ms. */
  readonly watchMs: number;
}
