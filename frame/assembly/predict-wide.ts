/**
 * Prediction of 24-bit samples with 16-bit products: x = 2^12·h + l with h of 12 bits and sign, l of 12 bits, so
 * Σ c·x = 2^12·Σ c·h + Σ c·l, and both sums fit 32 bits: the format keeps Σ |c| below 2^19.
 */

import { HISTORY, RESIDUALS, SAMPLES, SCRATCH, SPLATS, SUB_BLOCK, SUMS } from './layout';
import { addLanes } from './predict';

const CHUNK: i32 = 2048;
export const HALVES: usize = 0x5_0000;

/** Pairs of halves: low 16 bits from `x`, high 16 bits from the sample `before`. */
// @ts-ignore: decorator
@inline
export function highPair(x: v128, before: v128): v128 {
  return v128.or(v128.and(i32x4.shr_s(x, 12), i32x4.splat(0xffff)), i32x4.shl(i32x4.shr_s(before, 12), 16));
}

// @ts-ignore: decorator
@inline
export function lowPair(x: v128, before: v128): v128 {
  return v128.or(v128.and(x, i32x4.splat(0xfff)), i32x4.shl(v128.and(before, i32x4.splat(0xfff)), 16));
}

/** The low 32 bits of (2^12·high + low + bias) / 2^shift. */
// @ts-ignore: decorator
@inline
export function joined(high: v128, low: v128, bias: v128, shift: i32): v128 {
  const a = i64x2.add(i64x2.add(i64x2.shl(i64x2.extend_low_i32x4_s(high), 12), i64x2.extend_low_i32x4_s(low)), bias);
  const b = i64x2.add(i64x2.add(i64x2.shl(i64x2.extend_high_i32x4_s(high), 12), i64x2.extend_high_i32x4_s(low)), bias);
  return v128.shuffle<i32>(i64x2.shr_u(a, shift), i64x2.shr_u(b, shift), 0, 2, 4, 6);
}

/** Residuals from `start` to `stop`, one segment, and the sums of their sub-blocks. */
export function predictWide(start: i32, stop: i32, pairs: i32, shift: i32, offset: i32, bias: i64): void {
  const high = SCRATCH + HISTORY * 4;
  const low = high + HALVES;
  const middle = i32x4.splat(offset);
  for (let at: usize = 0; at < <usize>HISTORY * 4; at += 16) {
    v128.store(SCRATCH + at, highPair(middle, middle));
    v128.store(SCRATCH + HALVES + at, lowPair(middle, middle));
  }
  for (let from = start; from < stop; from += CHUNK) {
    const count = min(CHUNK, stop - from);
    const x = SAMPLES + (<usize>from << 2);
    for (let at: usize = 0; at < <usize>count << 2; at += 16) {
      const now = v128.load(x + at);
      let before = v128.load(x + at - 4);
      if (at == 0 && from == start) before = i32x4.replace_lane(before, 0, offset);
      v128.store(high + at, highPair(now, before));
      v128.store(low + at, lowPair(now, before));
    }
    for (let b = 0; b < count; b += SUB_BLOCK) {
      const sum = subBlock(from + b, min(SUB_BLOCK, count - b), high + (<usize>b << 2), pairs, shift, bias);
      store<i32>(SUMS + (<usize>((from + b) / SUB_BLOCK) << 2), sum);
    }
    memory.copy(SCRATCH, SCRATCH + CHUNK * 4, HISTORY * 4);
    memory.copy(SCRATCH + HALVES, SCRATCH + HALVES + CHUNK * 4, HISTORY * 4);
  }
}

function subBlock(from: i32, count: i32, P: usize, pairs: i32, shift: i32, bias: i64): i32 {
  const constant = i64x2.splat(bias);
  const splatsEnd = SPLATS + (<usize>pairs << 4);
  let sums = i32x4.splat(0);
  const x = SAMPLES + (<usize>from << 2);
  const e = RESIDUALS + (<usize>from << 2);
  for (let at: usize = 0; at < <usize>count << 2; at += 32) {
    let h0 = i32x4.splat(0);
    let h1 = h0;
    let l0 = h0;
    let l1 = h0;
    let p = P + at - 4;
    for (let s = SPLATS; s < splatsEnd; s += 16, p -= 8) {
      const c = v128.load(s);
      h0 = i32x4.add(h0, i32x4.dot_i16x8_s(v128.load(p), c));
      h1 = i32x4.add(h1, i32x4.dot_i16x8_s(v128.load(p, 16), c));
      l0 = i32x4.add(l0, i32x4.dot_i16x8_s(v128.load(p + HALVES), c));
      l1 = i32x4.add(l1, i32x4.dot_i16x8_s(v128.load(p + HALVES, 16), c));
    }
    const e0 = residual(v128.load(x + at), joined(h0, l0, constant, shift));
    const e1 = residual(v128.load(x + at, 16), joined(h1, l1, constant, shift));
    v128.store(e + at, e0);
    v128.store(e + at, e1, 16);
    sums = i32x4.add(sums, i32x4.add(i32x4.abs(e0), i32x4.abs(e1)));
  }
  return addLanes(sums);
}

// @ts-ignore: decorator
@inline
function residual(x: v128, prediction: v128): v128 {
  return wrapped(i32x4.sub(x, prediction));
}

// @ts-ignore: decorator
@inline
export function wrapped(v: v128): v128 {
  return i32x4.shr_s(i32x4.shl(v, 8), 8);
}
