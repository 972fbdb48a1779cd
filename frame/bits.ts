/** Short streams of bits that fill bytes from the least significant bit up, and the Rice codes in them. */

import type { Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';

/** From so many zeros on a Rice code is an escape: the number follows as it is. */
export const RICE_ESCAPE_ZEROS = 12;

export interface BitWriter {
  buffer: Uint8Array;
  at: number;
  /** Fewer than 8 bits that are not stored yet. */
  pending: number;
  pendingBits: number;
}

/** Appends the low `count` bits of `value`, which has no others; 0 to 24. */
export function putBits(writer: BitWriter, value: number, count: number): void {
  let pending = writer.pending | (value << writer.pendingBits);
  let bits = writer.pendingBits + count;
  for (; bits >= 8; bits -= 8) {
    writer.buffer[writer.at++] = pending;
    pending >>>= 8;
  }
  writer.pending = pending;
  writer.pendingBits = bits;
}

/** Appends `value`, of `width` bits, with the parameter k: value >> k zeros, a one, k low bits; or the escape. */
export function putRice(writer: BitWriter, value: number, k: number, width: number): void {
  const zeros = value >> k;
  if (zeros >= RICE_ESCAPE_ZEROS) {
    putBits(writer, 0, RICE_ESCAPE_ZEROS);
    putBits(writer, value, width);
    return;
  }
  putBits(writer, 1 << zeros, zeros + 1);
  putBits(writer, value & ((1 << k) - 1), k);
}

/** Fills the last byte up with zeros and returns the offset after it. */
export function finishBits(writer: BitWriter): number {
  if (writer.pendingBits > 0) writer.buffer[writer.at++] = writer.pending;
  writer.pending = 0;
  writer.pendingBits = 0;
  return writer.at;
}

/** Reads from a cursor whose bytes are loaded one by one; fewer than 8 bits are ahead between reads. */
export interface BitReader {
  cursor: Cursor;
  ahead: number;
  aheadBits: number;
}

/** The next `count` bits, 0 to 24. Throws FrameError FRAME_MALFORMED at the end of the body. */
export function getBits(reader: BitReader, count: number): number {
  const { cursor } = reader;
  while (reader.aheadBits < count) {
    if (cursor.position >= cursor.end) throw new FrameError('FRAME_MALFORMED', 'the entry is cut short', cursor.position);
    reader.ahead |= cursor.bytes[cursor.position++]! << reader.aheadBits;
    reader.aheadBits += 8;
  }
  const value = reader.ahead & ((1 << count) - 1);
  reader.ahead >>>= count;
  reader.aheadBits -= count;
  return value;
}

/** The inverse of `putRice`. Throws FrameError FRAME_MALFORMED at the end of the body, or above `width` bits. */
export function getRice(reader: BitReader, k: number, width: number): number {
  let zeros = 0;
  while (zeros < RICE_ESCAPE_ZEROS && getBits(reader, 1) === 0) zeros++;
  const value = zeros === RICE_ESCAPE_ZEROS ? getBits(reader, width) : (zeros << k) | getBits(reader, k);
  if (value >= 1 << width) throw new FrameError('FRAME_MALFORMED', `${value} exceeds ${width} bits`, reader.cursor.position);
  return value;
}

/** The rest of the byte that was read last must be zeros. Throws FrameError FRAME_MALFORMED otherwise. */
export function finishReading(reader: BitReader): void {
  if (reader.ahead !== 0) throw new FrameError('FRAME_MALFORMED', 'padding is not zero', reader.cursor.position - 1);
  reader.aheadBits = 0;
}
