/**
 * CRC-32C (Castagnoli; RFC 3720 appendix B.4): reflected polynomial 0x82F63B78, initial value and final XOR 0xFFFFFFFF.
 * It finds every change of up to three bits and every burst of up to 32 bits within a frame of the largest size.
 */

import { fillCrcTables } from './crc-tables.ts';

const SLICES = 8;
const TABLES = new Int32Array(SLICES * 256);
fillCrcTables(TABLES);

/**
 * CRC-32C of `bytes[start..end)`, an unsigned 32-bit number. `start` and `end` are byte indices with
 * 0 <= start <= end <= bytes.length; by default the whole array.
 *
 * @example crc32c(new TextEncoder().encode('123456789')) === 0xe3069283
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return signedCrc32c(bytes, start, end) >>> 0;
}

/** The same 32 bits as a signed number: one that engines need not box. */
export function signedCrc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      TABLES[1792 + (low & 0xff)]! ^
      TABLES[1536 + ((low >>> 8) & 0xff)]! ^
      TABLES[1280 + ((low >>> 16) & 0xff)]! ^
      TABLES[1024 + (low >>> 24)]! ^
      TABLES[768 + bytes[at + 4]!]! ^
      TABLES[512 + bytes[at + 5]!]! ^
      TABLES[256 + bytes[at + 6]!]! ^
      TABLES[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ TABLES[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc;
}
