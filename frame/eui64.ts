/** EUI-64 identifiers: 16 lower-case hex digits in messages, the same 8 bytes in the same order on the wire. */

import { take, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';

export const EUI64_BYTES = 8;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The value of a lower-case hex digit by its character code; -1 for anything else. */
const DIGITS = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) DIGITS[digit.toString(16).charCodeAt(0)] = digit;

/**
 * Identifiers that were read or written last, by their last byte: a gateway hears from few sensors, again and again, and
 * 16 digits cost as much as the rest of a measurement's header (docs/frame-performance.md). Text and bytes side by side.
 */
const SLOTS = 256;
const texts: (string | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);
const bytesOf = new Uint8Array(SLOTS * EUI64_BYTES);

function slotOf(id: string): number {
  const high = DIGITS[id.charCodeAt(14) & 0xff]!;
  return ((high << 4) | DIGITS[id.charCodeAt(15) & 0xff]!) & 0xff;
}

/**
 * Throws FrameError FRAME_VALUE unless `id` is 16 lower-case hex digits; `name` is the field, for the message.
 * Writes nothing: `writeEui64` does both.
 */
export function checkEui64(id: string, name: string): void {
  let valid = id.length === 2 * EUI64_BYTES;
  for (let index = 0; valid && index < id.length; index++) {
    const code = id.charCodeAt(index);
    valid = code < 256 && DIGITS[code]! >= 0;
  }
  if (!valid) throw new FrameError('FRAME_VALUE', `${name} must be 16 lower-case hex digits, not ${JSON.stringify(id)}`);
}

/** Writes `id` as 8 bytes at `offset` and returns the offset after them. Throws FrameError FRAME_VALUE as above. */
export function writeEui64(id: string, name: string, buffer: Uint8Array, offset: number): number {
  const slot = slotOf(id);
  const from = slot * EUI64_BYTES;
  if (texts[slot] !== id) {
    checkEui64(id, name);
    texts[slot] = id;
    for (let index = 0; index < EUI64_BYTES; index++) {
      bytesOf[from + index] = (DIGITS[id.charCodeAt(2 * index)]! << 4) | DIGITS[id.charCodeAt(2 * index + 1)]!;
    }
  }
  for (let index = 0; index < EUI64_BYTES; index++) buffer[offset + index] = bytesOf[from + index]!;
  return offset + EUI64_BYTES;
}

/** Reads 8 bytes into 16 lower-case hex digits. */
export function readEui64(cursor: Cursor): string {
  const { bytes } = cursor;
  const start = take(cursor, EUI64_BYTES);
  const slot = bytes[start + EUI64_BYTES - 1]!;
  const known = texts[slot];
  if (known !== undefined && isAt(slot, bytes, start)) return known;
  let id = '';
  for (let index = 0; index < EUI64_BYTES; index++) id += HEX[bytes[start + index]!]!;
  texts[slot] = id;
  for (let index = 0; index < EUI64_BYTES; index++) bytesOf[slot * EUI64_BYTES + index] = bytes[start + index]!;
  return id;
}

function isAt(slot: number, bytes: Uint8Array, start: number): boolean {
  const from = slot * EUI64_BYTES;
  for (let index = EUI64_BYTES - 1; index >= 0; index--) if (bytesOf[from + index] !== bytes[start + index]) return false;
  return true;
}
