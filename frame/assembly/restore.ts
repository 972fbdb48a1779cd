/** Samples from residuals of a linear predictor. docs/frame.md, "Prediction", has the formula. */

import { COEFFICIENTS, HISTORY, RESIDUALS, SAMPLES, SCRATCH, SPLATS, SYMBOLS } from './layout';
import { addLanes, biasOf, splatCoefficients } from './predict';
import { addUpWide, restoreCentredWide, restoreFourWide, restoreOneWide } from './restore-wide';

/** Samples from residuals: the inverse of `predict` and, for one segment, of `differences`. */
export function restore(bits: i32, n: i32, segment: i32, order: i32, shift: i32, offset: i32): void {
  if (bits == 16) restoreNarrow(n, segment, order, shift, offset);
  else restoreWide(n, segment, order, shift, offset);
}

function restoreNarrow(n: i32, segment: i32, order: i32, shift: i32, offset: i32): void {
  if (order == 0) restoreCentred(n, offset);
  else if (segment < n) restoreFour(segment, order, shift, offset);
  else if (isDifference(order, shift)) {
    if (order == 2) addUp(RESIDUALS, RESIDUALS, n, 0);
    addUp(RESIDUALS, SAMPLES, n, offset);
  } else restoreOne(n, order, shift, offset);
}

function restoreWide(n: i32, segment: i32, order: i32, shift: i32, offset: i32): void {
  if (order == 0) restoreCentredWide(n, offset);
  else if (segment < n) {
    restoreFourWide(segment, splatCoefficients(order), shift, offset, biasOf(order, shift, offset));
  } else if (isDifference(order, shift)) {
    if (order == 2) addUpWide(RESIDUALS, RESIDUALS, n, 0);
    addUpWide(RESIDUALS, SAMPLES, n, offset);
  } else restoreOneWide(n, splatCoefficients(order), shift, offset, biasOf(order, shift, offset));
}

/** Whether the predictor is the sample before, or the line through the two before. */
function isDifference(order: i32, shift: i32): bool {
  if (shift != 0) return false;
  const first = <i32>load<i16>(COEFFICIENTS);
  return order == 1 ? first == 1 : order == 2 && first == 2 && <i32>load<i16>(COEFFICIENTS + 2) == -1;
}

function restoreCentred(n: i32, offset: i32): void {
  const middle = i16x8.splat(<i16>offset);
  for (let at: usize = 0; at < <usize>n << 1; at += 16) {
    v128.store(SAMPLES + at, i16x8.add(v128.load(RESIDUALS + at), middle));
  }
}

/** Sums of all residuals up to each one, eight at a time; the first is added to `before`. */
function addUp(from: usize, to: usize, n: i32, before: i32): void {
  const zero = i16x8.splat(0);
  let last = i16x8.splat(<i16>before);
  for (let at: usize = 0; at < <usize>n << 1; at += 16) {
    let e = v128.load(from + at);
    e = i16x8.add(e, v128.shuffle<i16>(zero, e, 7, 8, 9, 10, 11, 12, 13, 14));
    e = i16x8.add(e, v128.shuffle<i16>(zero, e, 6, 7, 8, 9, 10, 11, 12, 13));
    e = i16x8.add(e, v128.shuffle<i16>(zero, e, 4, 5, 6, 7, 8, 9, 10, 11));
    e = i16x8.add(e, last);
    v128.store(to + at, e);
    last = v128.shuffle<i16>(e, e, 7, 7, 7, 7, 7, 7, 7, 7);
  }
}

/**
 * One segment: the 32 samples before the last one in four vectors, the newest first, and the last one on its own, so that
 * from sample to sample there is one multiplication to wait for.
 */
function restoreOne(n: i32, order: i32, shift: i32, offset: i32): void {
  const bias = <i32>biasOf(order, shift, offset);
  splatCoefficients(order); // zeros after the last
  const first = <i32>load<i16>(COEFFICIENTS);
  const c0 = v128.load(COEFFICIENTS, 2);
  const c1 = v128.load(COEFFICIENTS, 18);
  const c2 = v128.load(COEFFICIENTS, 34);
  const c3 = i16x8.replace_lane(v128.load(COEFFICIENTS, 50), 7, 0);
  let h0 = i16x8.splat(<i16>offset);
  let h1 = h0;
  let h2 = h0;
  let h3 = h0;
  let last = offset;
  for (let at: usize = 0; at < <usize>n << 1; at += 2) {
    const sums = i32x4.add(
      i32x4.add(i32x4.dot_i16x8_s(h0, c0), i32x4.dot_i16x8_s(h1, c1)),
      i32x4.add(i32x4.dot_i16x8_s(h2, c2), i32x4.dot_i16x8_s(h3, c3)),
    );
    const sum = bias + addLanes(sums) + first * last;
    h3 = shifted(h2, h3);
    h2 = shifted(h1, h2);
    h1 = shifted(h0, h1);
    h0 = shifted(i16x8.splat(<i16>last), h0);
    last = <i32>(<i16>((sum >> shift) + <i32>load<i16>(RESIDUALS + at)));
    store<i16>(SAMPLES + at, <i16>last);
  }
}

/** The last lane of `newer`, then all but the last of `older`. */
// @ts-ignore: decorator
@inline
export function shifted(newer: v128, older: v128): v128 {
  return v128.shuffle<i16>(newer, older, 7, 8, 9, 10, 11, 12, 13, 14);
}

/**
 * Four segments side by side, one in each lane. The residual is added before the shift: the low 16 bits of the sample are
 * the same, as shift + 16 < 32, and the chain from sample to sample is shorter.
 */
function restoreFour(segment: i32, order: i32, shift: i32, offset: i32): void {
  const pairs = splatCoefficients(order);
  const splatsEnd = SPLATS + (<usize>pairs << 4);
  const constant = i32x4.splat(<i32>biasOf(order, shift, offset));
  const first = v128.load(SPLATS);
  const second = v128.load(SPLATS, 16);
  const third = v128.load(SPLATS, 32);
  const fourth = v128.load(SPLATS, 48);
  let P = SCRATCH + HISTORY * 16;
  for (let at = SCRATCH; at < P; at += 16) v128.store(at, i16x8.splat(<i16>offset));
  const step = <usize>segment << 1;
  let before = i32x4.splat(offset << 16);
  let pair = i16x8.splat(<i16>offset);
  for (let at: usize = 0; at < step; at += 16) {
    gatherEight(RESIDUALS + at, step);
    for (let turn: usize = 0; turn < 128; turn += 16, P += 16) {
      let a = i32x4.add(constant, i32x4.dot_i16x8_s(v128.load(P - 48), second));
      let b = i32x4.add(i32x4.dot_i16x8_s(v128.load(P - 80), third), i32x4.dot_i16x8_s(v128.load(P - 112), fourth));
      let p = P - 240;
      for (let s = SPLATS + 64; s < splatsEnd; s += 64, p -= 128) {
        const c = i32x4.dot_i16x8_s(v128.load(p, 96), v128.load(s));
        const d = i32x4.dot_i16x8_s(v128.load(p, 64), v128.load(s, 16));
        const f = i32x4.dot_i16x8_s(v128.load(p, 32), v128.load(s, 32));
        const g = i32x4.dot_i16x8_s(v128.load(p), v128.load(s, 48));
        a = i32x4.add(a, i32x4.add(c, d));
        b = i32x4.add(b, i32x4.add(f, g));
      }
      a = i32x4.add(i32x4.add(a, b), i32x4.shl(v128.load(SYMBOLS + turn), shift));
      const sample = i32x4.shr_s(i32x4.add(a, i32x4.dot_i16x8_s(pair, first)), shift);
      pair = v128.shuffle<i16>(sample, before, 0, 9, 2, 11, 4, 13, 6, 15);
      before = i32x4.shl(sample, 16);
      v128.store(P, pair);
    }
    spreadEight(P - 128, SAMPLES + at, step);
  }
}

/** The next eight residuals of each segment, those of one turn in one vector, to SYMBOLS; the high halves are anything. */
function gatherEight(e: usize, step: usize): void {
  const e0 = v128.load(e);
  const e1 = v128.load(e + step);
  const e2 = v128.load(e + 2 * step);
  const e3 = v128.load(e + 3 * step);
  const a = v128.shuffle<i16>(e0, e1, 0, 8, 1, 9, 2, 10, 3, 11);
  const b = v128.shuffle<i16>(e2, e3, 0, 8, 1, 9, 2, 10, 3, 11);
  const c = v128.shuffle<i16>(e0, e1, 4, 12, 5, 13, 6, 14, 7, 15);
  const d = v128.shuffle<i16>(e2, e3, 4, 12, 5, 13, 6, 14, 7, 15);
  storeTwo(v128.shuffle<i32>(a, b, 0, 4, 1, 5), SYMBOLS);
  storeTwo(v128.shuffle<i32>(a, b, 2, 6, 3, 7), SYMBOLS + 32);
  storeTwo(v128.shuffle<i32>(c, d, 0, 4, 1, 5), SYMBOLS + 64);
  storeTwo(v128.shuffle<i32>(c, d, 2, 6, 3, 7), SYMBOLS + 96);
}

// @ts-ignore: decorator
@inline
function storeTwo(v: v128, to: usize): void {
  v128.store(to, i32x4.extend_low_i16x8_s(v));
  v128.store(to, i32x4.extend_high_i16x8_s(v), 16);
}

/** Eight samples of each segment from the pairs of eight turns: every second pair has two of them, the later one first. */
function spreadEight(P: usize, x: usize, step: usize): void {
  const p0 = v128.load(P, 16);
  const p1 = v128.load(P, 48);
  const p2 = v128.load(P, 80);
  const p3 = v128.load(P, 112);
  const a = v128.shuffle<i32>(p0, p1, 0, 4, 1, 5);
  const b = v128.shuffle<i32>(p2, p3, 0, 4, 1, 5);
  const c = v128.shuffle<i32>(p0, p1, 2, 6, 3, 7);
  const d = v128.shuffle<i32>(p2, p3, 2, 6, 3, 7);
  v128.store(x, inOrder(v128.shuffle<i64>(a, b, 0, 2)));
  v128.store(x + step, inOrder(v128.shuffle<i64>(a, b, 1, 3)));
  v128.store(x + 2 * step, inOrder(v128.shuffle<i64>(c, d, 0, 2)));
  v128.store(x + 3 * step, inOrder(v128.shuffle<i64>(c, d, 1, 3)));
}

// @ts-ignore: decorator
@inline
function inOrder(v: v128): v128 {
  return v128.shuffle<i16>(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
}
