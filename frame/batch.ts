/**
 * A batch: what a gateway publishes. Its body is the gateway's EUI-64, boot epoch and batch number, the number of
 * entries, and the entries: kind (one byte), length (varint) and body of a sensor's frame, copied as they are. The
 * gateway need not understand them.
 */

import { readSensorBody } from './body.ts';
import { checkInteger, MAX_U32 } from './check.ts';
import { readU8, take, type Cursor } from './cursor.ts';
import { beginFrame, CRC_BYTES, endFrame, frameLength, KIND_BATCH, MAX_KIND, openFrame } from './envelope.ts';
import { FrameError } from './errors.ts';
import { EUI64_BYTES, readEui64, writeEui64 } from './eui64.ts';
import { MAX_BATCH_MESSAGES, type Batch, type BatchHeader, type SensorMessage } from './messages.ts';
import { MAX_VARINT_BYTES, readVarint, varintLength, writeVarint } from './varint.ts';

const MAX_HEADER_BYTES = EUI64_BYTES + 3 * MAX_VARINT_BYTES;

/** Upper bound of the bytes that `encodeBatch` writes for the frames, whatever the header. */
export function maxBatchLength(frames: readonly Uint8Array[]): number {
  return frameLength(MAX_HEADER_BYTES + entriesLength(frames));
}

/** An entry is its frame without the CRC. */
function entriesLength(frames: readonly Uint8Array[]): number {
  let length = 0;
  for (const frame of frames) length += Math.max(0, frame.length - CRC_BYTES);
  return length;
}

/**
 * Writes a batch of the sensors' frames into `buffer` at `offset` and returns the offset after it. Each frame's
 * envelope and CRC are verified, its body is not looked into. Throws FrameError FRAME_TOO_LARGE for more than
 * MAX_BATCH_MESSAGES frames, more than MAX_FRAME_BYTES, or too little room; FRAME_VALUE for a header field out of
 * range; FRAME_KIND for a batch within the batch; and what is wrong with a frame (its place in `frames` is in the
 * message, the offset is relative to that frame).
 */
export function encodeBatch(
  header: BatchHeader,
  frames: readonly Uint8Array[],
  buffer: Uint8Array,
  offset: number,
): number {
  checkHeader(header);
  if (frames.length > MAX_BATCH_MESSAGES) {
    throw new FrameError('FRAME_TOO_LARGE', `${frames.length} messages exceed the limit of ${MAX_BATCH_MESSAGES}`);
  }
  const bodyLength = headerLength(header, frames.length) + entriesLength(frames);
  let at = beginFrame(KIND_BATCH, bodyLength, buffer, offset);
  at = writeEui64(header.gatewayId, 'gatewayId', buffer, at);
  at = writeVarint(header.bootEpoch, buffer, at);
  at = writeVarint(header.sequence, buffer, at);
  at = writeVarint(frames.length, buffer, at);
  for (const [index, frame] of frames.entries()) at = writeEntry(frame, index, buffer, at);
  return endFrame(buffer, offset, at);
}

function headerLength(header: BatchHeader, count: number): number {
  return EUI64_BYTES + varintLength(header.bootEpoch) + varintLength(header.sequence) + varintLength(count);
}

function checkHeader(header: BatchHeader): void {
  checkInteger(header.bootEpoch, 0, MAX_U32, 'bootEpoch');
  checkInteger(header.sequence, 0, MAX_U32, 'sequence');
}

function writeEntry(frame: Uint8Array, index: number, buffer: Uint8Array, offset: number): number {
  const kind = kindOf(frame, index);
  const end = frame.length - CRC_BYTES;
  buffer[offset] = kind;
  buffer.set(frame.subarray(1, end), offset + 1);
  return offset + end;
}

function kindOf(frame: Uint8Array, index: number): number {
  try {
    const { kind } = openFrame(frame);
    checkEntryKind(kind, 0);
    return kind;
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    throw new FrameError(error.code, `frame ${index} of the batch: ${error.message}`, error.offset);
  }
}

/** Kinds that a batch may hold, now or in a later minor revision: all but 0 and the batch itself. */
function checkEntryKind(kind: number, offset: number): void {
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
  const { kind, body } = openFrame(bytes);
  if (kind !== KIND_BATCH) throw new FrameError('FRAME_KIND', `kind ${kind} is no batch`, 0);
  return readHeader(body);
}

function readHeader(cursor: Cursor): BatchHeader & { messageCount: number } {
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
 * Reads a batch body to its end. Entries of kinds that version 1 does not define are skipped.
 * Throws FrameError FRAME_MALFORMED, FRAME_VALUE, FRAME_KIND (kind 0, or a batch within it) or FRAME_TOO_LARGE.
 */
export function readBatchBody(cursor: Cursor): Batch {
  const { messageCount, ...header } = readHeader(cursor);
  const messages: SensorMessage[] = [];
  for (let index = 0; index < messageCount; index++) {
    const message = readEntry(cursor);
    if (message !== undefined) messages.push(message);
  }
  if (cursor.position !== cursor.end) {
    throw new FrameError('FRAME_MALFORMED', `${cursor.end - cursor.position} bytes after the batch`, cursor.position);
  }
  return { kind: 'batch', ...header, messages };
}

function readEntry(cursor: Cursor): SensorMessage | undefined {
  const kind = readU8(cursor);
  checkEntryKind(kind, cursor.position - 1);
  const length = readVarint(cursor);
  const start = take(cursor, length);
  return readSensorBody(kind, { bytes: cursor.bytes, position: start, end: start + length, atEnd: 'FRAME_MALFORMED' });
}
