/**
 * Reads a project's log from its first entry to its last, or what of it can be what is asked for: then the rest is neither read nor
 * decrypted. Stops at the first fault, naming file and record.
 */
import { decodeBatch, FrameError, readBatchHeader, type Batch } from '../../frame/mod.ts';
import { StoreError } from '../errors.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { decodeConnection, decodeGroup } from './group.ts';
import { checkLink, checkOrdinal, positionAfter, startOf, viewLog, type LogView } from './log-view.ts';
import type { SegmentFile } from './segment-files.ts';
import { RECORD, wipe, type ChainPosition } from './segment-format.ts';
import { mayHold, type Selection } from './segment-index.ts';
import { groupsOf, openSegment, readSeal, recordsOf, type OpenedSegment, type SegmentEnd } from './segment-reader.ts';
import type { SegmentSource } from './segment-source.ts';

/** A batch as it was received, and where it is kept. */
export interface StoredBatch {
  readonly receivedMs: number;
  readonly channel: 'data' | 'event';
  readonly payloadBytes: number;
  readonly batch: Batch;
  /** Set when the gateway sent messages that do not decode: kept as they came, but `batch` has none. */
  readonly undecodable: string | undefined;
  /** What it sent, where that does not decode. */
  readonly undecodablePayload?: Buffer;
  readonly file: string;
  readonly record: number;
}

/** A gateway came, or its connection ended, as the broker saw it. */
export interface StoredConnection {
  readonly channel: 'connection';
  readonly receivedMs: number;
  /** EUI-64, 16 lower-case hex digits. */
  readonly gatewayId: string;
  readonly connected: boolean;
  readonly file: string;
  readonly record: number;
}

export type StoredItem = StoredBatch | StoredConnection;

export function isConnection(item: StoredItem): item is StoredConnection {
  return item.channel === 'connection';
}

/**
 * What a project has stored, in the order of storing. With a selection only what may be in it: of sealed segments the parts that their
 * index does not rule out, of others all; what is exactly wanted is the caller's to look at. Throws STORE_DAMAGED or the key's own error.
 */
export async function* readProject(source: SegmentSource, projectId: string, keys: KeyProvider, selection: Selection = {}): AsyncGenerator<StoredItem> {
  let view = await viewLog(source, projectId, keys);
  let { ordinal, position } = startOf(view.amendments);
  for (let next = 0; ; ) {
    const file: SegmentFile | undefined = view.segments[next];
    if (!file) return;
    checkOrdinal(file, ordinal + 1);
    const opened: OpenedSegment | LogView = await openOrLookAgain(source, file, projectId, keys, view);
    if ('amendments' in opened) { // removed, or another put in its place, since the view was taken
      view = opened;
      if (startOf(view.amendments).ordinal > ordinal) ({ ordinal, position } = startOf(view.amendments));
      next = view.segments.filter((one) => one.ordinal <= ordinal).length;
      continue;
    }
    try {
      checkLink(file, opened.header, position);
      position = positionAfter(view, file, yield* itemsOf(opened, selection));
      ordinal = file.ordinal;
      next += 1;
    } finally {
      wipe(opened.keys);
    }
  }
}

/** An opened segment; or, when it is gone because others rewrote or removed segments meanwhile, the log as it counts now. */
async function openOrLookAgain(source: SegmentSource, file: SegmentFile, projectId: string, keys: KeyProvider, view: LogView): Promise<OpenedSegment | LogView> {
  try {
    return await openSegment(source, file, projectId, keys);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'STORE_DAMAGED') throw error;
    const again = await viewLog(source, projectId, keys);
    if (again.amendments.version <= view.amendments.version) throw error;
    return again;
  }
}

/** How an opened segment ends, after what of it is asked for. */
async function* itemsOf(segment: OpenedSegment, selection: Selection): AsyncGenerator<StoredItem, ChainPosition> {
  const restricts = Object.values(selection).some((one) => one !== undefined);
  const sealed = restricts ? await readSeal(segment) : undefined;
  if (!sealed) return (yield* allItems(segment)).position;
  for (const part of sealed.index.parts) {
    if (!mayHold(sealed.index, part, selection)) continue;
    for await (const { number, plaintext } of groupsOf(segment, part)) {
      await segment.confirm();
      yield* itemsIn(plaintext, segment.file, number);
    }
  }
  return sealed.position;
}

/** All that a segment holds; returns how it ends. */
export async function* allItems(segment: OpenedSegment): AsyncGenerator<StoredItem, SegmentEnd> {
  const records = recordsOf(segment);
  for (let step = await records.next(); ; step = await records.next()) {
    if (step.done) return step.value;
    const { type, number, plaintext } = step.value;
    if (type !== RECORD.group) continue;
    await segment.confirm();
    yield* itemsIn(plaintext, segment.file, number);
  }
}

/** The entries of a commit group. */
export function* itemsIn(group: Buffer, { path }: SegmentFile, record: number): Generator<StoredItem> {
  for (const { payload, receivedMs, channel } of decodeGroup(group)) {
    const place = { receivedMs, file: path, record };
    if (channel === 'connection') yield { channel, ...decodeConnection(payload), ...place };
    else yield { channel, payloadBytes: payload.length, ...decode(payload), ...place };
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
