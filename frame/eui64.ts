/** EUI-64 identifiers: 16 lower-case hex digits in messages, the same 8 bytes in the same order on the wire. */

import { take, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';

export const EUI64_BYTES = 8;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The value of a lower-case hex digit's character code; -1 for anything else. */
function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}

/**
 * Throws FrameError FRAME_VALUE unless `id` is 16 lower-case hex digits; `name` is the field, for the message.
 * Writes nothing: `writeEui64` does both.
 */
export function checkEui64(id: string, name: string): void {
  let valid = id.length === 2 * EUI64_BYTES;
  for (let index = 0; valid && index < id.length; index++) valid = digitOf(id.charCodeAt(index)) >= 0;
  if (!valid) throw new FrameError('FRAME_VALUE', `${name} must be 16 lower-case hex digits, not ${JSON.stringify(id)}`);
}

/** Writes `id` as 8 bytes at `offset` and returns the offset after them. Throws FrameError FRAME_VALUE as above. */
export function writeEui64(id: string, name: string, buffer: Uint8Array, offset: number): number {
  checkEui64(id, name);
  for (let index = 0; index < EUI64_BYTES; index++) {
    buffer[offset + index] = (digitOf(id.charCodeAt(2 * index)) << 4) | digitOf(id.charCodeAt(2 * index + 1));
  }
  return offset + EUI64_BYTES;
}

/** Reads 8 bytes into 16 lower-case hex digits. */
export function readEui64(cursor: Cursor): string {
  const start = take(cursor, EUI64_BYTES);
  let id = '';
  for (let index = 0; index < EUI64_BYTES; index++) id += HEX[cursor.bytes[start + index]!]!;
  return id;
}
