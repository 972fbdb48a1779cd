/** Bytes to residuals: the inverse of pack.ts, for bytes that may be anything. */

import { BYTES, DECODING, DESCRIPTORS, ESCAPES, RESIDUALS, SYMBOLS } from './layout';

/** The next bits of the stream, least significant first, and where the byte after them is. */
let ahead: u64 = 0;
let aheadBits: i32 = 0;
let next: usize = 0;
let escapes: i32 = 0;

/**
 * Unpacks `n` residuals in blocks of 2^`blockLog` by DESCRIPTORS from BYTES + `at`. Returns the offset after the last
 * byte; -1 if they would end after `end`, or if a bit that must be zero is not.
 */
export function unpack(bits: i32, n: i32, blockLog: i32, at: i32, end: i32): i32 {
  return bits == 16 ? unpackBlocks<i16>(bits, n, blockLog, at, end) : unpackBlocks<i32>(bits, n, blockLog, at, end);
}

function unpackBlocks<T>(bits: i32, n: i32, blockLog: i32, at: i32, end: i32): i32 {
  const block = 1 << blockLog;
  const limit = BYTES + end;
  let from = BYTES + at;
  for (let start = 0, d = DESCRIPTORS; start < n; start += block, d++) {
    const k = <i32>load<u8>(d) & 31;
    const rows = (min(block, n - start) + 3) >> 2;
    const size = <usize>((rows * k + 31) >> 5) << 4;
    if (from + size > limit) return -1;
    if (!unpackPlane<T>(from, RESIDUALS + <usize>start * sizeof<T>(), rows, k, load<u8>(d) < 32)) return -1;
    from += size;
  }
  for (let i = n; i & 3; i++) if (load<T>(RESIDUALS + <usize>i * sizeof<T>()) != 0) return -1;
  next = from;
  ahead = 0;
  aheadBits = 0;
  for (let start = 0, d = DESCRIPTORS; start < n; start += block, d++) {
    const descriptor = <i32>load<u8>(d);
    if (descriptor < 32) continue;
    unpackSymbols<T>(bits, start, min(block, n - start), descriptor >> 5, descriptor & 31);
    if (next - <usize>(aheadBits >>> 3) > limit) return -1;
  }
  return (ahead & ((1 << (aheadBits & 7)) - 1)) == 0 ? <i32>(next - <usize>(aheadBits >>> 3) - BYTES) : -1;
}

/**
 * Rows of four numbers of `k` bits, two rows at a time where 31 bits hold them; false if the bits left over in the last
 * words are not zero.
 */
function unpackPlane<T>(from: usize, to: usize, rows: i32, k: i32, signed: bool): bool {
  const mask = i32x4.splat((1 << k) - 1);
  const unused = signed && k > 0 ? 32 - k : 0;
  let words = k == 0 ? i32x4.splat(0) : v128.load(from);
  let used = 0;
  const pairs = k <= 15 ? rows >> 1 : 0;
  for (let pair = 0; pair < pairs; pair++, to += 8 * sizeof<T>()) {
    let v = i32x4.shr_u(words, used);
    used += 2 * k;
    if (used >= 32) {
      from += 16;
      words = v128.load(from);
      used -= 32;
      v = v128.or(v, i32x4.shl(words, 2 * k - used));
    }
    storeRows<T>(to, signedRow(v128.and(v, mask), unused), signedRow(v128.and(i32x4.shr_u(v, k), mask), unused));
  }
  for (let row = 2 * pairs; row < rows; row++, to += 4 * sizeof<T>()) {
    let v = i32x4.shr_u(words, used);
    used += k;
    if (used >= 32) {
      from += 16;
      words = v128.load(from);
      used -= 32;
      v = v128.or(v, i32x4.shl(words, k - used));
    }
    v = signedRow(v128.and(v, mask), unused);
    if (sizeof<T>() == 2) v128.store64_lane(to, i16x8.narrow_i32x4_s(v, v), 0);
    else v128.store(to, v);
  }
  return used == 0 || !v128.any_true(i32x4.shr_u(words, used));
}

// @ts-ignore: decorator
@inline
function storeRows<T>(to: usize, a: v128, b: v128): void {
  if (sizeof<T>() == 2) v128.store(to, i16x8.narrow_i32x4_s(a, b));
  else {
    v128.store(to, a);
    v128.store(to, b, 16);
  }
}

// @ts-ignore: decorator
@inline
function signedRow(v: v128, unused: i32): v128 {
  return unused > 0 ? i32x4.shr_s(i32x4.shl(v, unused), unused) : v;
}

function refill(): void {
  ahead |= load<u64>(next) << aheadBits;
  next += (63 - aheadBits) >>> 3;
  aheadBits |= 56;
}

function unpackSymbols<T>(bits: i32, start: i32, count: i32, code: i32, k: i32): void {
  const table = DECODING + (<usize>code << 15);
  escapes = 0;
  let i = 0;
  while (i < count) {
    i = readMany(table, i, count);
    if (i < count) {
      readOne(bits, table, i, code, k);
      i++;
    }
  }
  const to = RESIDUALS + <usize>start * sizeof<T>();
  raise<T>(to, count, k);
  for (let j: usize = 0; j < <usize>escapes << 3; j += 8) {
    const at = to + <usize>load<i32>(ESCAPES + j) * sizeof<T>();
    const low = <i32>load<T>(at) & ((1 << k) - 1);
    store<T>(at, <T>((load<i32>(ESCAPES + j, 4) << k) | low));
  }
}

/** Up to four symbols a look-up, four look-ups a refill, up to an escape or near the end of the block. */
function readMany(table: usize, i: i32, count: i32): i32 {
  let bitsAhead = aheadBits;
  let stream = ahead;
  let from = next;
  let to = SYMBOLS + i;
  const last = SYMBOLS + count - 16;
  while (<isize>to <= <isize>last) {
    stream |= load<u64>(from) << bitsAhead;
    from += (63 - bitsAhead) >>> 3;
    bitsAhead |= 56;
    const a = load<u64>(table + (<usize>(stream & 0xfff) << 3));
    store<u32>(to, <u32>(a >> 32));
    to += countOf(a);
    stream >>= a; // by its low six bits
    const b = load<u64>(table + (<usize>(stream & 0xfff) << 3));
    store<u32>(to, <u32>(b >> 32));
    to += countOf(b);
    stream >>= b; // by its low six bits
    const c = load<u64>(table + (<usize>(stream & 0xfff) << 3));
    store<u32>(to, <u32>(c >> 32));
    to += countOf(c);
    stream >>= c; // by its low six bits
    const d = load<u64>(table + (<usize>(stream & 0xfff) << 3));
    store<u32>(to, <u32>(d >> 32));
    to += countOf(d);
    stream >>= d; // by its low six bits
    bitsAhead -= <i32>(bitsOf(a) + bitsOf(b) + bitsOf(c) + bitsOf(d));
    if (countOf(d) == 0) break;
  }
  next = from;
  ahead = stream;
  aheadBits = bitsAhead;
  return <i32>(to - SYMBOLS);
}

/** Symbols of a table's entry. */
// @ts-ignore: decorator
@inline
function countOf(entry: u64): usize {
  return (<usize>entry >> 8) & 7;
}

/** Bits that they take. */
// @ts-ignore: decorator
@inline
function bitsOf(entry: u64): u64 {
  return entry & 15;
}

function readOne(bits: i32, table: usize, i: i32, code: i32, k: i32): void {
  refill();
  const entry = load<u64>(table + (<usize>(ahead & 0xfff) << 3));
  skip(<i32>entry >>> 16);
  if ((entry & 0x700) != 0) {
    store<u8>(SYMBOLS + i, <u8>(entry >> 32));
    return;
  }
  const width = bits - k;
  const value = (<i32>ahead << (32 - width)) >> (32 - width);
  skip(width);
  store<u8>(SYMBOLS + i, 0);
  store<i32>(ESCAPES + (<usize>escapes << 3), i);
  store<i32>(ESCAPES + (<usize>escapes << 3), value, 4);
  escapes++;
}

function skip(count: i32): void {
  ahead >>= count;
  aheadBits -= count;
}

/** Residual = symbol · 2^k + low bits, in place of the low bits; the vectors overhang into what comes after. */
function raise<T>(to: usize, count: i32, k: i32): void {
  let symbols = SYMBOLS;
  const end = SYMBOLS + count;
  memory.fill(end, 0, 16);
  for (; symbols < end; symbols += 8, to += 8 * sizeof<T>()) {
    const s = v128.load8x8_s(symbols);
    if (sizeof<T>() == 2) v128.store(to, v128.or(v128.load(to), i16x8.shl(s, k)));
    else {
      v128.store(to, v128.or(v128.load(to), i32x4.shl(i32x4.extend_low_i16x8_s(s), k)));
      v128.store(to, v128.or(v128.load(to, 16), i32x4.shl(i32x4.extend_high_i16x8_s(s), k)), 16);
    }
  }
}
