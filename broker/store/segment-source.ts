/**
 * Where one log's segments lie: the local folder, or a store elsewhere that has the same few operations. All that reads,
 * checks and rewrites segments goes through this. Promises: what `put`, `replaceKeyFile` and `replaceAmendments` wrote is
 * there as a whole or not at all, and durable once they resolve; what `remove` removed is overwritten where that can be.
 */
import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StoreError } from '../errors.ts';
import { damaged, keyFileBytes, listSegments, listStrayKeys, makeDurableDirectory, parseKeyFile, segmentFile, type SegmentFile, type WrappedKey } from './segment-files.ts';

/** The most that is overwritten at once. */
const OVERWRITE_BYTES = 1 << 20;

export interface SegmentSource {
  /** The segments in the order of their ordinals; two of one ordinal while one takes the other's place. */
  list(): Promise<SegmentFile[]>;
  /** Key files without their segments. */
  listStrayKeys(): Promise<SegmentFile[]>;
  /** What the segment of that ordinal and id is called here, whether it is there or not. */
  fileOf(ordinal: number, segmentId: string): SegmentFile;
  /** Bytes of a segment; STORE_DAMAGED when it is not there. */
  size(file: SegmentFile): Promise<number>;
  /** Bytes of a segment from `offset` on; fewer than `length` only where it ends. STORE_DAMAGED when it is not there, STORE_UNREADABLE when the disk does not give it. */
  read(file: SegmentFile, offset: number, length: number): Promise<Buffer>;
  /** STORE_DAMAGED when it is missing or altered. */
  readKeyFile(file: SegmentFile): Promise<WrappedKey>;
  /** Puts another key file in the place of the one there, which is overwritten. */
  replaceKeyFile(file: SegmentFile, key: WrappedKey): Promise<void>;
  /** Writes a new segment: its key file, then its bytes. */
  put(file: SegmentFile, key: WrappedKey, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>;
  /** Destroys the key file, then removes both, and what a `put` that was cut short left of them. Nothing happens where they are not there. */
  remove(file: SegmentFile): Promise<void>;
  /** Destroys all that the log has: every key first, then the rest. */
  destroy(): Promise<void>;
  /** The sealed list of what was rewritten and removed (amendments.ts); undefined when there is none. */
  readAmendments(): Promise<Buffer | undefined>;
  replaceAmendments(bytes: Uint8Array): Promise<void>;
  /** What the list is called in messages. */
  readonly amendmentsPath: string;
  /** The folder in which all of it lies, where it lies in one that any thread can read. */
  readonly directory?: string;
}

/** A project's folder in the store. */
export function localSource(directory: string): SegmentSource {
  const amendmentsPath = join(directory, 'amendments');
  return {
    list: () => listSegments(directory),
    listStrayKeys: () => listStrayKeys(directory),
    fileOf: (ordinal, segmentId) => segmentFile(directory, ordinal, segmentId),
    size: (file) => whenThere(file.path, async () => (await stat(file.path)).size),
    read: (file, offset, length) => whenThere(file.path, () => withFile(file.path, 'r', (handle) => readFrom(handle, offset, length))),
    readKeyFile: (file) => whenThere(file.keyPath, async () => keyIn(file, await readFile(file.keyPath))),
    replaceKeyFile: (file, key) => guard(file.keyPath, () => replaceFile(file.keyPath, keyFileBytes(key))),
    put: (file, key, bytes) =>
      guard(file.path, async () => {
        await makeDurableDirectory(directory);
        await writeWhole(file.keyPath, [keyFileBytes(key)]);
        await writeWhole(file.path, bytes);
      }),
    remove: (file) =>
      guard(file.path, async () => {
        await destroyFile(file.keyPath);
        for (const path of [temporaryOf(file.keyPath), temporaryOf(file.path), file.path]) await rm(path, { force: true });
        await syncDirectory(directory);
      }),
    destroy: () =>
      guard(directory, async () => {
        const names = await readdir(directory).catch(whenMissing([]));
        for (const name of names.filter((one) => !one.endsWith('.seg'))) await destroyFile(join(directory, name)); // keys, also those put aside, and the list
        await rm(directory, { recursive: true, force: true });
        await syncDirectory(dirname(directory));
      }),
    readAmendments: () => readFile(amendmentsPath).catch(whenMissing(undefined)),
    replaceAmendments: (bytes) =>
      guard(amendmentsPath, async () => {
        await makeDurableDirectory(directory);
        await replaceFile(amendmentsPath, bytes);
      }),
    amendmentsPath,
    directory,
  };
}

function keyIn(file: SegmentFile, bytes: Buffer): WrappedKey {
  const parsed = parseKeyFile(bytes);
  if (!parsed) throw damaged(file.keyPath, -1, 'it was altered');
  return parsed;
}

async function readFrom(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

/** Listings pass it over. */
function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

async function writeWhole(path: string, parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const temporary = temporaryOf(path);
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    for await (const part of parts) await handle.writeFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** The file that was there is overwritten once it has lost its name: until then it may still be needed. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const before = await open(path, 'r+').catch(whenMissing(undefined));
  try {
    await writeWhole(path, [bytes]);
    if (before) await overwrite(before);
  } finally {
    await before?.close();
  }
}

/** Overwrites a file, then removes it, and returns once both are on disk as far as the disk tells. */
export async function destroyFile(path: string): Promise<void> {
  const handle = await open(path, 'r+').catch(whenMissing(undefined));
  if (!handle) return;
  try {
    await overwrite(handle);
  } finally {
    await handle.close();
  }
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

async function overwrite(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  for (let at = 0; at < size; at += OVERWRITE_BYTES) {
    const noise = randomBytes(Math.min(OVERWRITE_BYTES, size - at));
    for (let done = 0; done < noise.length; ) done += (await handle.write(noise, done, noise.length - done, at + done)).bytesWritten;
  }
  await handle.datasync();
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return; // cannot open directories, and needs no such step
  await withFile(path, 'r', (handle) => handle.sync()).catch(whenMissing(undefined));
}

async function withFile<T>(path: string, flags: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, flags);
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

async function whenThere<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damaged(path, -1, 'it is missing', error);
    if (error instanceof StoreError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new StoreError('STORE_UNREADABLE', `${path}: the system cannot read it (${reason}): check the disk`, { cause: error, place: { file: path, record: -1 } });
  }
}

async function guard(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (cause instanceof Error && !('code' in cause && 'errno' in cause)) throw cause;
    throw new StoreError('STORE_FAILED', `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

function whenMissing<T>(fallback: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return fallback;
    throw error;
  };
}
