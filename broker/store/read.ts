/** Reads a project's log from its first entry to its last. Stops at the first fault, naming file and record. */
import { decodeBatch, FrameError, readBatchHeader, type Batch } from '../../frame/mod.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { decodeGroup, type StoredEntry } from './group.ts';
import { damaged, listSegments, type SegmentFile } from './segment-files.ts';
import { NO_SEGMENT, RECORD, wipe, type ChainPosition, type SegmentHeader } from './segment-format.ts';
import { openSegment, recordsOf, type SegmentEnd } from './segment-reader.ts';

/** A batch as it was received, and where it is kept. */
export interface StoredBatch {
  readonly receivedMs: number;
  readonly channel: StoredEntry['channel'];
  readonly payloadBytes: number;
  readonly batch: Batch;
  /** Set when the gateway sent messages that do not decode: kept as they came, but `batch` has none. */
  readonly undecodable: string | undefined;
  /** What it sent, where that does not decode. */
  readonly undecodablePayload?: Buffer;
  readonly file: string;
  readonly record: number;
}

/** Every stored batch of a project in the order of storing. Throws STORE_DAMAGED or the key's own error. */
export async function* readProject(directory: string, projectId: string, service: KeyProvider): AsyncGenerator<StoredBatch> {
  let before: ChainPosition = NO_SEGMENT;
  let ordinal = 0;
  for (const file of await listSegments(directory)) {
    checkOrdinal(file, ++ordinal);
    before = (yield* readSegment(file, projectId, service, before)).position;
  }
}

/** The batches of one segment, which must continue the log at `before`; returns how it ends. */
export async function* readSegment(
  file: SegmentFile,
  projectId: string,
  service: KeyProvider,
  before: ChainPosition | undefined,
): AsyncGenerator<StoredBatch, SegmentEnd> {
  const segment = await openSegment(file, projectId, service);
  try {
    if (before) checkLink(file, segment.header, before);
    const records = recordsOf(segment);
    for (let step = records.next(); ; step = records.next()) {
      if (step.done) return step.value;
      const { type, number, plaintext } = step.value;
      if (type !== RECORD.group) continue;
      await segment.confirm();
      for (const { payload, ...entry } of decodeGroup(plaintext)) {
        yield { ...entry, payloadBytes: payload.length, ...decode(payload), file: file.path, record: number };
      }
    }
  } finally {
    wipe(segment.keys);
  }
}

/** Segments are numbered from 1 without gaps. */
export function checkOrdinal(file: SegmentFile, expected: number): void {
  if (file.ordinal !== expected) throw damaged(file.path, -1, `segment ${expected} is missing before it`);
}

function checkLink(file: SegmentFile, header: SegmentHeader, before: ChainPosition): void {
  const { previous } = header;
  const continues =
    previous.segmentId.equals(before.segmentId) && previous.records === before.records && previous.chain.equals(before.chain);
  if (!continues) {
    throw damaged(file.path, -1, `it does not continue the segment before it, which had ${previous.records} records when this one began`);
  }
}

/** Admission looked at the batch's header and checksum only: what a gateway put inside is known when it is read. */
function decode(payload: Buffer): Pick<StoredBatch, 'batch' | 'undecodable' | 'undecodablePayload'> {
  try {
    return { batch: decodeBatch(payload), undecodable: undefined };
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    const { gatewayId, bootEpoch, sequence } = readBatchHeader(payload);
    return { batch: { kind: 'batch', gatewayId, bootEpoch, sequence, messages: [] }, undecodable: error.message, undecodablePayload: payload };
  }
}
