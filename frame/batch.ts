/**
 * A batch: what a gateway publishes. Its body is the gateway's EUI-64, boot epoch and batch number, the number of
 * entries, and the entries. A measurement is told by what differs from the one before; of another sensor frame the kind
 * (one byte), the length (varint) and the body are copied as they are, and the gateway need not understand them.
 */

import { checkBodyEnd, readSensorBody } from './body.ts';
import { checkU32 } from './check.ts';
import { readU8, take, type Cursor } from './cursor.ts';
import { CRC_BYTES, frameLength, KIND_BATCH, KIND_MEASUREMENT, MAX_KIND, openFrame, writeFrame } from './envelope.ts';
import { FrameError } from './errors.ts';
import { checkEui64, EUI64_BYTES, readEui64, writeEui64 } from './eui64.ts';
import { fromCodes, newMeasurementCodes } from './measurement-codes.ts';
import { BatchMemory } from './batch-memory.ts';
import { MAX_ENTRY_BYTES, readMeasurementEntry, writeMeasurementEntry } from './measurement-entry.ts';
import { readMeasurementCodes } from './measurement.ts';
import { MAX_BATCH_MESSAGES, MAX_FRAME_BYTES, type AllocateSamples, type Batch, type BatchHeader, type SensorMessage } from './messages.ts';
import { MAX_VARINT_BYTES, readVarint, writeVarint } from './varint.ts';

const MAX_HEADER_BYTES = EUI64_BYTES + 3 * MAX_VARINT_BYTES;

/** Upper bound of the bytes that `encodeBatch` writes for the frames, whatever the header; no more than a frame can have. */
export function maxBatchLength(frames: readonly Uint8Array[]): number {
  return Math.min(MAX_FRAME_BYTES, frameLength(MAX_HEADER_BYTES + mostEntryBytes(frames)));
}

/** An entry has at most the bytes of its frame, and of a measurement in which nothing is as in the one before. */
function mostEntryBytes(frames: readonly Uint8Array[]): number {
  let length = 0;
  for (const frame of frames) length += Math.max(MAX_ENTRY_BYTES, frame.length);
  return length;
}

/**
 * Writes a batch of the sensors' frames into `buffer` at `offset` and returns the offset after it. Each frame's
 * envelope and CRC are verified; measurements are decoded, of other frames the body is not looked into. Throws FrameError
 * FRAME_TOO_LARGE for more than MAX_BATCH_MESSAGES frames, more than MAX_FRAME_BYTES, or too little room; FRAME_VALUE for
 * a header field out of range; FRAME_KIND for a batch within the batch; and what is wrong with a frame (its place in
 * `frames` is in the message, the offset is relative to that frame).
 */
export function encodeBatch(
  header: BatchHeader,
  frames: readonly Uint8Array[],
  buffer: Uint8Array,
  offset: number,
): number {
  checkU32(header.bootEpoch, 'bootEpoch');
  checkU32(header.sequence, 'sequence');
  checkEui64(header.gatewayId, 'gatewayId');
  if (frames.length > MAX_BATCH_MESSAGES) {
    throw new FrameError('FRAME_TOO_LARGE', `${frames.length} messages exceed the limit of ${MAX_BATCH_MESSAGES}`);
  }
  return writeFrame(KIND_BATCH, maxBatchLength(frames), buffer, offset, (body) => writeBody(header, frames, buffer, body));
}

function writeBody(header: BatchHeader, frames: readonly Uint8Array[], buffer: Uint8Array, offset: number): number {
  let at = writeEui64(header.gatewayId, 'gatewayId', buffer, offset);
  at = writeVarint(header.bootEpoch, buffer, at);
  at = writeVarint(header.sequence, buffer, at);
  at = writeVarint(frames.length, buffer, at);
  MEMORY.begin(header.gatewayId);
  for (const [index, frame] of frames.entries()) {
    try {
      at = writeEntry(frame, buffer, at);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      throw new FrameError(error.code, `frame ${index} of the batch: ${error.message}`, error.offset);
    }
  }
  return at;
}

/**
 * One batch is coded at a time, one measurement after the other: all share these. So what `allocate` calls must not code
 * another batch meanwhile.
 */
const CODES = newMeasurementCodes();
const MEMORY = new BatchMemory();

/** Where there is no room, bytes are dropped; the end is looked at afterwards. */
function writeEntry(bytes: Uint8Array, buffer: Uint8Array, offset: number): number {
  const frame = openFrame(bytes);
  checkEntryKind(frame.kind, 0);
  if (frame.kind === KIND_MEASUREMENT) {
    readMeasurementCodes(frame, CODES);
    checkBodyEnd(frame);
    return writeMeasurementEntry(CODES, MEMORY, buffer, offset);
  }
  const end = offset + bytes.length - CRC_BYTES;
  if (end > buffer.length) return end;
  buffer[offset] = frame.kind;
  buffer.set(bytes.subarray(1, bytes.length - CRC_BYTES), offset + 1);
  return end;
}

/** Kinds that a batch may hold, now or in a later revision: all but 0 and the batch itself. */
export function checkEntryKind(kind: number, offset: number): void {
  if (kind === 0 || kind === KIND_BATCH || kind > MAX_KIND) {
    throw new FrameError('FRAME_KIND', `kind ${kind} cannot stand in a batch`, offset);
  }
}

/** The batch as bytes of its own, exactly as many as it takes. Throws as `encodeBatch` does. */
export function batchOf(header: BatchHeader, frames: readonly Uint8Array[]): Uint8Array {
  const buffer = new Uint8Array(maxBatchLength(frames));
  return buffer.slice(0, encodeBatch(header, frames, buffer, 0));
}

/**
 * Verifies envelope and CRC of a batch and reads its header, without looking at its messages. `messageCount` counts
 * all entries, also of kinds that `decodeBatch` skips. Throws FrameError as `openFrame` does, FRAME_KIND when it is no
 * batch, FRAME_MALFORMED when the header is cut short, FRAME_TOO_LARGE for more than MAX_BATCH_MESSAGES.
 */
export function readBatchHeader(bytes: Uint8Array): BatchHeader & { messageCount: number } {
  const frame = openFrame(bytes);
  if (frame.kind !== KIND_BATCH) throw new FrameError('FRAME_KIND', `kind ${frame.kind} is no batch`, 0);
  return readHeader(frame);
}

/** The header at the beginning of a batch's body. Throws as `readBatchHeader` does. */
export function readHeader(cursor: Cursor): BatchHeader & { messageCount: number } {
  const gatewayId = readEui64(cursor);
  const bootEpoch = readVarint(cursor);
  const sequence = readVarint(cursor);
  const place = cursor.position;
  const messageCount = readVarint(cursor);
  if (messageCount > MAX_BATCH_MESSAGES) {
    throw new FrameError('FRAME_TOO_LARGE', `${messageCount} messages exceed the limit of ${MAX_BATCH_MESSAGES}`, place);
  }
  return { gatewayId, bootEpoch, sequence, messageCount };
}

/**
 * Reads a batch body to its end. Entries of kinds that this version does not define are skipped.
 * Throws FrameError FRAME_MALFORMED, FRAME_VALUE, FRAME_KIND (kind 0, or a batch within it) or FRAME_TOO_LARGE.
 */
export function readBatchBody(cursor: Cursor, allocate: AllocateSamples): Batch {
  const { messageCount, ...header } = readHeader(cursor);
  const messages: SensorMessage[] = [];
  MEMORY.begin(header.gatewayId);
  for (let index = 0; index < messageCount; index++) {
    const message = readEntry(cursor, allocate);
    if (message !== undefined) messages.push(message);
  }
  if (cursor.position !== cursor.end) {
    throw new FrameError('FRAME_MALFORMED', `${cursor.end - cursor.position} bytes after the batch`, cursor.position);
  }
  return { kind: 'batch', ...header, messages };
}

/** As `readBatchHeader`, of a batch that was verified before: nothing is checked but that it is long enough. Throws FrameError. */
export function headerOfVerified(bytes: Uint8Array): BatchHeader & { messageCount: number } {
  const cursor: Cursor = { bytes, position: 1, end: bytes.length, atEnd: 'FRAME_TRUNCATED' };
  readVarint(cursor);
  return readHeader(cursor);
}

function readEntry(cursor: Cursor, allocate: AllocateSamples): SensorMessage | undefined {
  const first = readU8(cursor);
  if ((first & 0xf) === KIND_MEASUREMENT) {
    readMeasurementEntry(first, cursor, MEMORY, CODES);
    return fromCodes(CODES);
  }
  checkEntryKind(first, cursor.position - 1);
  const length = readVarint(cursor);
  const start = take(cursor, length);
  return readSensorBody(first, { bytes: cursor.bytes, position: start, end: start + length, atEnd: 'FRAME_MALFORMED' }, allocate);
}
