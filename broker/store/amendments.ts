/**
 * What was done to a log after it was written, so that what is gone or different by the owner's will is told from what was tampered
 * with: which segments retention removed, which took the places of others, and which are to be destroyed yet. One small file a
 * project, replaced as a whole, its version growing by one each time; sealed under a data key of the project's key, a new one each time.
 *
 *   0 magic "THRUMAMD"   8 version 1   9 length n of the key part (u32 LE)   13 key part (n): as a segment's key file   then sealed JSON
 */
import { z } from 'zod';
import { deriveKey, openOnce, sealOnce, SealError } from '../../certs/mod.ts';
import { KeyError, StoreError } from '../errors.ts';
import type { EncryptionContext } from '../keys/ciphertext.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { damaged, keyFileBytes, parseKeyFile, type WrappedKey } from './segment-files.ts';
import type { ChainPosition } from './segment-format.ts';
import type { SegmentSource } from './segment-source.ts';

const MAGIC = Buffer.from('THRUMAMD');
const VERSION = 1;
const FIXED_BYTES = 13;
const INFO = 'thrum amendments v1';
/** Some 60,000 segments that took the places of others: 8 TB. */
const MAX_AMENDMENTS_BYTES = 16 * 2 ** 20;

const ordinal = z.number().int().positive();
const segmentId = z.string().regex(/^[0-9a-f]{32}$/);
const position = z.strictObject({ segmentId, records: z.number().int().nonnegative(), chain: z.string().regex(/^[0-9a-f]{64}$/) });
const shape = z.strictObject({
  version: z.number().int().positive(),
  /** Retention removed all up to this one, which ended so. */
  removed: z.strictObject({ through: ordinal, position }).nullable(),
  /** By ordinal: how the segment ended that was written there first, and how the one ends that stands there now. */
  rewritten: z.array(z.strictObject({ ordinal, original: position, now: position })),
  /** Not in force: to be destroyed where they still lie there. */
  leftovers: z.array(z.strictObject({ ordinal, segmentId })),
  /** A `reencrypt` under way: all up to `through` are to be written anew, those up to `done` are. */
  reencrypting: z.strictObject({ through: ordinal, done: z.number().int().nonnegative() }).nullable(),
});

export type Amendments = z.infer<typeof shape>;
type NotedPosition = z.infer<typeof position>;

export const NO_AMENDMENTS: Amendments = { version: 0, removed: null, rewritten: [], leftovers: [], reencrypting: null };

export function notedPosition({ segmentId: id, records, chain }: ChainPosition): NotedPosition {
  return { segmentId: id.toString('hex'), records, chain: chain.toString('hex') };
}

export function chainPosition({ segmentId: id, records, chain }: NotedPosition): ChainPosition {
  return { segmentId: Buffer.from(id, 'hex'), records, chain: Buffer.from(chain, 'hex') };
}

/** Encryption context of the list's data key. */
function contextOf(projectId: string): EncryptionContext {
  return { 'thrum:purpose': 'amendments', 'thrum:project': projectId };
}

/** A log's amendments; version 0 where there are none. STORE_DAMAGED when they were altered; the key's own errors. */
export async function readAmendments(source: SegmentSource, projectId: string, keys: KeyProvider): Promise<Amendments> {
  const bytes = await source.readAmendments();
  if (bytes === undefined) return NO_AMENDMENTS;
  const altered = (cause?: unknown): StoreError => damaged(source.amendmentsPath, -1, 'it was altered', cause);
  const parts = split(bytes);
  if (!parts) throw altered();
  try {
    const dataKey = await keys.decrypt(parts.key.wrapped, contextOf(projectId), parts.key.keyId);
    const json = openOnce(deriveKey(dataKey, MAGIC, INFO), parts.header, parts.sealed);
    dataKey.fill(0);
    return shape.parse(JSON.parse(json.toString('utf8')));
  } catch (error) {
    const isAltered = error instanceof SealError || error instanceof z.ZodError || error instanceof SyntaxError;
    if (isAltered || (error instanceof KeyError && error.code === 'KEY_CIPHERTEXT')) throw altered(error);
    throw error;
  }
}

/** The key that protects a log's amendments, and the list's bytes; undefined when there are none. */
export async function amendmentsKey(source: SegmentSource): Promise<WrappedKey | undefined> {
  const bytes = await source.readAmendments();
  if (bytes === undefined) return undefined;
  const parts = split(bytes);
  if (!parts) throw damaged(source.amendmentsPath, -1, 'it was altered');
  return parts.key;
}

/** Writes the next version, under a fresh data key of `keyId`, and returns it. STORE_FULL past MAX_AMENDMENTS_BYTES. */
export async function writeAmendments(source: SegmentSource, project: { readonly projectId: string; readonly keyId: string }, keys: KeyProvider, next: Amendments): Promise<Amendments> {
  const written = { ...next, version: next.version + 1 };
  const json = Buffer.from(JSON.stringify(written));
  if (json.length > MAX_AMENDMENTS_BYTES) throw new StoreError('STORE_FULL', `${source.amendmentsPath} is full: it tells of more segments than it can hold`);
  const context = contextOf(project.projectId);
  const { plaintext, wrapped, keyId } = await keys.generateDataKey(project.keyId, context);
  const keyPart = keyFileBytes({ keyId, wrapped, context });
  const fixed = Buffer.alloc(FIXED_BYTES);
  MAGIC.copy(fixed);
  fixed[8] = VERSION;
  fixed.writeUInt32LE(keyPart.length, 9);
  const header = Buffer.concat([fixed, keyPart]);
  const sealed = sealOnce(deriveKey(plaintext, MAGIC, INFO), header, json);
  plaintext.fill(0);
  await source.replaceAmendments(Buffer.concat([header, sealed]));
  return written;
}

function split(bytes: Buffer): { readonly header: Buffer; readonly key: WrappedKey; readonly sealed: Buffer } | undefined {
  if (bytes.length < FIXED_BYTES || !bytes.subarray(0, 8).equals(MAGIC) || bytes[8] !== VERSION) return undefined;
  const end = FIXED_BYTES + bytes.readUInt32LE(9);
  const key = end <= bytes.length ? parseKeyFile(bytes.subarray(FIXED_BYTES, end)) : undefined;
  return key && { header: bytes.subarray(0, end), key, sealed: bytes.subarray(end) };
}
