/** Residuals to bytes: planes of low bits, then the prefix codes of what is above them. docs/frame.md, "Blocks". */

import { BYTES, DESCRIPTORS, PAIR_CODES, RESIDUALS, SYMBOL_CODES, SYMBOLS } from './layout';

/** The stream of prefix codes, and where the next byte or word goes. */
let acc: u64 = 0;
let accBits: i32 = 0;
let out: usize = 0;

/** Packs `n` residuals in blocks of 2^`blockLog` by DESCRIPTORS to BYTES + `at`; returns the offset after them. */
export function pack(bits: i32, n: i32, blockLog: i32, at: i32): i32 {
  return bits == 16 ? packBlocks<i16>(bits, n, blockLog, at) : packBlocks<i32>(bits, n, blockLog, at);
}

function packBlocks<T>(bits: i32, n: i32, blockLog: i32, at: i32): i32 {
  const block = 1 << blockLog;
  out = BYTES + at;
  for (let start = 0, d = DESCRIPTORS; start < n; start += block, d++) {
    packPlane<T>(RESIDUALS + <usize>start * sizeof<T>(), (min(block, n - start) + 3) >> 2, <i32>load<u8>(d) & 31);
  }
  acc = 0;
  accBits = 0;
  for (let start = 0, d = DESCRIPTORS; start < n; start += block, d++) {
    const descriptor = <i32>load<u8>(d);
    if (descriptor >= 32) packSymbols<T>(bits, start, min(block, n - start), descriptor >> 5, descriptor & 31);
  }
  if (accBits > 0) store<u8>(out++, <u8>acc);
  return <i32>(out - BYTES);
}

/** The low `k` bits of four residuals a row, each lane a bit stream of its own; two rows at a time where 31 bits hold them. */
function packPlane<T>(from: usize, rows: i32, k: i32): void {
  if (k == 0) return;
  const mask = i32x4.splat((1 << k) - 1);
  let words = i32x4.splat(0);
  let used = 0;
  let to = out;
  const pairs = k <= 15 ? rows >> 1 : 0;
  for (let pair = 0; pair < pairs; pair++, from += 8 * sizeof<T>()) {
    const v = v128.or(v128.and(rowAt<T>(from), mask), i32x4.shl(v128.and(rowAt<T>(from + 4 * sizeof<T>()), mask), k));
    words = v128.or(words, i32x4.shl(v, used));
    used += 2 * k;
    if (used >= 32) {
      v128.store(to, words);
      to += 16;
      used -= 32;
      words = i32x4.shr_u(v, 2 * k - used);
    }
  }
  for (let row = 2 * pairs; row < rows; row++, from += 4 * sizeof<T>()) {
    const v = v128.and(rowAt<T>(from), mask);
    words = v128.or(words, i32x4.shl(v, used));
    used += k;
    if (used >= 32) {
      v128.store(to, words);
      to += 16;
      used -= 32;
      words = i32x4.shr_u(v, k - used);
    }
  }
  if (used > 0) {
    v128.store(to, words);
    to += 16;
  }
  out = to;
}

// @ts-ignore: decorator
@inline
function rowAt<T>(from: usize): v128 {
  return sizeof<T>() == 2 ? v128.load16x4_s(from) : v128.load(from);
}

function packSymbols<T>(bits: i32, start: i32, count: i32, code: i32, k: i32): void {
  const from = RESIDUALS + <usize>start * sizeof<T>();
  makePairs<T>(from, count, k);
  const table = PAIR_CODES + (<usize>code << 12);
  let stream = acc;
  let streamBits = accBits;
  let to = out;
  const fours = count & ~3;
  for (let i = 0; i < fours; i += 4) {
    const two = SYMBOLS + <usize>i;
    const a = load<u32>(table + (<usize>load<u16>(two) << 2));
    const b = load<u32>(table + (<usize>load<u16>(two, 2) << 2));
    if (<i32>(a | b) < 0) {
      acc = stream;
      accBits = streamBits;
      out = to;
      for (let j = i; j < i + 4; j++) putSymbol<T>(bits, from, j, code, k);
      stream = acc;
      streamBits = accBits;
      to = out;
    } else {
      const four = <u64>(a & 0xff_ffff) | (<u64>(b & 0xff_ffff) << (a >>> 24));
      stream |= four << streamBits;
      streamBits += (a >>> 24) + (b >>> 24);
      store<u64>(to, stream);
      to += streamBits >>> 3;
      stream >>= streamBits & 0x38;
      streamBits &= 7;
    }
  }
  acc = stream;
  accBits = streamBits;
  out = to;
  for (let j = fours; j < count; j++) putSymbol<T>(bits, from, j, code, k);
}

/** Two bytes for each two residuals: the first one's symbol in the low five bits, the second one's in the five above. */
function makePairs<T>(from: usize, count: i32, k: i32): void {
  let to = SYMBOLS;
  for (let i = 0; i < count; i += 16, from += 16 * sizeof<T>(), to += 16) v128.store(to, pairsOf<T>(from, k));
}

// @ts-ignore: decorator
@inline
function pairsOf<T>(from: usize, k: i32): v128 {
  let a: v128;
  let b: v128;
  if (sizeof<T>() == 2) {
    a = i16x8.shr_s(v128.load(from), k);
    b = i16x8.shr_s(v128.load(from, 16), k);
  } else {
    a = i16x8.narrow_i32x4_s(i32x4.shr_s(v128.load(from), k), i32x4.shr_s(v128.load(from, 16), k));
    b = i16x8.narrow_i32x4_s(i32x4.shr_s(v128.load(from, 32), k), i32x4.shr_s(v128.load(from, 48), k));
  }
  let s = i8x16.add(i8x16.narrow_i16x8_s(a, b), i8x16.splat(16));
  s = v128.and(s, i8x16.lt_u(s, i8x16.splat(32)));
  return v128.or(v128.and(s, i16x8.splat(0x1f)), i16x8.shr_u(v128.and(s, i16x8.splat(0x1f00)), 3));
}

function putSymbol<T>(bits: i32, from: usize, index: i32, code: i32, k: i32): void {
  const high = <i32>load<T>(from + <usize>index * sizeof<T>()) >> k;
  const symbol = high >= -15 && high <= 15 ? high + 16 : 0;
  const word = load<u32>(SYMBOL_CODES + (<usize>code << 7) + (<usize>symbol << 2));
  putBits(word & 0xff_ffff, word >>> 24);
  if (symbol == 0) putBits(high & ((1 << (bits - k)) - 1), bits - k);
}

function putBits(value: u32, count: i32): void {
  acc |= <u64>value << accBits;
  accBits += count;
  store<u64>(out, acc);
  out += accBits >>> 3;
  acc >>= accBits & 0x38;
  accBits &= 7;
}
