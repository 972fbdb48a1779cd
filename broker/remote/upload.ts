/**
 * Brings one segment's file to the bucket. Promises: returns only when the object is there and is, as far as the server
 * tells, what the file is; whatever was cut off before, in this process or in one before it, may simply be begun again.
 */
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { RemoteError } from '../errors.ts';
import type { Bucket } from './bucket.ts';
import { digestOfWhole, matches, PartsDigest, type ObjectDigest } from './digest.ts';
import type { UploadedPart } from './multipart.ts';
import { persist, type Patience } from './persist.ts';

/** Longer files go up in parts of so much. */
export const PART_BYTES = 8 * 2 ** 20;
/** After so many the upload is begun anew: a server may have forgotten it without saying so. */
const COMPLETE_TRIES = 5;

/** Throws only what no patience helps with, or when the patience ends. */
export async function uploadFile(bucket: Bucket, key: string, path: string, patience: Patience): Promise<void> {
  const digest = await digestOfFile(path);
  await persist(async () => {
    const before = await bucket.head(key);
    if (before && matches(before, digest)) return;
    // Names are never used twice: what else is there under this one is what a failing server made of it.
    if (digest.bytes <= PART_BYTES) await putWhole(bucket, key, await readFile(path), before === undefined);
    else await putInParts(bucket, key, path, digest, before === undefined, patience);
    const after = await bucket.head(key);
    if (!after || !matches(after, digest)) throw new RemoteError('REMOTE_UNREACHABLE', `${key} is not what was sent: it is sent again`);
  }, patience);
}

async function digestOfFile(path: string): Promise<ObjectDigest> {
  if ((await stat(path)).size <= PART_BYTES) return digestOfWhole(await readFile(path));
  const digest = new PartsDigest();
  for await (const part of partsOf(path)) digest.add(part);
  return digest.digest;
}

async function putWhole(bucket: Bucket, key: string, bytes: Buffer, isNew: boolean): Promise<void> {
  if (isNew) await bucket.putNew(key, bytes);
  else await bucket.put(key, bytes);
}

/** Each part has a patience of its own, so a long segment needs no undisturbed hour. */
async function putInParts(bucket: Bucket, key: string, path: string, digest: ObjectDigest, isNew: boolean, patience: Patience): Promise<void> {
  const uploadId = await persist(() => bucket.beginUpload(key), patience);
  try {
    const parts: UploadedPart[] = [];
    for await (const bytes of partsOf(path)) {
      const part = await persist(() => bucket.putPart(key, uploadId, parts.length + 1, bytes), patience);
      if (!part) throw new RemoteError('REMOTE_UNREACHABLE', `the upload of ${key} has expired: it is begun again`);
      parts.push(part);
    }
    await persist(() => completeOrFind(bucket, key, uploadId, parts, digest, isNew), { ...patience, tries: COMPLETE_TRIES });
  } catch (error) {
    await bucket.abortUpload(key, uploadId).catch(() => undefined); // what is left is aborted at the next start
    throw error;
  }
}

/** An answer may be lost after the work was done: then the object is there. */
async function completeOrFind(bucket: Bucket, key: string, uploadId: string, parts: readonly UploadedPart[], digest: ObjectDigest, isNew: boolean): Promise<void> {
  try {
    await bucket.completeUpload(key, uploadId, parts, isNew);
  } catch (error) {
    const state = await bucket.head(key);
    if (!state || !matches(state, digest)) throw error;
  }
}

async function* partsOf(path: string): AsyncGenerator<Buffer> {
  const handle = await open(path, 'r');
  try {
    for (let at = 0; ; at += PART_BYTES) {
      const part = await readPart(handle, at);
      if (part.length > 0) yield part;
      if (part.length < PART_BYTES) return;
    }
  } finally {
    await handle.close();
  }
}

async function readPart(handle: FileHandle, offset: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(PART_BYTES);
  for (let at = 0; at < PART_BYTES; ) {
    const { bytesRead } = await handle.read(bytes, at, PART_BYTES - at, offset + at);
    if (bytesRead === 0) return bytes.subarray(0, at);
    at += bytesRead;
  }
  return bytes;
}

/** Gives up what a killed process had begun; parts that lie about cost money. */
export async function abortLeftovers(bucket: Bucket, prefix: string): Promise<void> {
  for (const { key, uploadId } of await bucket.listUploads(prefix)) await bucket.abortUpload(key, uploadId);
}
