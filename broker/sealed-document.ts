/**
 * A small JSON document sealed under a home's root key, each version under a fresh sub-key, so that no nonce can repeat.
 * Layout (docs/store.md, docs/access.md, docs/audit.md):
 *
 *   0  magic (8)   8  version 1   9  root kind (0 file, 1 passphrase)   10  root salt (16)   26  file salt (16)
 *   42 AES-256-GCM(HKDF(root key, file salt, info), JSON) with bytes 0–41 as associated data
 */
import { randomBytes } from 'node:crypto';
import { deriveKey, openOnce, sealOnce } from '../certs/mod.ts';
import type { RootKeys, RootNote } from './keys/root-key.ts';

const VERSION = 1;
const HEADER_BYTES = 42;

export interface DocumentKind {
  /** 8 bytes. */
  readonly magic: string;
  /** Purpose of the sub-key. */
  readonly info: string;
}

/** Which root key a document is sealed under; undefined when it is none of this kind and version. Nothing vouches for it before the rest is opened. */
export function rootOfDocument(bytes: Buffer, { magic }: DocumentKind): RootNote | undefined {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 8) !== magic || bytes[8] !== VERSION) return undefined;
  return { kind: bytes[9]!, salt: bytes.subarray(10, 26) };
}

/** The JSON of a document that has a root. Throws SealError. */
export async function openDocument(bytes: Buffer, { info }: DocumentKind, root: RootNote, keys: RootKeys): Promise<string> {
  const header = bytes.subarray(0, HEADER_BYTES);
  return openOnce(await subKey(header, info, root, keys), header, bytes.subarray(HEADER_BYTES)).toString('utf8');
}

export async function sealDocument(json: string, { magic, info }: DocumentKind, root: RootNote, keys: RootKeys): Promise<Buffer> {
  const header = Buffer.concat([Buffer.from(magic, 'latin1'), Buffer.from([VERSION, root.kind]), root.salt, randomBytes(16)]);
  return Buffer.concat([header, sealOnce(await subKey(header, info, root, keys), header, Buffer.from(json))]);
}

async function subKey(header: Buffer, info: string, root: RootNote, keys: RootKeys): Promise<Buffer> {
  return deriveKey(await keys.rootKey(root), header.subarray(26), info);
}
