/**
 * A project's segments as files: `<ordinal>-<segment id>.seg` and, beside each, `.key` with its wrapped data key and all
 * that it takes to have that unwrapped:
 *
 *   0 magic "THRUMDEK"   8 version 2   9 length-prefixed (u16 LE): key id or ARN, wrapped data key, then name and value of
 *   each pair of the encryption context   then CRC-32 (zlib) of all before it
 *
 * The key stands in a file of its own so that it can be wrapped anew, or shredded, without touching the data.
 */
import { open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { makePrivateDirectory } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import type { EncryptionContext } from '../keys/ciphertext.ts';
import { MAX_SEALED_BYTES, SEGMENT_ROLL_BYTES } from './segment-format.ts';

export interface SegmentFile {
  readonly ordinal: number;
  /** 32 hex digits. */
  readonly segmentId: string;
  readonly path: string;
  readonly keyPath: string;
}

const KEY_MAGIC = Buffer.from('THRUMDEK');
const KEY_VERSION = 2;
const KEY_FIXED_BYTES = 9;
/** Longest segment there can be: rolled after one record more, and its seal. */
export const MAX_SEGMENT_BYTES = SEGMENT_ROLL_BYTES + 2 * MAX_SEALED_BYTES;

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

/** Files that a killed writer had not finished (disk.ts, `writeWhole`; segment-source.ts). */
export async function listLeftovers(directory: string): Promise<{ readonly path: string; readonly ordinal: number }[]> {
  const found = (await namesIn(directory)).map((name) => /^\.(\d{12})-[0-9a-f]{32}\.(seg|key)\.tmp$/.exec(name)).filter((match) => match !== null);
  return found.map((match) => ({ path: join(directory, match[0]), ordinal: Number(match[1]) }));
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

/** Makes a directory that is still there after a power cut: its name is synced too. */
export async function makeDurableDirectory(path: string): Promise<void> {
  await makePrivateDirectory(path);
  if (process.platform === 'win32') return; // cannot open directories, and needs no such step
  const parent = await open(dirname(path), 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

/** What a key file says. */
export interface WrappedKey {
  readonly keyId: string;
  readonly wrapped: Buffer;
  readonly context: EncryptionContext;
}

export function keyFileBytes({ keyId, wrapped, context }: WrappedKey): Buffer {
  const head = Buffer.alloc(KEY_FIXED_BYTES);
  KEY_MAGIC.copy(head);
  head[8] = KEY_VERSION;
  const parts = [Buffer.from(keyId), wrapped, ...Object.entries(context).flat().map((text) => Buffer.from(text))];
  const body = Buffer.concat([head, ...parts.flatMap((part) => [u16(part.length), part])]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(body));
  return Buffer.concat([body, checksum]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** Undefined when it is none, or was altered. */
export function parseKeyFile(bytes: Buffer): WrappedKey | undefined {
  const end = bytes.length - 4;
  if (end < KEY_FIXED_BYTES || !bytes.subarray(0, 8).equals(KEY_MAGIC) || bytes[8] !== KEY_VERSION) return undefined;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) return undefined;
  const parts: Buffer[] = [];
  for (let at = KEY_FIXED_BYTES; at < end; ) {
    const length = at + 2 <= end ? bytes.readUInt16LE(at) : Infinity;
    if (at + 2 + length > end) return undefined;
    parts.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  const [keyId, wrapped, ...pairs] = parts;
  if (!keyId || !wrapped || pairs.length % 2 !== 0) return undefined;
  const texts = pairs.map(String);
  const context = Object.fromEntries(texts.flatMap((name, i) => (i % 2 === 0 ? [[name, texts[i + 1]!] as const] : [])));
  return { keyId: String(keyId), wrapped, context };
}

/** The error for something wrong at a place in the store: names file and record. */
export function damaged(file: string, record: number, what: string, cause?: unknown): StoreError {
  const where = record < 0 ? file : `${file}, record ${record}`;
  return new StoreError('STORE_DAMAGED', `${where}: ${what}`, { place: { file, record }, cause });
}
