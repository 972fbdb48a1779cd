/**
 * Bits into bytes, most significant bit first. Writing past the end of the buffer is not an error here: the bytes are
 * dropped, the position goes on, and the caller compares it with the buffer's length once, at the end.
 */

export interface BitWriter {
  readonly buffer: Uint8Array;
  /** Index of the next byte to be stored. */
  position: number;
  /** The bits not stored yet, in the low `pendingBits` (0 to 7) bits; what is above them is left over. */
  pending: number;
  pendingBits: number;
}

/** A writer whose first bit is the top bit of `buffer[offset]`. */
export function bitWriter(buffer: Uint8Array, offset: number): BitWriter {
  return { buffer, position: offset, pending: 0, pendingBits: 0 };
}

/** Appends the low `count` bits of `value`; `count` is 0 to 24 and `value` is 0 to 2^count - 1. */
export function writeBits(writer: BitWriter, value: number, count: number): void {
  const pending = (writer.pending << count) | value;
  let bits = writer.pendingBits + count;
  while (bits >= 8) {
    bits -= 8;
    writer.buffer[writer.position++] = pending >>> bits;
  }
  writer.pending = pending & 0xff;
  writer.pendingBits = bits;
}

/** Appends `zeros` zero bits and a one. */
export function writeUnary(writer: BitWriter, zeros: number): void {
  let rest = zeros;
  for (; rest >= 24; rest -= 24) writeBits(writer, 0, 24);
  writeBits(writer, 1, rest + 1);
}

/** Appends `count` zero bits. */
export function writeZeros(writer: BitWriter, count: number): void {
  let rest = count;
  for (; rest > 24; rest -= 24) writeBits(writer, 0, 24);
  writeBits(writer, 0, rest);
}

/** Fills the last byte up with zero bits and returns the offset after it. */
export function finishBits(writer: BitWriter): number {
  if (writer.pendingBits > 0) writeBits(writer, 0, 8 - writer.pendingBits);
  return writer.position;
}
