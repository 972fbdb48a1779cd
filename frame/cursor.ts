/**
 * A place in bytes that are being read, and the fixed-width reads. No read passes `end`: it throws FrameError at the
 * byte where reading stopped.
 */

import { FrameError } from './errors.ts';

export interface Cursor {
  /** The whole input; positions are relative to its first byte, so that errors name the place in the input. */
  readonly bytes: Uint8Array;
  position: number;
  /** Index after the last readable byte. */
  readonly end: number;
  /** What it means to reach `end`: the input stops early, or a body that is all there contradicts itself. */
  readonly atEnd: 'FRAME_TRUNCATED' | 'FRAME_MALFORMED';
}

/** Bytes between the cursor and its end. */
export function remaining(cursor: Cursor): number {
  return cursor.end - cursor.position;
}

/**
 * Moves past `count` bytes and returns the index of the first of them.
 * Throws FrameError (the cursor's `atEnd`) when fewer are left.
 */
export function take(cursor: Cursor, count: number): number {
  const start = cursor.position;
  if (count > cursor.end - start) {
    throw new FrameError(cursor.atEnd, `${count} more bytes expected, ${cursor.end - start} left`, start);
  }
  cursor.position = start + count;
  return start;
}

/** One byte, 0 to 255. */
export function readU8(cursor: Cursor): number {
  const at = take(cursor, 1);
  return cursor.bytes[at]!;
}

/** Two bytes, least significant first, 0 to 65535. */
export function readU16(cursor: Cursor): number {
  const at = take(cursor, 2);
  return cursor.bytes[at]! | (cursor.bytes[at + 1]! << 8);
}

/** Four bytes, least significant first, 0 to 2^32 - 1. */
export function readU32(cursor: Cursor): number {
  const low = readU16(cursor);
  return low + readU16(cursor) * 0x1_0000;
}

/** Six bytes, least significant first, 0 to 2^48 - 1. */
export function readU48(cursor: Cursor): number {
  const at = take(cursor, 6);
  const { bytes } = cursor;
  const low = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  return low + (bytes[at + 4]! | (bytes[at + 5]! << 8)) * 0x1_0000_0000;
}
