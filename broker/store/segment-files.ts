/**
 * A project's segments as files: `<ordinal>-<segment id>.seg` and, beside each, `.key` with its wrapped data key:
 *
 *   0 magic "THRUMDEK"   8 version 1   9 length n (u16 LE)   11 wrapped data key (n)   then CRC-32 (zlib) of all before it
 *
 * The key stands in a file of its own so that it can be wrapped anew, or shredded, without touching the data.
 */
import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { makePrivateDirectory, writePrivateFile } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import { MAX_SEALED_BYTES, SEGMENT_ROLL_BYTES } from './segment-format.ts';

export interface SegmentFile {
  readonly ordinal: number;
  /** 32 hex digits. */
  readonly segmentId: string;
  readonly path: string;
  readonly keyPath: string;
}

const KEY_MAGIC = Buffer.from('THRUMDEK');
const KEY_VERSION = 1;
const KEY_FIXED_BYTES = 11;
/** Longest segment there can be: rolled after one record more, and its seal. */
const MAX_SEGMENT_BYTES = SEGMENT_ROLL_BYTES + 2 * MAX_SEALED_BYTES;

export function segmentFile(directory: string, ordinal: number, segmentId: string): SegmentFile {
  const stem = join(directory, `${String(ordinal).padStart(12, '0')}-${segmentId}`);
  return { ordinal, segmentId, path: `${stem}.seg`, keyPath: `${stem}.key` };
}

/** The segments of a project in the order of their ordinals; none when the directory does not exist. */
export function listSegments(directory: string): Promise<SegmentFile[]> {
  return list(directory, /^(\d{12})-([0-9a-f]{32})\.seg$/);
}

/** Ids of the projects that the store has a folder for. */
export async function listStoredProjects(store: string): Promise<string[]> {
  return (await namesIn(store)).filter((name) => /^p-[0-9a-f]{16}$/.test(name)).sort();
}

/** Keys that stand there without their segment: it was removed, or a writer was killed between making the two. */
export async function listStrayKeys(directory: string): Promise<SegmentFile[]> {
  const segments = new Set((await listSegments(directory)).map(({ path }) => path));
  return (await list(directory, /^(\d{12})-([0-9a-f]{32})\.key$/)).filter(({ path }) => !segments.has(path));
}

async function list(directory: string, pattern: RegExp): Promise<SegmentFile[]> {
  const found = (await namesIn(directory)).map((name) => pattern.exec(name)).filter((match) => match !== null);
  return found.map((match) => segmentFile(directory, Number(match[1]), match[2]!)).sort((a, b) => a.ordinal - b.ordinal);
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A segment's bytes; STORE_DAMAGED when the file is longer than a segment can be. */
export async function readSegmentBytes(file: SegmentFile): Promise<Buffer> {
  const { size } = await stat(file.path);
  if (size > MAX_SEGMENT_BYTES) throw damaged(file.path, -1, `it is longer (${size} B) than a segment can be`);
  return readFile(file.path);
}

/** Makes a directory that is still there after a power cut: its name is synced too. */
export async function makeDurableDirectory(path: string): Promise<void> {
  await makePrivateDirectory(path);
  if (process.platform === 'win32') return; // cannot open directories, and needs no such step
  await withHandle(dirname(path), 'r', (parent) => parent.sync());
}

/** Cuts a file to `length` bytes and returns once those are on disk. */
export async function settle(path: string, length: number): Promise<void> {
  await withHandle(path, 'r+', async (handle) => {
    await handle.truncate(length);
    await handle.sync();
  });
}

async function withHandle(path: string, flags: string, work: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(path, flags);
  try {
    await work(handle);
  } finally {
    await handle.close();
  }
}

export async function writeWrappedKey(file: SegmentFile, wrapped: Buffer): Promise<void> {
  const bytes = Buffer.alloc(KEY_FIXED_BYTES + wrapped.length + 4);
  KEY_MAGIC.copy(bytes);
  bytes[8] = KEY_VERSION;
  bytes.writeUInt16LE(wrapped.length, 9);
  wrapped.copy(bytes, KEY_FIXED_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, bytes.length - 4)), bytes.length - 4);
  await writePrivateFile(file.keyPath, bytes);
}

/** The wrapped data key of a segment; STORE_DAMAGED when its file is missing or altered. */
export async function readWrappedKey(file: SegmentFile): Promise<Buffer> {
  const bytes = await readFile(file.keyPath).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damaged(file.keyPath, -1, 'it is missing');
    throw error;
  });
  const whole =
    bytes.length > KEY_FIXED_BYTES + 4 &&
    bytes.subarray(0, 8).equals(KEY_MAGIC) &&
    bytes[8] === KEY_VERSION &&
    bytes.readUInt16LE(9) === bytes.length - KEY_FIXED_BYTES - 4 &&
    crc32(bytes.subarray(0, bytes.length - 4)) === bytes.readUInt32LE(bytes.length - 4);
  if (!whole) throw damaged(file.keyPath, -1, 'it was altered');
  return bytes.subarray(KEY_FIXED_BYTES, bytes.length - 4);
}

/** The error for something wrong at a place in the store: names file and record. */
export function damaged(file: string, record: number, what: string, cause?: unknown): StoreError {
  const where = record < 0 ? file : `${file}, record ${record}`;
  return new StoreError('STORE_DAMAGED', `${where}: ${what}`, { place: { file, record }, cause });
}
