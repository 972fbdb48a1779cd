/** Bytes that the store takes beside the payload: of a record alone, and of 50 in one commit. */
import { systemDisk } from '../../broker/store/disk.ts';
import { SegmentWriter } from '../../broker/store/segment-writer.ts';
import { encodeGroup, maxGroupLength } from '../../broker/store/group.ts';
import { makeDurableDirectory } from '../../broker/store/segment-files.ts';
import { NO_SEGMENT } from '../../broker/store/segment-format.ts';
import { batchMaker, withPlace, type Place } from './place.ts';

export interface OverheadFigures {
  readonly batchesPerCommit: number;
  readonly payloadBytes: number;
  /** Mean over commits; header, snapshot, index and seal of the segment are not in it. */
  readonly bytesPerBatch: number;
  /** Header, snapshot, index and seal of a segment with 1,000 commits. */
  readonly bytesPerSegment: number;
}

const COMMITS = 1000;

export async function measureOverhead(): Promise<OverheadFigures[]> {
  const figures: OverheadFigures[] = [];
  for (const batchesPerCommit of [1, 50]) for (const payloadBytes of [256, 4096]) figures.push(await withPlace((place) => overheadOf(place, batchesPerCommit, payloadBytes)));
  return figures;
}

async function overheadOf({ store, directory, projectId, keyId, keys }: Place, batchesPerCommit: number, payloadBytes: number): Promise<OverheadFigures> {
  await makeDurableDirectory(store);
  await makeDurableDirectory(directory);
  const disk = { ...systemDisk, datasync: () => Promise.resolve() }; // lengths are what is asked here
  const writer = await SegmentWriter.create(disk, { directory, projectId, keyId, ordinal: 1, previous: NO_SEGMENT, snapshot: Buffer.from('{}') }, keys);
  const make = batchMaker(payloadBytes);
  const atFirst = writer.bytes;
  let payload = 0;
  for (let commit = 0; commit < COMMITS; commit++) {
    const batches = Array.from({ length: batchesPerCommit }, () => make());
    for (const one of batches) payload += one.payload.length;
    const group = Buffer.alloc(maxGroupLength(batches));
    await writer.append(group.subarray(0, encodeGroup(batches, group)));
  }
  const records = writer.bytes - atFirst;
  await writer.seal();
  return { batchesPerCommit, payloadBytes, bytesPerBatch: (records - payload) / (COMMITS * batchesPerCommit), bytesPerSegment: writer.bytes - records };
}
