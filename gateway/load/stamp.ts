/**
 * What a message says of itself, so that a subscriber can check it: which stream of the run it belongs to, its number in
 * it, when it was due, and a checksum (CRC-32C) over all of it. Two forms: a header of its own in fixed and random
 * payloads, and within batch frames the frame's own numbers and an entry that decoders skip. Docs: docs/load.md.
 */
import { crc32c } from '../../frame/mod.ts';

/** Streams of one client: a topic each. */
export const MAX_STREAMS = 64;
/** A stream is a client's messages on one topic; the key is unique within the run. */
export function streamKey(clientNumber: number, stream: number): number {
  return clientNumber * MAX_STREAMS + stream;
}

export interface Stamp {
  readonly key: number;
  readonly sequence: number;
  /** µs since 1970. */
  readonly dueUs: number;
}

/** What a payload turned out to be. */
export type Stamped = Stamp | 'corrupted' | 'foreign' | 'unchecked';

/** Header of fixed and random payloads: magic, run, stream, sequence (u32 each), due (f64), checksum (u32) of the rest; little-endian. */
export const STAMP_BYTES = 28;
const MAGIC = 0x4c4d5254; // TRML

export function writeStamp(buffer: Buffer, offset: number, runEpoch: number, key: number): void {
  buffer.writeUInt32LE(MAGIC, offset);
  buffer.writeUInt32LE(runEpoch, offset + 4);
  buffer.writeUInt32LE(key, offset + 8);
}

/** Number, due time and checksum, in a payload that has the rest. */
export function stampPayload(buffer: Buffer, start: number, end: number, sequence: number, dueUs: number): void {
  buffer.writeUInt32LE(sequence, start + 12);
  buffer.writeDoubleLE(dueUs, start + 16);
  buffer.writeUInt32LE(checksumOf(buffer, start, end), start + 24);
}

/** All but the checksum itself. */
function checksumOf(buffer: Buffer, start: number, end: number): number {
  return (crc32c(buffer, start, start + 24) ^ crc32c(buffer, start + STAMP_BYTES, end)) >>> 0;
}

/** Batch frames: numbers begin so high that they always take four bytes, and end before they take five. */
export const FIRST_BATCH_NUMBER = 1 << 21;
export const MAX_BATCH_MESSAGES = (1 << 28) - FIRST_BATCH_NUMBER;
/** Kind of the entry that carries the due time, skipped by decoders (docs/frame.md, "Batch"). */
const STAMP_ENTRY = Uint8Array.of(15, 8);
export const STAMP_ENTRY_BYTES = STAMP_ENTRY.length + 8;
const CRC_BYTES = 4;

/** The stamp's entry without its time. */
export function stampEntry(): Uint8Array {
  return Uint8Array.of(...STAMP_ENTRY, 0, 0, 0, 0, 0, 0, 0, 0);
}

/** Writes number, due time and checksum into a batch frame at `[start, end)` whose number stands at `sequenceAt`. */
export function stampBatch(buffer: Buffer, start: number, end: number, sequenceAt: number, sequence: number, dueUs: number): void {
  const number = FIRST_BATCH_NUMBER + sequence;
  buffer[sequenceAt] = (number & 127) | 128;
  buffer[sequenceAt + 1] = ((number >>> 7) & 127) | 128;
  buffer[sequenceAt + 2] = ((number >>> 14) & 127) | 128;
  buffer[sequenceAt + 3] = number >>> 21;
  buffer.writeDoubleLE(dueUs, end - CRC_BYTES - 8);
  buffer.writeUInt32LE(crc32c(buffer, start, end - CRC_BYTES), end - CRC_BYTES);
}

/** Reads what a payload says of itself. */
export function readStamp(bytes: Buffer, start: number, end: number, runEpoch: number): Stamped {
  const length = end - start;
  if (length >= STAMP_BYTES && bytes.readUInt32LE(start) === MAGIC) {
    if (bytes.readUInt32LE(start + 24) !== checksumOf(bytes, start, end)) return 'corrupted';
    if (bytes.readUInt32LE(start + 4) !== runEpoch) return 'foreign';
    return { key: bytes.readUInt32LE(start + 8), sequence: bytes.readUInt32LE(start + 12), dueUs: bytes.readDoubleLE(start + 16) };
  }
  return readBatchStamp(bytes, start, end, runEpoch);
}

/** Version 2, kind 4 (docs/frame.md). */
const BATCH_FIRST_BYTE = 0x24;

function readBatchStamp(bytes: Buffer, start: number, end: number, runEpoch: number): Stamped {
  const entryAt = end - CRC_BYTES - STAMP_ENTRY_BYTES;
  if (bytes[start] !== BATCH_FIRST_BYTE || entryAt < start + 14) return 'unchecked';
  const [length, body] = varint(bytes, start + 1);
  const hasEntry = bytes[entryAt] === STAMP_ENTRY[0] && bytes[entryAt + 1] === STAMP_ENTRY[1];
  // A text may begin with that byte too; what is ours and altered still has its length or its entry.
  if (!hasEntry && body + length + CRC_BYTES !== end) return 'unchecked';
  if (bytes.readUInt32LE(end - CRC_BYTES) !== crc32c(bytes, start, end - CRC_BYTES)) return 'corrupted';
  if (!hasEntry) return 'unchecked';
  const at = body + 8;
  const clientNumber = bytes.readUIntBE(at - 3, 3);
  const [epoch, afterEpoch] = varint(bytes, at);
  const [number] = varint(bytes, afterEpoch);
  const stream = epoch - runEpoch;
  if (stream < 0 || stream >= MAX_STREAMS) return 'foreign';
  return { key: streamKey(clientNumber, stream), sequence: number - FIRST_BATCH_NUMBER, dueUs: bytes.readDoubleLE(entryAt + 2) };
}

/** Of five bytes at most; what it makes of bytes that are none means nothing. */
function varint(bytes: Buffer, offset: number): [value: number, after: number] {
  let value = 0;
  let at = offset;
  for (let scale = 1; scale < 2 ** 35; scale *= 128) {
    const byte = bytes[at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) break;
  }
  return [value, at];
}
