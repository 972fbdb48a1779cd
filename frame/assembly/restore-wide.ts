/** 24-bit samples from residuals, with 16-bit products: predict-wide.ts says how. */

import { COEFFICIENTS, HISTORY, RESIDUALS, SAMPLES, SCRATCH, SPLATS, SYMBOLS } from './layout';
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
  const first = v128.load(SPLATS);
  const second = v128.load(SPLATS, 16);
  const third = v128.load(SPLATS, 32);
  const fourth = v128.load(SPLATS, 48);
  const step = <usize>segment << 2;
  let before = middle;
  let high = highPair(middle, middle);
  let low = lowPair(middle, middle);
  for (let at: usize = 0; at < step; at += 16) {
    transpose(RESIDUALS + at, step, SYMBOLS, 16);
    for (let turn: usize = 0; turn < 64; turn += 16, P += 16) {
      let h = i32x4.dot_i16x8_s(v128.load(P - 48), second);
      let l = i32x4.dot_i16x8_s(v128.load(P - 48, HALVES), second);
      let g = i32x4.add(i32x4.dot_i16x8_s(v128.load(P - 80), third), i32x4.dot_i16x8_s(v128.load(P - 112), fourth));
      let m = i32x4.add(i32x4.dot_i16x8_s(v128.load(P - 80, HALVES), third), i32x4.dot_i16x8_s(v128.load(P - 112, HALVES), fourth));
      let p = P - 240;
      for (let s = SPLATS + 64; s < splatsEnd; s += 64, p -= 128) {
        const c = v128.load(s);
        const d = v128.load(s, 16);
        const e = v128.load(s, 32);
        const f = v128.load(s, 48);
        h = i32x4.add(h, i32x4.add(i32x4.dot_i16x8_s(v128.load(p, 96), c), i32x4.dot_i16x8_s(v128.load(p, 64), d)));
        l = i32x4.add(l, i32x4.add(i32x4.dot_i16x8_s(v128.load(p, HALVES + 96), c), i32x4.dot_i16x8_s(v128.load(p, HALVES + 64), d)));
        g = i32x4.add(g, i32x4.add(i32x4.dot_i16x8_s(v128.load(p, 32), e), i32x4.dot_i16x8_s(v128.load(p), f)));
        m = i32x4.add(m, i32x4.add(i32x4.dot_i16x8_s(v128.load(p, HALVES + 32), e), i32x4.dot_i16x8_s(v128.load(p, HALVES), f)));
      }
      // The newest samples come last, from registers: each step waits for them.
      h = i32x4.add(i32x4.add(h, g), i32x4.dot_i16x8_s(high, first));
      l = i32x4.add(i32x4.add(l, m), i32x4.dot_i16x8_s(low, first));
      const sample = wrapped(i32x4.add(joined(h, l, constant, shift), v128.load(SYMBOLS + turn)));
      v128.store(SYMBOLS + turn, sample);
      high = highPair(sample, before);
      low = lowPair(sample, before);
      v128.store(P, high);
      v128.store(P + HALVES, low);
      before = sample;
    }
    transpose(SYMBOLS, 16, SAMPLES + at, step);
  }
}

/** Four vectors of four: rows become columns. */
function transpose(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + fromStep);
  const c = v128.load(from + 2 * fromStep);
  const d = v128.load(from + 3 * fromStep);
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const AB = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const CD = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(to + toStep, v128.shuffle<i64>(ab, cd, 1, 3));
  v128.store(to + 2 * toStep, v128.shuffle<i64>(AB, CD, 0, 2));
  v128.store(to + 3 * toStep, v128.shuffle<i64>(AB, CD, 1, 3));
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
