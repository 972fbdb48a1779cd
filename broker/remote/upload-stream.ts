/** Brings up a segment that is being made: in one piece when it is short, else a part at a time, none kept. */
import { RemoteError } from '../errors.ts';
import type { Bucket } from './bucket.ts';
import { digestOfWhole, matches, PartsDigest, type ObjectDigest } from './digest.ts';
import type { UploadedPart } from './multipart.ts';
import { persist, type Patience } from './persist.ts';
import { PART_BYTES } from './upload.ts';

/** Returns its length. REMOTE_FAILED when what arrived is not what was sent. */
export async function uploadStream(bucket: Bucket, key: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, patience: Patience): Promise<number> {
  const parts = inParts(bytes);
  const first = await parts.next();
  const second = await parts.next();
  const head = first.done ? Buffer.alloc(0) : first.value;
  const digest = second.done ? await putWhole(bucket, key, head, patience) : await putParts(bucket, key, [head, second.value], parts, patience);
  const state = await persist(() => bucket.head(key), patience);
  if (!state || !matches(state, digest)) throw new RemoteError('REMOTE_FAILED', `${key} is not what was sent: try again`);
  return digest.bytes;
}

async function putWhole(bucket: Bucket, key: string, bytes: Buffer, patience: Patience): Promise<ObjectDigest> {
  await persist(() => bucket.put(key, bytes), patience);
  return digestOfWhole(bytes);
}

async function putParts(bucket: Bucket, key: string, begun: readonly Buffer[], rest: AsyncGenerator<Buffer>, patience: Patience): Promise<ObjectDigest> {
  const uploadId = await persist(() => bucket.beginUpload(key), patience);
  const digest = new PartsDigest();
  const sent: UploadedPart[] = [];
  const send = async (bytes: Buffer): Promise<void> => {
    digest.add(bytes);
    const part = await persist(() => bucket.putPart(key, uploadId, sent.length + 1, bytes), patience);
    if (!part) throw new RemoteError('REMOTE_FAILED', `the upload of ${key} has expired: try again`);
    sent.push(part);
  };
  try {
    for (const bytes of begun) await send(bytes);
    for await (const bytes of rest) await send(bytes);
    await persist(() => bucket.completeUpload(key, uploadId, sent, false), patience);
  } catch (error) {
    await bucket.abortUpload(key, uploadId).catch(() => undefined); // what it left is found and aborted by the writer's next start
    throw error;
  }
  return digest.digest;
}

/** Pieces of PART_BYTES, the last one shorter. */
async function* inParts(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    waiting.push(piece);
    length += piece.length;
    while (length >= PART_BYTES) {
      const all = Buffer.concat(waiting);
      yield all.subarray(0, PART_BYTES);
      waiting = [all.subarray(PART_BYTES)];
      length -= PART_BYTES;
    }
  }
  if (length > 0) yield Buffer.concat(waiting);
}
