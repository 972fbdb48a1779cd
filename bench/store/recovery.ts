/** How long a start takes after a kill: only the last segment is read, however many there are. `-- --full` fills 10 GB first. */
import { stat, statfs } from 'node:fs/promises';
import type { LogCounts } from '../../broker/mod.ts';
import { ProjectLog } from '../../broker/store/project-log.ts';
import type { Recovery } from '../../broker/store/recovery.ts';
import { listSegments, makeDurableDirectory } from '../../broker/store/segment-files.ts';
import { SEGMENT_ROLL_BYTES } from '../../broker/store/segment-format.ts';
import { isQuick } from '../quick.ts';
import { batchMaker, BENCH_FOLDER, withPlace, type Place } from './place.ts';

export interface RecoveryFigures {
  readonly storedBytes: number;
  readonly segments: number;
  /** Of the last segment, which is as long as an open one gets. */
  readonly records: number;
  readonly lastSegmentBytes: number;
  readonly ms: number;
}

const isFull = process.argv.includes('--full');
const FULL_BYTES = 10e9;
/** Beside what is filled, so that the machine's disk is not left full. */
const SPARE_BYTES = 5e9;
const PAYLOAD_BYTES = 4096;
const AT_ONCE = 256;

export async function measureRecovery(say: (line: string) => void): Promise<RecoveryFigures | undefined> {
  const wished = isQuick ? 4 * 2 ** 20 : isFull ? FULL_BYTES : 2 * SEGMENT_ROLL_BYTES;
  const { bavail, bsize } = await statfs(BENCH_FOLDER);
  if (bavail * bsize < wished + SPARE_BYTES) {
    say(`recovery is left out: ${BENCH_FOLDER} has less than ${((wished + SPARE_BYTES) / 1e9).toFixed(0)} GB free (THRUM_BENCH_DIR names another folder)`);
    return undefined;
  }
  return withPlace((place) => measureIn(place, wished, say));
}

async function measureIn(place: Place, wished: number, say: (line: string) => void): Promise<RecoveryFigures> {
  const counts: LogCounts = { stored: 0, duplicates: 0, storedBytes: 0, commits: 0 };
  await makeDurableDirectory(place.store);
  const make = batchMaker(PAYLOAD_BYTES);
  const log = new ProjectLog(place.directory, place, place.keys, counts);
  const store = (): Promise<void> => new Promise((resolve, reject) => log.append(make(), (error) => (error ? reject(error) : resolve())));
  // A little short of a whole number of segments: the last one is open, and nearly as long as it gets.
  const target = isQuick ? wished : Math.floor(wished / SEGMENT_ROLL_BYTES) * SEGMENT_ROLL_BYTES * 0.995;
  for (let said = 0; counts.storedBytes < target; ) {
    await Promise.all(Array.from({ length: AT_ONCE }, store));
    if (counts.storedBytes < said + 1e9) continue;
    said = counts.storedBytes;
    say(`  ${(said / 1e9).toFixed(0)} GB of ${(target / 1e9).toFixed(1)} GB`);
  }
  // As after a kill: the segment is left open.
  let recovery: Recovery | undefined;
  const startMs = performance.now();
  await new ProjectLog(place.directory, place, place.keys, counts, { onRecovered: (one) => (recovery = one) }).recover();
  const ms = performance.now() - startMs;
  const files = await listSegments(place.directory);
  const sizes = await Promise.all(files.map(async ({ path }) => (await stat(path)).size));
  return { storedBytes: sizes.reduce((sum, size) => sum + size, 0), segments: recovery!.segments, records: recovery!.records, lastSegmentBytes: sizes[recovery!.segments - 1]!, ms };
}
