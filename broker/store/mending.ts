/** Puts right what a killed writer left, before its log is continued: which files, recovery.ts says. */
import { writeFailure, type Disk } from './disk.ts';

/** What is to be done to a log's files before it is continued. */
export interface Mending {
  readonly remove: readonly string[];
  readonly rename: readonly (readonly [from: string, to: string])[];
  /** The last segment: it ends with `tail`, its last record, which begins at byte `tailAt`. */
  readonly settle?: { readonly path: string; readonly tailAt: number; readonly tail: Uint8Array };
}

/**
 * Does it. The last record is written once more. It may not be on disk yet, and if a sync of it has failed the system calls its
 * pages clean: another sync alone would return at once and make nothing durable. STORE_FAILED.
 */
export async function mend(disk: Disk, { remove, rename, settle }: Mending): Promise<void> {
  try {
    for (const path of remove) await disk.remove(path);
    for (const [from, to] of rename) await disk.rename(from, to);
    if (settle) await settleEnd(disk, settle);
  } catch (cause) {
    throw writeFailure(settle?.path ?? remove[0] ?? rename[0]![0], cause);
  }
}

async function settleEnd(disk: Disk, { path, tailAt, tail }: NonNullable<Mending['settle']>): Promise<void> {
  const handle = await disk.open(path);
  try {
    await disk.write(handle, [tail], tailAt);
    await disk.truncate(handle, tailAt + tail.length);
    await disk.datasync(handle);
  } finally {
    await disk.close(handle);
  }
}
