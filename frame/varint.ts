/**
 * Unsigned 32-bit integers as LEB128 varints: seven bits a byte, least significant group first, the top bit set on all
 * bytes but the last. Only the shortest form is valid, so that a number has one encoding.
 */

import { readU8, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';

export const MAX_VARINT_BYTES = 5;

/** Bytes that `writeVarint` takes for `value`, 1 to 5. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes `value`, an integer of 0 to 2^32 - 1, at `offset` and returns the offset after it. */
export function writeVarint(value: number, buffer: Uint8Array, offset: number): number {
  let rest = value >>> 0;
  let at = offset;
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

/** A signed 32-bit integer as an unsigned one: 0, -1, 1, -2 … as 0, 1, 2, 3 … */
export function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

/** The inverse of `zigzag`. */
export function unzigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}

/** Reads an integer of 0 to 2^32 - 1. Throws FrameError FRAME_MALFORMED for a longer or larger form than needed. */
export function readVarint(cursor: Cursor): number {
  const { bytes, position } = cursor;
  const first = bytes[position]!;
  if (first < 0x80 && position < cursor.end) {
    cursor.position = position + 1;
    return first;
  }
  return readLong(cursor);
}

function readLong(cursor: Cursor): number {
  const start = cursor.position;
  let value = 0;
  let scale = 1;
  for (let index = 0; index < MAX_VARINT_BYTES; index++) {
    const byte = readU8(cursor);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (byte === 0 && index > 0) throw new FrameError('FRAME_MALFORMED', 'varint is not in its shortest form', start);
      if (value > 0xffff_ffff) throw new FrameError('FRAME_MALFORMED', 'varint exceeds 32 bits', start);
      return value;
    }
    scale *= 0x80;
  }
  throw new FrameError('FRAME_MALFORMED', 'varint is longer than 5 bytes', start);
}

/** Bytes of the longest number that `writeLongVarint` writes. */
const MAX_LONG_VARINT_BYTES = 7;

/** Writes a whole number of -(2^48) to 2^48 in zigzag form at `offset` and returns the offset after it. */
export function writeLongVarint(value: number, buffer: Uint8Array, offset: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let at = offset;
  while (rest >= 0x80) {
    const next = Math.floor(rest / 0x80);
    buffer[at++] = rest - next * 0x80 + 0x80;
    rest = next;
  }
  buffer[at++] = rest;
  return at;
}

/** The inverse, exact. Throws FrameError FRAME_MALFORMED for a form longer than needed or than 7 bytes. */
export function readLongVarint(cursor: Cursor): number {
  const start = cursor.position;
  let value = 0;
  let scale = 1;
  for (let index = 0; index < MAX_LONG_VARINT_BYTES; index++) {
    const byte = readU8(cursor);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (byte === 0 && index > 0) throw new FrameError('FRAME_MALFORMED', 'varint is not in its shortest form', start);
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    scale *= 0x80;
  }
  throw new FrameError('FRAME_MALFORMED', `varint is longer than ${MAX_LONG_VARINT_BYTES} bytes`, start);
}
