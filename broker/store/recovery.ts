/**
 * What a start finds of a project's log: where it ends, what it holds, and what a killed writer left to mend. Nothing that was
 * acknowledged is cut off; nothing is vouched for that a power cut could still take.
 */
import { readBatchHeader } from '../../frame/mod.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { decodeGroup } from './group.ts';
import type { Mending } from './mending.ts';
import { SeenBatches } from './seen-batches.ts';
import { listLeftovers, listSegments, listStrayKeys, type SegmentFile } from './segment-files.ts';
import { NO_SEGMENT, RECORD, wipe, type ChainPosition } from './segment-format.ts';
import { openSegment, recordsOf, type OpenedSegment } from './segment-reader.ts';

/** What is known of a log when no segment is open: where it ends and what it holds. */
export interface LogEnd {
  readonly ordinal: number;
  readonly position: ChainPosition;
  readonly seen: SeenBatches;
  /** False when the last segment has no seal: its writer was killed. */
  readonly sealed: boolean;
}

/** What a killed writer left, and what became of it. */
export interface Recovery {
  /** Segments of the project; only the last of them is read. */
  readonly segments: number;
  /** Whole records of the last one, all kept. */
  readonly records: number;
  /** Bytes of a record after them whose write was not finished, cut off: never acknowledged. */
  readonly bytesCut: number;
  /** Keys whose segment was not made any more, put aside as `….key.stray`. */
  readonly keysPutAside: number;
  /** Files that were not finished, removed. */
  readonly filesRemoved: number;
}

/** Reads the last segment and says where the log ends and what is to be mended. STORE_DAMAGED, or the key's own error. */
export async function examineLog(directory: string, projectId: string, keys: KeyProvider): Promise<{ readonly end: LogEnd; readonly mending: Mending; readonly recovery: Recovery | undefined }> {
  const segments = await listSegments(directory);
  const last = segments.at(-1);
  const remove = await listLeftovers(directory);
  // Kept under another name: should its segment come back from somewhere, it can still be opened.
  const stray = (await listStrayKeys(directory)).filter(({ ordinal }) => ordinal > (last?.ordinal ?? 0));
  const rename = stray.map(({ keyPath }) => [keyPath, `${keyPath}.stray`] as const);
  const { end, tornBytes, settle } = last ? await readEnd(last, projectId, keys) : nothing();
  const leftAsItWas = end.sealed && remove.length === 0 && rename.length === 0;
  const recovery = leftAsItWas ? undefined : { segments: segments.length, records: end.position.records, bytesCut: tornBytes, keysPutAside: rename.length, filesRemoved: remove.length };
  return { end, mending: { remove, rename, ...(settle && { settle }) }, recovery };
}

interface Read {
  readonly end: LogEnd;
  readonly tornBytes: number;
  readonly settle?: NonNullable<Mending['settle']>;
}

function nothing(): Read {
  return { end: { ordinal: 0, position: NO_SEGMENT, seen: new SeenBatches(), sealed: true }, tornBytes: 0 };
}

async function readEnd(file: SegmentFile, projectId: string, keys: KeyProvider): Promise<Read> {
  const segment = await openSegment(file, projectId, keys);
  try {
    return readRecords(segment);
  } finally {
    wipe(segment.keys);
  }
}

function readRecords(segment: OpenedSegment): Read {
  const { path, ordinal } = segment.file;
  const records = recordsOf(segment);
  let seen = new SeenBatches();
  let tailAt = 0;
  for (let step = records.next(); ; step = records.next()) {
    if (step.done) {
      const { position, sealed, wholeBytes, tornBytes } = step.value;
      return { end: { ordinal, position, seen, sealed }, tornBytes, settle: { path, tailAt, tail: Uint8Array.from(segment.bytes.subarray(tailAt, wholeBytes)) } };
    }
    const { type, plaintext, offset } = step.value;
    tailAt = offset;
    if (type === RECORD.snapshot) seen = SeenBatches.restore(plaintext.toString('utf8'));
    if (type === RECORD.group) for (const { channel, payload } of decodeGroup(plaintext)) if (channel !== 'connection') seen.add(readBatchHeader(payload));
  }
}
