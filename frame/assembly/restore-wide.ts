/** 24-bit samples from residuals, with 16-bit products: predict-wide.ts says how. */

import { COEFFICIENTS, HISTORY, RESIDUALS, SAMPLES, SCRATCH, SPLATS } from './layout';
import { addLanes } from './predict';
import { HALVES, highPair, joined, lowPair, wrapped } from './predict-wide';
import { shifted } from './restore';

/** Four segments side by side, one in each lane. */
export function restoreFourWide(segment: i32, pairs: i32, shift: i32, offset: i32, bias: i64): void {
  const splatsEnd = SPLATS + (<usize>pairs << 4);
  const constant = i64x2.splat(bias);
  const middle = i32x4.splat(offset);
  let P = SCRATCH + HISTORY * 16;
  for (let at = SCRATCH; at < P; at += 16) {
    v128.store(at, highPair(middle, middle));
    v128.store(at + HALVES, lowPair(middle, middle));
  }
  const step = <usize>segment << 2;
  let before = middle;
  let x = SAMPLES;
  for (let e = RESIDUALS; e < RESIDUALS + step; e += 4, x += 4, P += 16) {
    let h = i32x4.splat(0);
    let l = h;
    let g = h;
    let m = h;
    let p = P - 16;
    for (let s = SPLATS; s < splatsEnd; s += 32, p -= 64) {
      const c = v128.load(s);
      const d = v128.load(s, 16);
      h = i32x4.add(h, i32x4.dot_i16x8_s(v128.load(p), c));
      l = i32x4.add(l, i32x4.dot_i16x8_s(v128.load(p + HALVES), c));
      g = i32x4.add(g, i32x4.dot_i16x8_s(v128.load(p - 32), d));
      m = i32x4.add(m, i32x4.dot_i16x8_s(v128.load(p - 32 + HALVES), d));
    }
    let r = v128.load32_zero(e);
    r = v128.load32_lane(e + step, r, 1);
    r = v128.load32_lane(e + 2 * step, r, 2);
    r = v128.load32_lane(e + 3 * step, r, 3);
    const sample = wrapped(i32x4.add(joined(i32x4.add(h, g), i32x4.add(l, m), constant, shift), r));
    v128.store32_lane(x, sample, 0);
    v128.store32_lane(x + step, sample, 1);
    v128.store32_lane(x + 2 * step, sample, 2);
    v128.store32_lane(x + 3 * step, sample, 3);
    v128.store(P, highPair(sample, before));
    v128.store(P + HALVES, lowPair(sample, before));
    before = sample;
  }
}

/** Sums of all residuals up to each one, modulo 2^24, four at a time; the first is added to `before`. */
export function addUpWide(from: usize, to: usize, n: i32, before: i32): void {
  const zero = i32x4.splat(0);
  let last = i32x4.splat(before);
  for (let at: usize = 0; at < <usize>n << 2; at += 16) {
    let e = v128.load(from + at);
    e = i32x4.add(e, v128.shuffle<i32>(zero, e, 3, 4, 5, 6));
    e = i32x4.add(e, v128.shuffle<i32>(zero, e, 2, 3, 4, 5));
    e = wrapped(i32x4.add(e, last));
    v128.store(to + at, e);
    last = v128.shuffle<i32>(e, e, 3, 3, 3, 3);
  }
}

export function restoreCentredWide(n: i32, offset: i32): void {
  const middle = i32x4.splat(offset);
  for (let at: usize = 0; at < <usize>n << 2; at += 16) {
    v128.store(SAMPLES + at, wrapped(i32x4.add(v128.load(RESIDUALS + at), middle)));
  }
}

/** One segment, as restoreOne in restore.ts does it, in halves. */
export function restoreOneWide(n: i32, pairs: i32, shift: i32, offset: i32, bias: i64): void {
  const first = <i64>load<i16>(COEFFICIENTS);
  const c0 = v128.load(COEFFICIENTS, 2);
  const c1 = v128.load(COEFFICIENTS, 18);
  const c2 = v128.load(COEFFICIENTS, 34);
  const c3 = i16x8.replace_lane(v128.load(COEFFICIENTS, 50), 7, 0);
  let h0 = i16x8.splat(<i16>(offset >> 12));
  let h1 = h0;
  let h2 = h0;
  let h3 = h0;
  let l0 = i16x8.splat(<i16>(offset & 0xfff));
  let l1 = l0;
  let l2 = l0;
  let l3 = l0;
  let last = offset;
  for (let at: usize = 0; at < <usize>n << 2; at += 4) {
    let high = i32x4.dot_i16x8_s(h0, c0);
    let low = i32x4.dot_i16x8_s(l0, c0);
    if (pairs > 4) {
      high = i32x4.add(i32x4.add(high, i32x4.dot_i16x8_s(h1, c1)), i32x4.add(i32x4.dot_i16x8_s(h2, c2), i32x4.dot_i16x8_s(h3, c3)));
      low = i32x4.add(i32x4.add(low, i32x4.dot_i16x8_s(l1, c1)), i32x4.add(i32x4.dot_i16x8_s(l2, c2), i32x4.dot_i16x8_s(l3, c3)));
      h3 = shifted(h2, h3);
      h2 = shifted(h1, h2);
      h1 = shifted(h0, h1);
      l3 = shifted(l2, l3);
      l2 = shifted(l1, l2);
      l1 = shifted(l0, l1);
    }
    const sum = bias + (<i64>addLanes(high) << 12) + <i64>addLanes(low) + first * <i64>last;
    h0 = shifted(i16x8.splat(<i16>(last >> 12)), h0);
    l0 = shifted(i16x8.splat(<i16>(last & 0xfff)), l0);
    last = ((<i32>(sum >> shift) + load<i32>(RESIDUALS + at)) << 8) >> 8;
    store<i32>(SAMPLES + at, last);
  }
}
