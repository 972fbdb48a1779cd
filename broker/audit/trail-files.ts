/** The files of a trail in its folder: `<ordinal>-<file id>.audit`, and `head`, which says where the trail ends. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SealError, whenMissing, replacePrivateFile } from '../../certs/mod.ts';
import type { RootKeys, RootNote } from '../keys/root-key.ts';
import { openDocument, rootOfDocument, sealDocument, type DocumentKind } from '../sealed-document.ts';
import type { TrailPosition } from './trail-format.ts';

const NAME = /^(\d{12})-([0-9a-f]{32})\.audit$/;
const HEAD: DocumentKind = { magic: 'THRUMAUH', info: 'thrum audit v1 head' };
const ALTERED = 'the head was altered';

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
export async function readHead(directory: string, keys: RootKeys): Promise<Head | string | undefined> {
  const bytes = await readFile(headPath(directory)).catch(whenMissing(undefined));
  if (bytes === undefined) return undefined;
  const root = rootOfDocument(bytes, HEAD);
  if (root?.kind !== keys.kind) return ALTERED;
  try {
    return { position: trailPosition.parse(JSON.parse(await openDocument(bytes, HEAD, root, keys))), root };
  } catch (error) {
    if (error instanceof SealError) return ALTERED;
    throw error;
  }
}

/** Replaces the head. */
export async function writeHead(directory: string, keys: RootKeys, { position, root }: Head): Promise<void> {
  await replacePrivateFile(headPath(directory), await sealDocument(JSON.stringify(position), HEAD, root, keys));
}
