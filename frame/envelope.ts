/**
 * The envelope of every frame: version and kind (one byte), length of the body (varint), body, CRC-32C (four bytes,
 * least significant first) over all bytes before it.
 */

import { checksum } from './checksum.ts';
import { readU8, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';
import { MAX_FRAME_BYTES } from './messages.ts';
import { readVarint, varintLength, writeVarint } from './varint.ts';

/** The format version: the high four bits of a frame's first byte. */
export const FORMAT_VERSION = 2;

/** The low four bits of a frame's first byte. 0 is never used; 5 to 15 are for later messages of this version. */
export const KIND_MEASUREMENT = 1;
export const KIND_WAVEFORM = 2;
export const KIND_EVENT = 3;
export const KIND_BATCH = 4;
export const MAX_KIND = 15;

export const CRC_BYTES = 4;

/** Bytes of the frame around a body of `bodyLength` bytes. */
export function frameLength(bodyLength: number): number {
  return 1 + varintLength(bodyLength) + bodyLength + CRC_BYTES;
}

/** Throws FrameError FRAME_TOO_LARGE unless a frame of `length` bytes is allowed and fits into `buffer` at `offset`. */
function checkFit(length: number, buffer: Uint8Array, offset: number): void {
  if (length > MAX_FRAME_BYTES) {
    throw new FrameError('FRAME_TOO_LARGE', `frame of ${length} bytes exceeds the limit of ${MAX_FRAME_BYTES}`);
  }
  if (!Number.isInteger(offset) || offset < 0 || offset + length > buffer.length) {
    throw new FrameError('FRAME_TOO_LARGE', `no room for ${length} bytes at ${offset} of ${buffer.length}`);
  }
}

/**
 * Writes what stands before a body of `bodyLength` bytes, and returns the offset of the body.
 * Throws FrameError FRAME_TOO_LARGE as `checkFit` does for the complete frame.
 */
export function beginFrame(kind: number, bodyLength: number, buffer: Uint8Array, offset: number): number {
  checkFit(frameLength(bodyLength), buffer, offset);
  buffer[offset] = (FORMAT_VERSION << 4) | kind;
  return writeVarint(bodyLength, buffer, offset + 1);
}

/**
 * Writes a frame whose body's length shows when it is written: room for the length is left as for `mostBytes`, and the
 * body moved up if its length takes less (by no more than the checksum's four bytes, so that a buffer without a byte to spare
 * holds the body in either place). `write` gets the body's offset and returns the offset after it, which may be
 * beyond the buffer. Returns the offset after the frame. Throws FrameError FRAME_TOO_LARGE as `checkFit` does.
 */
export function writeFrame(kind: number, mostBytes: number, buffer: Uint8Array, offset: number, write: (body: number) => number): number {
  checkFit(frameLength(0), buffer, offset);
  const guess = offset + 1 + varintLength(mostBytes);
  const bodyLength = write(guess) - guess;
  checkFit(frameLength(bodyLength), buffer, offset);
  const body = offset + 1 + varintLength(bodyLength);
  if (body < guess) buffer.copyWithin(body, guess, guess + bodyLength);
  beginFrame(kind, bodyLength, buffer, offset);
  return endFrame(buffer, offset, body + bodyLength);
}

/** Writes the CRC of `buffer[start..end)` at `end` and returns the offset after it. */
export function endFrame(buffer: Uint8Array, start: number, end: number): number {
  const crc = checksum(buffer, start, end);
  buffer[end] = crc;
  buffer[end + 1] = crc >>> 8;
  buffer[end + 2] = crc >>> 16;
  buffer[end + 3] = crc >>> 24;
  return end + CRC_BYTES;
}

/** A frame whose envelope has been found right: a cursor at the first byte of its body, that ends with it. */
export interface OpenFrame extends Cursor {
  readonly kind: number;
}

/**
 * Verifies that `bytes` is one frame of this version, whole and unaltered, and finds its body. Throws FrameError
 * FRAME_VERSION, FRAME_TRUNCATED (it ends before its frame does), FRAME_TOO_LARGE (more than MAX_FRAME_BYTES),
 * FRAME_MALFORMED (length not minimal, bytes after the frame), FRAME_CHECKSUM; the kind is not judged.
 */
export function openFrame(bytes: Uint8Array): OpenFrame {
  const frame = { kind: 0, bytes, position: 0, end: bytes.length, atEnd: 'FRAME_TRUNCATED' as Cursor['atEnd'] };
  const first = readU8(frame);
  if (first >>> 4 !== FORMAT_VERSION) {
    throw new FrameError('FRAME_VERSION', `format version ${first >>> 4}; this decoder knows ${FORMAT_VERSION}`, 0);
  }
  const bodyLength = readVarint(frame);
  const end = frame.position + bodyLength;
  checkLength(bytes.length, end + CRC_BYTES);
  const sent = bytes[end]! | (bytes[end + 1]! << 8) | (bytes[end + 2]! << 16) | (bytes[end + 3]! << 24);
  if (sent !== checksum(bytes, 0, end)) throw new FrameError('FRAME_CHECKSUM', 'checksum does not match', end);
  frame.kind = first & 0xf;
  frame.end = end;
  frame.atEnd = 'FRAME_MALFORMED';
  return frame;
}

function checkLength(length: number, total: number): void {
  if (total > MAX_FRAME_BYTES) {
    throw new FrameError('FRAME_TOO_LARGE', `frame of ${total} bytes exceeds the limit of ${MAX_FRAME_BYTES}`, 1);
  }
  if (length < total) throw new FrameError('FRAME_TRUNCATED', `${length} of ${total} bytes`, length);
  if (length > total) throw new FrameError('FRAME_MALFORMED', `${length - total} bytes after the frame`, total);
}
