/**
 * What the store's writer does with files: few calls, so that a test can put a failing or forgetful disk in their place.
 * Handles are the system's numbers: what writes several thousand times a second has no use for objects around them.
 */
import { close, constants, fdatasync, fsync, ftruncate, open, rename, rm, writev } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { StoreError } from '../errors.ts';

export interface Disk {
  /** Makes the file (mode 0600), or empties the one there, and opens it for writing. */
  create(path: string): Promise<number>;
  /** Opens a file that is there for writing. */
  open(path: string): Promise<number>;
  /** Writes all of `parts`, one after the other, from byte `position` on. */
  write(handle: number, parts: readonly Uint8Array[], position: number): Promise<void>;
  /** Resolves once what was written, and the length, are on disk. */
  datasync(handle: number): Promise<void>;
  truncate(handle: number, bytes: number): Promise<void>;
  close(handle: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, if it is there. */
  remove(path: string): Promise<void>;
  /** Resolves once the names in a directory are on disk. */
  syncDirectory(path: string): Promise<void>;
}

const asked = { open: promisify(open), close: promisify(close), fsync: promisify(fsync), remove: promisify(rm) };

/** The disk as it is. Errors are the system's. */
export const systemDisk: Disk = {
  create: (path) => asked.open(path, 'w', 0o600),
  open: (path) => asked.open(path, constants.O_WRONLY),
  write: (handle, parts, position) => writeAll(handle, parts, position),
  datasync: promisify(fdatasync),
  truncate: promisify(ftruncate),
  close: asked.close,
  rename: promisify(rename),
  remove: (path) => asked.remove(path, { force: true }),
  syncDirectory: async (path) => {
    if (process.platform === 'win32') return; // cannot open directories, and needs no such step
    const handle = await asked.open(path, 'r');
    try {
      await asked.fsync(handle);
    } finally {
      await asked.close(handle);
    }
  },
};

/** A write may take only some of what it is given. */
async function writeAll(handle: number, parts: readonly Uint8Array[], position: number): Promise<void> {
  let left = parts.filter((part) => part.length > 0);
  for (let at = position; left.length > 0; ) {
    let written = await writeSome(handle, left, at);
    at += written;
    let whole = 0;
    while (whole < left.length && written >= left[whole]!.length) written -= left[whole++]!.length;
    left = left.slice(whole);
    if (written > 0) left[0] = left[0]!.subarray(written);
  }
}

function writeSome(handle: number, parts: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(handle, parts, position, (error, written) => (error ? reject(error) : resolve(written)));
  });
}

/** Writes a file that is there as a whole or not at all, and still after a power cut. */
export async function writeWhole(disk: Disk, path: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  const handle = await disk.create(temporary);
  try {
    await disk.write(handle, parts, 0);
    await disk.datasync(handle);
  } finally {
    await disk.close(handle);
  }
  await disk.rename(temporary, path);
  await disk.syncDirectory(dirname(path));
}

/** What is told when the disk refuses: STORE_FAILED, with what to do where that is known. */
export function writeFailure(path: string, cause: unknown): StoreError {
  return new StoreError('STORE_FAILED', `cannot write ${path}: ${reason(cause)}`, { cause });
}

function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return 'the disk is full: free some space and start again; nothing acknowledged is lost';
  if (code === 'EDQUOT') return 'the disk quota is used up: raise it and start again; nothing acknowledged is lost';
  return error instanceof Error ? error.message : String(error);
}
