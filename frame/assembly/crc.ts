/**
 * CRC-32C of BYTES. x^209 + x^144 + x^54 + x^39 + x^14 + 1 is a multiple of the CRC's polynomial (checked by a test),
 * and so is the same with x^128 for x: a block of 16 bytes may be added (XOR) to those 65, 155, 170, 195 and 209 blocks
 * after it and then left out. So all but the last 209 blocks take a few vector operations each ("Chorba", Russell,
 * 2024); the rest goes through tables.
 */

import { BYTES, CRC_TABLES, SCRATCH } from './layout';

const WINDOW_BYTES: usize = 209 * 16;
/** Below this the tables alone are faster. */
const LEAST_BYTES: i32 = 4 * 209 * 16;

/** CRC-32C of `length` bytes at BYTES. */
export function crc32c(length: i32): u32 {
  if (length < LEAST_BYTES) return ~byTables(BYTES, BYTES + <usize>length, 0xffff_ffff);
  const blocks = <usize>(length >> 4) << 4;
  const folded = blocks - WINDOW_BYTES;
  const s = SCRATCH + WINDOW_BYTES;
  memory.fill(SCRATCH, 0, WINDOW_BYTES);
  store<u32>(BYTES, ~load<u32>(BYTES));
  for (let at: usize = 0; at < folded; at += 16) {
    const near = v128.xor(v128.load(BYTES + at), v128.load(s + at - 65 * 16));
    const middle = v128.xor(v128.load(s + at - 155 * 16), v128.load(s + at - 170 * 16));
    const far = v128.xor(v128.load(s + at - 195 * 16), v128.load(s + at - 209 * 16));
    v128.store(s + at, v128.xor(near, v128.xor(middle, far)));
  }
  memory.fill(s + folded, 0, WINDOW_BYTES);
  for (let at = folded; at < blocks; at += 16) {
    let v = v128.load(BYTES + at);
    v = v128.xor(v, before(s, at, 65, folded));
    v = v128.xor(v, before(s, at, 155, folded));
    v = v128.xor(v, before(s, at, 170, folded));
    v = v128.xor(v, before(s, at, 195, folded));
    v = v128.xor(v, before(s, at, 209, folded));
    v128.store(BYTES + at, v);
  }
  return ~byTables(BYTES + folded, BYTES + <usize>length, 0);
}

/** The folded block `distance` blocks before, zero if that one was not folded. */
// @ts-ignore: decorator
@inline
function before(s: usize, at: usize, distance: usize, folded: usize): v128 {
  return at - distance * 16 < folded ? v128.load(s + at - distance * 16) : i32x4.splat(0);
}

function byTables(at: usize, end: usize, crc: u32): u32 {
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ load<u32>(at);
    const high = load<u32>(at, 4);
    crc =
      load<u32>(CRC_TABLES + 7168 + ((low & 0xff) << 2)) ^
      load<u32>(CRC_TABLES + 6144 + (((low >> 8) & 0xff) << 2)) ^
      load<u32>(CRC_TABLES + 5120 + (((low >> 16) & 0xff) << 2)) ^
      load<u32>(CRC_TABLES + 4096 + ((low >> 24) << 2)) ^
      load<u32>(CRC_TABLES + 3072 + ((high & 0xff) << 2)) ^
      load<u32>(CRC_TABLES + 2048 + (((high >> 8) & 0xff) << 2)) ^
      load<u32>(CRC_TABLES + 1024 + (((high >> 16) & 0xff) << 2)) ^
      load<u32>(CRC_TABLES + ((high >> 24) << 2));
  }
  for (; at < end; at++) crc = (crc >> 8) ^ load<u32>(CRC_TABLES + (((crc ^ <u32>load<u8>(at)) & 0xff) << 2));
  return crc;
}
