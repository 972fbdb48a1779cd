/**
 * The key service's ciphertext blob. As in AWS KMS each call encrypts under a key of its own, derived from the key
 * material and a random salt, so no nonce budget exists; the blob names key and material, so rotation costs nothing.
 *
 *   0 version 1   1 key id (16)   17 material id (32)   49 salt (16)   65 AES-256-GCM ciphertext ‖ tag (16)
 *
 * Associated data: bytes 0–64 and the encryption context, length-prefixed, sorted by name: no two contexts collide.
 */
import { createHash, randomBytes } from 'node:crypto';
import { canonicalBytes, deriveKey, openOnce, sealOnce, SealError } from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';

/** What a ciphertext is bound to; needed again, exactly, to decrypt. Not secret. */
export type EncryptionContext = Readonly<Record<string, string>>;

const VERSION = 1;
const HEADER_BYTES = 65;
const TAG_BYTES = 16;
const INFO = 'thrum key service ciphertext v1';

/** The name of key material: SHA-256 over a label and the secret, hex. */
export function materialIdOf(secret: Uint8Array): string {
  return createHash('sha256').update('thrum key material v1').update(secret).digest('hex');
}

export function encryptBlob(
  keyId: string,
  materialId: string,
  secret: Uint8Array,
  context: EncryptionContext,
  plaintext: Uint8Array,
): Buffer {
  const header = Buffer.concat([
    Buffer.from([VERSION]),
    Buffer.from(keyId.replaceAll('-', ''), 'hex'),
    Buffer.from(materialId, 'hex'),
    randomBytes(16),
  ]);
  const key = deriveKey(secret, header.subarray(49), INFO);
  return Buffer.concat([header, sealOnce(key, associatedData(header, context), plaintext)]);
}

/** Which key and material a blob names; KEY_CIPHERTEXT when it is not a blob. Nothing is authenticated yet. */
export function blobNames(blob: Uint8Array): { readonly keyId: string; readonly materialId: string } {
  if (blob.length < HEADER_BYTES + TAG_BYTES || blob[0] !== VERSION) {
    throw new KeyError('KEY_CIPHERTEXT', 'the wrapped key is not a ciphertext of this key service');
  }
  const hex = Buffer.from(blob.subarray(1, 17)).toString('hex');
  return {
    keyId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    materialId: Buffer.from(blob.subarray(17, 49)).toString('hex'),
  };
}

/** The plaintext; KEY_CIPHERTEXT when blob, context or secret is not the one it was made with. */
export function decryptBlob(blob: Uint8Array, secret: Uint8Array, context: EncryptionContext): Buffer {
  const header = blob.subarray(0, HEADER_BYTES);
  try {
    const key = deriveKey(secret, header.subarray(49), INFO);
    return openOnce(key, associatedData(header, context), blob.subarray(HEADER_BYTES));
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new KeyError('KEY_CIPHERTEXT', 'the wrapped key was altered, or belongs to something else', { cause: error });
  }
}

function associatedData(header: Uint8Array, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return canonicalBytes([header, ...pairs.flat()]);
}
