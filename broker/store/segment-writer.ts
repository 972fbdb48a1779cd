/** Segments being written, as the log sees them: every step is a promise, wherever the work is done. */
import { randomBytes } from 'node:crypto';
import type { KeyProvider } from '../keys/provider.ts';
import { systemDisk, type Disk } from './disk.ts';
import { mend, type Mending } from './mending.ts';
import { SegmentAppender, type NewSegment } from './segment-appender.ts';
import { keyFileBytes, segmentFile, type SegmentFile } from './segment-files.ts';
import { buildHeader, firstChain, segmentContext, segmentKeys, wipe, type ChainPosition } from './segment-format.ts';

export interface SegmentWriter {
  readonly bytes: number;
  readonly position: ChainPosition;
  /** Writes a group and resolves once it is on disk. The log does not touch `group` again. STORE_FAILED is final. */
  append(group: Buffer): Promise<void>;
  /** Ends the segment for good. */
  seal(): Promise<void>;
  /** Lets go of the segment as it is. */
  abandon(): Promise<void>;
}

/** Where segments are written: in this thread, or in one of its own. */
export interface SegmentWriters {
  begin(wish: NewSegment): Promise<SegmentWriter>;
  /** Puts right what a killed writer left (recovery.ts). STORE_FAILED. */
  mend(mending: Mending): Promise<void>;
  /** Room for a group of at most so many bytes, to be given to `append`. */
  room(bytes: number): Buffer;
  close(): Promise<void>;
}

export interface SegmentWish {
  readonly directory: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly ordinal: number;
  readonly previous: ChainPosition;
  readonly snapshot: Buffer;
}

/** Begins a segment under a data key of its own. Throws the key's own error, or STORE_FAILED. */
export async function beginSegment(writers: SegmentWriters, wish: SegmentWish, service: KeyProvider): Promise<SegmentWriter> {
  const segmentId = randomBytes(16);
  const file: SegmentFile = segmentFile(wish.directory, wish.ordinal, segmentId.toString('hex'));
  const context = segmentContext(wish.projectId, segmentId);
  const { plaintext, wrapped, keyId } = await service.generateDataKey(wish.keyId, context);
  const keys = segmentKeys(plaintext, segmentId);
  try {
    const header = buildHeader(segmentId, wish.ordinal, wish.previous, keys);
    return await writers.begin({
      path: file.path,
      keyPath: file.keyPath,
      keyFile: keyFileBytes({ keyId, context, wrapped }),
      header: header.bytes,
      firstChain: firstChain(header),
      segmentId,
      recordKey: keys.record,
      baseNonce: keys.baseNonce,
      snapshot: wish.snapshot,
    });
  } finally {
    wipe(keys);
  }
}

/** Writes in this thread, which waits for the disk meanwhile. */
export function directWriters(disk: Disk = systemDisk): SegmentWriters {
  return {
    begin: (wish) => inTurn(() => directWriter(SegmentAppender.begin(disk, wish, () => true))),
    mend: (mending) => inTurn(() => mend(disk, mending)),
    room: (bytes) => Buffer.allocUnsafe(bytes),
    close: () => Promise.resolve(),
  };
}

function directWriter(appender: SegmentAppender): SegmentWriter {
  return {
    get bytes() { return appender.bytes; },
    get position() { return appender.position; },
    append: (group) => inTurn(() => appender.append(group)),
    seal: () => inTurn(() => appender.seal()),
    abandon: () => inTurn(() => appender.abandon()),
  };
}

async function inTurn<T>(work: () => T): Promise<T> {
  await Promise.resolve();
  return work();
}
