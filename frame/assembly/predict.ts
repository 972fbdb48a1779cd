/** Residuals of a linear predictor. docs/frame.md, "Prediction", has the formula. */

import { COEFFICIENTS, HISTORY, RESIDUALS, SAMPLES, SCRATCH, SPLATS, SUB_BLOCK, SUMS } from './layout';
import { predictWide } from './predict-wide';

/** Residuals of the differences of order 0 (from `offset`), 1 or 2 (as if `offset` came before). */
export function differences(bits: i32, n: i32, order: i32, offset: i32): void {
  if (bits == 16) differencesNarrow(n, order, offset);
  else differencesWide(n, order, offset);
  clearAfter(bits, n);
}

function differencesNarrow(n: i32, order: i32, offset: i32): void {
  store<i16>(SAMPLES - 2, <i16>offset);
  store<i16>(SAMPLES - 4, <i16>offset);
  const end = <usize>n << 1;
  const middle = i16x8.splat(<i16>offset);
  for (let at: usize = 0; at < end; at += 16) {
    const x = v128.load(SAMPLES + at);
    let e: v128;
    if (order == 0) e = i16x8.sub(x, middle);
    else {
      const a = v128.load(SAMPLES - 2 + at);
      e = i16x8.sub(x, a);
      if (order == 2) e = i16x8.sub(e, i16x8.sub(a, v128.load(SAMPLES - 4 + at)));
    }
    v128.store(RESIDUALS + at, e);
  }
}

function differencesWide(n: i32, order: i32, offset: i32): void {
  store<i32>(SAMPLES - 4, offset);
  store<i32>(SAMPLES - 8, offset);
  for (let at: usize = 0; at < <usize>n << 2; at += 4) {
    const x = load<i32>(SAMPLES + at);
    let e = x - offset;
    if (order > 0) {
      const a = load<i32>(SAMPLES - 4 + at);
      e = x - a;
      if (order == 2) e += load<i32>(SAMPLES - 8 + at) - a;
    }
    store<i32>(RESIDUALS + at, (e << 8) >> 8);
  }
}

/** Zeros for what vectors read after the last residual. */
function clearAfter(bits: i32, n: i32): void {
  memory.fill(RESIDUALS + (<usize>n << (bits == 16 ? 1 : 2)), 0, SUB_BLOCK * 4);
}

/** The predictor's constant: pred = floor((Σ c·x + bias) / 2^shift) = offset + floor(Σ c·(x - offset) / 2^shift). */
export function biasOf(order: i32, shift: i32, offset: i32): i64 {
  let sum: i64 = 0;
  for (let j = 0; j < order; j++) sum += <i64>load<i16>(COEFFICIENTS + (<usize>j << 1));
  return <i64>offset * ((<i64>1 << shift) - sum);
}

/** Pairs of coefficients in all lanes, zeros up to a multiple of four pairs; returns the number of pairs. */
export function splatCoefficients(order: i32): i32 {
  const pairs = (order + 7) >> 3 << 2;
  memory.fill(COEFFICIENTS + (<usize>order << 1), 0, <usize>(2 * HISTORY - 2 * order));
  for (let j = 0; j < pairs; j++) v128.store(SPLATS + (<usize>j << 4), v128.load32_splat(COEFFICIENTS + (<usize>j << 2)));
  return pairs;
}

/** Residuals of `n` samples in segments of `segment`, and the sum of magnitudes of each sub-block. */
export function predict(bits: i32, n: i32, segment: i32, order: i32, shift: i32, offset: i32): void {
  const bias = biasOf(order, shift, offset);
  const pairs = splatCoefficients(order);
  for (let start = 0; start < n; start += segment) {
    const stop = min(n, start + segment);
    if (bits == 16) predictNarrow(start, stop, pairs, shift, offset, <i32>bias);
    else predictWide(start, stop, pairs, shift, offset, bias);
  }
  clearAfter(bits, n);
  if (bits == 16) sumTail<i16>(n);
  else sumTail<i32>(n);
}

/** Vectors overhang in the last sub-block: its sum is made anew. */
function sumTail<T>(n: i32): void {
  const start = n & ~(SUB_BLOCK - 1);
  let sum = 0;
  for (let i = start; i < n; i++) sum += abs(<i32>load<T>(RESIDUALS + <usize>i * sizeof<T>()));
  if (start < n) store<i32>(SUMS + ((<usize>start / SUB_BLOCK) << 2), sum);
}

const CHUNK: i32 = 2048;

function predictNarrow(start: i32, stop: i32, pairs: i32, shift: i32, offset: i32, bias: i32): void {
  const P = SCRATCH + HISTORY * 4;
  for (let at = SCRATCH; at < P; at += 16) v128.store(at, i16x8.splat(<i16>offset));
  for (let from = start; from < stop; from += CHUNK) {
    const count = min(CHUNK, stop - from);
    pairSamples(from, count, P);
    if (from == start) store<i16>(P + 2, <i16>offset);
    const subBlocks = (count + SUB_BLOCK - 1) / SUB_BLOCK;
    for (let b = 0; b < subBlocks; b++) {
      const sum = predictSubBlock(from + b * SUB_BLOCK, P + <usize>(b * SUB_BLOCK * 4), pairs, shift, bias);
      store<i32>(SUMS + (<usize>(from / SUB_BLOCK + b) << 2), sum);
    }
    memory.copy(SCRATCH, SCRATCH + CHUNK * 4, HISTORY * 4);
  }
}

/** P[i] = sample i in the low half, sample i - 1 in the high half, for `count` samples from `from` on. */
function pairSamples(from: i32, count: i32, P: usize): void {
  let x = SAMPLES + (<usize>from << 1);
  const end = x + (<usize>count << 1);
  let to = P;
  for (; x < end; x += 16, to += 32) {
    const a = v128.load(x);
    const b = v128.load(x - 2);
    v128.store(to, v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(to + 16, v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15));
  }
}

function predictSubBlock(from: i32, P: usize, pairs: i32, shift: i32, bias: i32): i32 {
  let sums = i32x4.splat(0);
  const constant = i32x4.splat(bias);
  const splatsEnd = SPLATS + (<usize>pairs << 4);
  let x = SAMPLES + (<usize>from << 1);
  let e = RESIDUALS + (<usize>from << 1);
  const end = P + SUB_BLOCK * 4;
  for (; P < end; P += 64, x += 32, e += 32) {
    let a0 = constant;
    let a1 = constant;
    let a2 = constant;
    let a3 = constant;
    let p = P - 4;
    for (let s = SPLATS; s < splatsEnd; s += 32, p -= 16) {
      const c = v128.load(s);
      const d = v128.load(s, 16);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load(p), c));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load(p, 16), c));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load(p, 32), c));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load(p, 48), c));
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load(p - 8), d));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load(p - 8, 16), d));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load(p - 8, 32), d));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load(p - 8, 48), d));
    }
    const e0 = i16x8.sub(v128.load(x), lowHalves(i32x4.shr_s(a0, shift), i32x4.shr_s(a1, shift)));
    const e1 = i16x8.sub(v128.load(x, 16), lowHalves(i32x4.shr_s(a2, shift), i32x4.shr_s(a3, shift)));
    v128.store(e, e0);
    v128.store(e, e1, 16);
    sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.abs(e0)));
    sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.abs(e1)));
  }
  return addLanes(sums);
}

// @ts-ignore: decorator
@inline
function lowHalves(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

// @ts-ignore: decorator
@inline
export function addLanes(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}
