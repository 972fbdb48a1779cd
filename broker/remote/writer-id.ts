/**
 * Who wrote a log: every broker's folder of a project is a writer of its own, named by the id of the first segment that it
 * kept elsewhere. The chain of its log begins there, so the name cannot be given to another log. It stands in the folder:
 * who loses that begins a new log under a new name.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import type { SegmentFile } from '../store/segment-files.ts';

const NAME = 'writer';

/** Undefined when nothing of this folder was ever kept elsewhere. */
export async function readWriterId(directory: string): Promise<string | undefined> {
  const path = join(directory, NAME);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (text !== undefined && !/^[0-9a-f]{32}\n$/.test(text)) throw new StoreError('STORE_DAMAGED', `${path}: it was altered`, { place: { file: path, record: -1 } });
  return text?.trim();
}

/** The folder's writer id; named after `first` when it has none yet. */
export async function ensureWriterId(directory: string, first: SegmentFile): Promise<string> {
  const found = await readWriterId(directory);
  if (found !== undefined) return found;
  await writePrivateFile(join(directory, NAME), `${first.segmentId}\n`);
  return first.segmentId;
}
