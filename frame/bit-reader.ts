/** Bytes into bits, most significant bit first. No read passes the end; it throws FrameError FRAME_MALFORMED there. */

import type { Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';

export interface BitReader {
  readonly bytes: Uint8Array;
  /** Index of the next byte to be loaded. */
  position: number;
  readonly end: number;
  /** The bits loaded and not read yet, in the low `pendingBits` bits (0 to 7 between reads); what is above is left over. */
  pending: number;
  pendingBits: number;
}

/** A reader whose first bit is the top bit of the cursor's next byte, and that ends where the cursor ends. */
export function bitReader(cursor: Cursor): BitReader {
  return { bytes: cursor.bytes, position: cursor.position, end: cursor.end, pending: 0, pendingBits: 0 };
}

/** Index of the byte that holds the next bit. */
export function bitOffset(reader: BitReader): number {
  return reader.pendingBits > 0 ? reader.position - 1 : reader.position;
}

function load(reader: BitReader): void {
  if (reader.position >= reader.end) throw new FrameError('FRAME_MALFORMED', 'samples are cut short', reader.end);
  reader.pending = (reader.pending << 8) | reader.bytes[reader.position++]!;
  reader.pendingBits += 8;
}

/** The next `count` bits as a number, 0 to 2^count - 1; `count` is 0 to 24. */
export function readBits(reader: BitReader, count: number): number {
  while (reader.pendingBits < count) load(reader);
  reader.pendingBits -= count;
  return (reader.pending >>> reader.pendingBits) & ((1 << count) - 1);
}

/** The number of zero bits before the next one bit, both consumed. Throws FrameError FRAME_MALFORMED above `most`. */
export function readUnary(reader: BitReader, most: number): number {
  let zeros = 0;
  for (;;) {
    const bits = reader.pendingBits;
    const ahead = reader.pending & ((1 << bits) - 1);
    if (ahead !== 0) {
      const leading = Math.clz32(ahead) - (32 - bits);
      reader.pendingBits = bits - leading - 1;
      zeros += leading;
      if (zeros <= most) return zeros;
    } else {
      zeros += bits;
      reader.pendingBits = 0;
      if (zeros <= most) load(reader);
    }
    if (zeros > most) throw new FrameError('FRAME_MALFORMED', 'residual is out of range', bitOffset(reader));
  }
}

/** Reads `count` bits that must be zero. Throws FrameError FRAME_MALFORMED otherwise. */
export function readZeros(reader: BitReader, count: number): void {
  for (let rest = count; rest > 0; rest -= 24) {
    const step = Math.min(rest, 24);
    if (readBits(reader, step) !== 0) {
      throw new FrameError('FRAME_MALFORMED', 'padding bits are not zero', bitOffset(reader));
    }
  }
}

/** Checks that the rest of the last byte read is zero bits and moves `cursor` behind it. */
export function finishReading(reader: BitReader, cursor: Cursor): void {
  readZeros(reader, reader.pendingBits);
  cursor.position = reader.position;
}
