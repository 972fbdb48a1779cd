/**
 * What a start finds of a project's log: where it ends, what it holds, and what a killed writer left to mend. Nothing that was
 * acknowledged is cut off; nothing is vouched for that a power cut could still take.
 */
import { readBatchHeader } from '../../frame/mod.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { decodeGroup } from './group.ts';
import { positionAfter, startOf, viewLog, type LogView } from './log-view.ts';
import type { Mending } from './mending.ts';
import { SeenBatches } from './seen-batches.ts';
import { listLeftovers, listStrayKeys, type SegmentFile } from './segment-files.ts';
import { RECORD, wipe, type ChainPosition } from './segment-format.ts';
import { openSegment, recordsOf, type OpenedSegment } from './segment-reader.ts';
import { localSource, type SegmentSource } from './segment-source.ts';

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

interface Examined {
  readonly end: LogEnd;
  /** Version of the list of what was rewritten and removed. */
  readonly amendments: number;
  readonly mending: Mending;
  /** Undefined when the log is as an orderly end leaves it. */
  readonly recovery: Recovery | undefined;
}

/** Reads the last segment and says where the log ends and what is to be mended. STORE_DAMAGED, or the key's own error. */
export async function examineLog(directory: string, projectId: string, keys: KeyProvider): Promise<Examined> {
  const source = localSource(directory);
  const view = await viewLog(source, projectId, keys);
  const { segments } = view;
  const last = segments.at(-1);
  const start = startOf(view.amendments);
  // Only of segments that were being begun: commands that change older ones mend what they left themselves.
  const isNew = ({ ordinal }: { readonly ordinal: number }): boolean => ordinal > (last?.ordinal ?? start.ordinal);
  const remove = (await listLeftovers(directory)).filter(isNew).map(({ path }) => path);
  // Kept under another name: should its segment come back from somewhere, it can still be opened.
  const rename = (await listStrayKeys(directory)).filter(isNew).map(({ keyPath }) => [keyPath, `${keyPath}.stray`] as const);
  const { end, tornBytes, settle } = last ? await readEnd(source, last, view, projectId, keys) : { end: { ...start, seen: new SeenBatches(), sealed: true }, tornBytes: 0 };
  const leftAsItWas = end.sealed && remove.length === 0 && rename.length === 0;
  const recovery = leftAsItWas ? undefined : { segments: segments.length, records: end.position.records, bytesCut: tornBytes, keysPutAside: rename.length, filesRemoved: remove.length };
  return { end, amendments: view.amendments.version, mending: { remove, rename, ...(settle && { settle }) }, recovery };
}

interface Read {
  readonly end: LogEnd;
  readonly tornBytes: number;
  readonly settle?: Mending['settle'] & object;
}

async function readEnd(source: SegmentSource, file: SegmentFile, view: LogView, projectId: string, keys: KeyProvider): Promise<Read> {
  const segment = await openSegment(source, file, projectId, keys);
  try {
    return await readRecords(segment, view);
  } finally {
    wipe(segment.keys);
  }
}

async function readRecords(segment: OpenedSegment, view: LogView): Promise<Read> {
  const { source, file } = segment;
  const records = recordsOf(segment);
  let seen = new SeenBatches();
  let tailAt = 0;
  for (let step = await records.next(); ; step = await records.next()) {
    if (step.done) {
      const { position, sealed, wholeBytes, tornBytes } = step.value;
      const tail = await source.read(file, tailAt, wholeBytes - tailAt);
      return { end: { ordinal: file.ordinal, position: positionAfter(view, file, position), seen, sealed }, tornBytes, settle: { path: file.path, tailAt, tail } };
    }
    const { type, plaintext, offset } = step.value;
    tailAt = offset;
    if (type === RECORD.snapshot) seen = SeenBatches.restore(plaintext.toString('utf8'));
    if (type === RECORD.group) for (const { channel, payload } of decodeGroup(plaintext)) if (channel !== 'connection') seen.add(readBatchHeader(payload));
  }
}
