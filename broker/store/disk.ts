/**
 * What the store's writer does with files: few calls, each done when it returns, so that a thread of its own can make
 * them and a test can put a failing or forgetful disk in their place.
 */
import { closeSync, constants, fdatasyncSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writevSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { StoreError } from '../errors.ts';

export interface Disk {
  /** Makes the file (mode 0600), or empties the one there, and opens it for writing. */
  create(path: string): number;
  /** Opens a file that is there for writing. */
  open(path: string): number;
  /** Writes all of `parts`, one after the other, from byte `position` on. */
  write(handle: number, parts: readonly Uint8Array[], position: number): void;
  /** Returns once what was written, and the length, are on disk. */
  datasync(handle: number): void;
  truncate(handle: number, bytes: number): void;
  close(handle: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Returns once the names in a directory are on disk. */
  syncDirectory(path: string): void;
}

const WRITE_ONLY = constants.O_WRONLY;

/** The disk as it is. Errors are the system's. */
export const systemDisk: Disk = {
  create: (path) => openSync(path, 'w', 0o600),
  open: (path) => openSync(path, WRITE_ONLY),
  write: (handle, parts, position) => writeAll(handle, parts, position),
  datasync: (handle) => fdatasyncSync(handle),
  truncate: (handle, bytes) => ftruncateSync(handle, bytes),
  close: (handle) => closeSync(handle),
  rename: (from, to) => renameSync(from, to),
  remove: (path) => rmSync(path, { force: true }),
  syncDirectory: (path) => {
    if (process.platform === 'win32') return; // cannot open directories, and needs no such step
    const handle = openSync(path, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  },
};

/** A write may take only some of what it is given. */
function writeAll(handle: number, parts: readonly Uint8Array[], position: number): void {
  let left = parts.filter((part) => part.length > 0);
  let at = position;
  while (left.length > 0) {
    let written = writevSync(handle, left, at);
    at += written;
    while (left.length > 0 && written >= left[0]!.length) written -= left.shift()!.length;
    if (left.length > 0) left = [left[0]!.subarray(written), ...left.slice(1)];
  }
}

/** Writes a file that is there as a whole or not at all, and still after a power cut. */
export function writeWhole(disk: Disk, path: string, parts: readonly Uint8Array[]): void {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  const handle = disk.create(temporary);
  try {
    disk.write(handle, parts, 0);
    disk.datasync(handle);
  } finally {
    disk.close(handle);
  }
  disk.rename(temporary, path);
  disk.syncDirectory(dirname(path));
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
