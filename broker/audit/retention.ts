/**
 * Which files of a trail are removed for their age or its size: closed ones only, from the old end, and none while anything is wrong with
 * the trail, since that would remove what shows it.
 */
import { stat } from 'node:fs/promises';
import { KeyError } from '../errors.ts';
import type { Removal } from './removal.ts';
import { listTrailFiles, type TrailFile } from './trail-files.ts';
import type { RootKeys } from '../keys/root-key.ts';
import { walkTrail } from './trail-reader.ts';

export interface TrailLimits {
  /** Files all of whose records are older may go. */
  readonly beforeMs?: number;
  /** So much may all files have together. */
  readonly bytesMax?: number;
}

export interface RemovalPlan extends Removal {
  readonly files: readonly TrailFile[];
  readonly bytes: number;
}

/** What would be removed; undefined where nothing would. KEYSTORE_DAMAGED where the trail is not as it was written. */
export async function planRemoval(directory: string, keys: RootKeys, { beforeMs = -Infinity, bytesMax = Infinity }: TrailLimits): Promise<RemovalPlan | undefined> {
  const files = await listTrailFiles(directory); // before the records: later ones stay in any case
  const sizes = await Promise.all(files.map(async ({ path }) => (await stat(path)).size));
  const ends = await endsOf(directory, keys);
  let left = sizes.reduce((sum, size) => sum + size, 0);
  let count = 0;
  for (const [n, { path }] of files.slice(0, -1).entries()) {
    if ((ends.get(path)?.newestMs ?? Infinity) >= beforeMs && left <= bytesMax) break;
    left -= sizes[n]!;
    count = n + 1;
  }
  if (count === 0) return undefined;
  const gone = files.slice(0, count);
  return {
    files: gone,
    bytes: sizes.slice(0, count).reduce((sum, size) => sum + size, 0),
    keptFrom: files[count]!.ordinal,
    recordsBefore: ends.get(gone.at(-1)!.path)?.total ?? 0,
  };
}

/** Of each file: the newest time in it, and how many records there are up to its end. */
async function endsOf(directory: string, keys: RootKeys): Promise<Map<string, { readonly newestMs: number; readonly total: number }>> {
  const ends = new Map<string, { readonly newestMs: number; readonly total: number }>();
  for await (const item of walkTrail(directory, keys)) {
    if (item.kind === 'fault') throw new KeyError('KEYSTORE_DAMAGED', `nothing of the audit trail is removed while something is wrong with it: ${item.what}`);
    const timeMs = Date.parse(item.record.eventTime);
    ends.set(item.file, { newestMs: Math.max(timeMs, ends.get(item.file)?.newestMs ?? -Infinity), total: item.after.total });
  }
  return ends;
}
