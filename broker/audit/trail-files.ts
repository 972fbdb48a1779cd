/** The files of a trail in its folder: `<ordinal>-<file id>.audit`, and `head`, which says where the trail ends. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { deriveKey, openAt, sealAt, SealError, writePrivateFile } from '../../certs/mod.ts';
import type { RootNote, TrailPosition } from './trail-format.ts';
import type { TrailKeys } from './trail-keys.ts';

const NAME = /^(\d{12})-([0-9a-f]{32})\.audit$/;
const HEAD_MAGIC = Buffer.from('THRUMAUH');
const HEAD_VERSION = 1;
/** magic (8), version (1), root kind (1), root salt (16), file salt (16) */
const HEAD_HEADER_BYTES = 42;
const ZERO_NONCE = Buffer.alloc(12);

export interface TrailFile {
  readonly ordinal: number;
  readonly fileId: string;
  readonly path: string;
}

/** All files of the trail in the order of their ordinals; none where there is no trail. */
export async function listTrailFiles(directory: string): Promise<TrailFile[]> {
  const names = await readdir(directory).catch(whenMissing([] as string[]));
  return names
    .flatMap((name) => {
      const match = NAME.exec(name);
      return match ? [{ ordinal: Number(match[1]), fileId: match[2]!, path: join(directory, name) }] : [];
    })
    .sort((a, b) => a.ordinal - b.ordinal || (a.fileId < b.fileId ? -1 : 1));
}

export function trailFilePath(directory: string, { ordinal, fileId }: { readonly ordinal: number; readonly fileId: string }): string {
  return join(directory, `${String(ordinal).padStart(12, '0')}-${fileId}.audit`);
}

export function headPath(directory: string): string {
  return join(directory, 'head');
}

const hex = (digits: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const whole = z.number().int().nonnegative();

/** Where a trail stands, as it is kept beside it or printed to be kept elsewhere. */
export const trailPosition = z.strictObject({ ordinal: whole, fileId: hex(32), records: whole, bytes: whole, chain: hex(64), total: whole });

export interface Head {
  readonly position: TrailPosition;
  readonly root: RootNote;
}

/** The head; undefined where there is none, and words where it does not open. Rejects only when the root key cannot be had. */
export async function readHead(directory: string, keys: TrailKeys): Promise<Head | string | undefined> {
  const bytes = await readFile(headPath(directory)).catch(whenMissing(undefined));
  if (bytes === undefined) return undefined;
  const altered = 'the head was altered';
  if (bytes.length < HEAD_HEADER_BYTES || !bytes.subarray(0, 8).equals(HEAD_MAGIC) || bytes[8] !== HEAD_VERSION || bytes[9] !== keys.kind) return altered;
  const root = { kind: bytes[9], salt: bytes.subarray(10, 26) };
  const header = bytes.subarray(0, HEAD_HEADER_BYTES);
  try {
    const key = headKey(await keys.rootKey(root), header);
    const json = openAt(key, ZERO_NONCE, 0, header, bytes.subarray(HEAD_HEADER_BYTES)).toString('utf8');
    return { position: trailPosition.parse(JSON.parse(json)), root };
  } catch (error) {
    if (error instanceof SealError) return altered;
    throw error;
  }
}

/** Replaces the head, under a fresh key each time. */
export async function writeHead(directory: string, keys: TrailKeys, { position, root }: Head): Promise<void> {
  const header = Buffer.concat([HEAD_MAGIC, Buffer.from([HEAD_VERSION, root.kind]), root.salt, randomBytes(16)]);
  const key = headKey(await keys.rootKey(root), header);
  const sealed = sealAt(key, ZERO_NONCE, 0, header, Buffer.from(JSON.stringify(position)));
  await writePrivateFile(headPath(directory), Buffer.concat([header, sealed]));
}

function headKey(rootKey: Buffer, header: Buffer): Buffer {
  return deriveKey(rootKey, header.subarray(26), 'thrum audit v1 head');
}

export function whenMissing<T>(fallback: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return fallback;
    throw error;
  };
}
