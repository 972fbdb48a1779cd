/** What an encoder wants to know of an axis before it decides: extremes, bits of differences, autocorrelation. */

import { LAGS, MAX_LAG, SAMPLES, SCRATCH, SUB_BLOCK, SUMS, SUMS_ROW, WINDOW } from './layout';

/** Minimum, maximum and sum of `n` ≥ 1 samples, to LAGS[0], [1], [2]. */
export function survey(bits: i32, n: i32): void {
  if (bits == 16) surveyNarrow(n);
  else surveyWide(n);
}

function surveyNarrow(n: i32): void {
  let least = i16x8.splat(0x7fff);
  let most = i16x8.splat(-0x8000);
  let sums = i64x2.splat(0);
  let i = 0;
  while (i + 8 <= n) {
    const stop = min(n - 7, i + 8 * 8192);
    let partial = i32x4.splat(0);
    for (; i < stop; i += 8) {
      const x = v128.load(SAMPLES + (<usize>i << 1));
      least = i16x8.min_s(least, x);
      most = i16x8.max_s(most, x);
      partial = i32x4.add(partial, i32x4.extadd_pairwise_i16x8_s(x));
    }
    sums = i64x2.add(sums, i64x2.add(i64x2.extend_low_i32x4_s(partial), i64x2.extend_high_i32x4_s(partial)));
  }
  v128.store(SCRATCH, least);
  v128.store(SCRATCH + 16, most);
  let lo: i32 = 0x7fff;
  let hi: i32 = -0x8000;
  for (let lane: usize = 0; lane < 16; lane += 2) {
    lo = min(lo, <i32>load<i16>(SCRATCH + lane));
    hi = max(hi, <i32>load<i16>(SCRATCH + 16 + lane));
  }
  let sum: i64 = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1);
  for (; i < n; i++) {
    const x = <i32>load<i16>(SAMPLES + (<usize>i << 1));
    lo = min(lo, x);
    hi = max(hi, x);
    sum += x;
  }
  storeSurvey(lo, hi, sum);
}

function surveyWide(n: i32): void {
  let least = i32x4.splat(i32.MAX_VALUE);
  let most = i32x4.splat(i32.MIN_VALUE);
  let sums = i64x2.splat(0);
  const whole = n & ~3;
  for (let i = 0; i < whole; i += 4) {
    const x = v128.load(SAMPLES + (<usize>i << 2));
    least = i32x4.min_s(least, x);
    most = i32x4.max_s(most, x);
    sums = i64x2.add(sums, i64x2.add(i64x2.extend_low_i32x4_s(x), i64x2.extend_high_i32x4_s(x)));
  }
  v128.store(SCRATCH, least);
  v128.store(SCRATCH + 16, most);
  let lo = i32.MAX_VALUE;
  let hi = i32.MIN_VALUE;
  for (let lane: usize = 0; lane < 16; lane += 4) {
    lo = min(lo, load<i32>(SCRATCH + lane));
    hi = max(hi, load<i32>(SCRATCH + 16 + lane));
  }
  let sum: i64 = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1);
  for (let i = whole; i < n; i++) {
    const x = load<i32>(SAMPLES + (<usize>i << 2));
    lo = min(lo, x);
    hi = max(hi, x);
    sum += x;
  }
  storeSurvey(lo, hi, sum);
}

function storeSurvey(lo: i32, hi: i32, sum: i64): void {
  store<f64>(LAGS, <f64>lo);
  store<f64>(LAGS + 8, <f64>hi);
  store<f64>(LAGS + 16, <f64>sum);
}

/**
 * For each sub-block its residuals of orders 0, 1, 2 in zigzag form, OR-ed, to the three rows of SUMS. Order 0 subtracts `centre`; for the others the samples before the first are as the first.
 */
export function masks(bits: i32, n: i32, centre: i32): void {
  if (bits == 16) masksNarrow(n, centre);
  else masksWide(n, centre);
}

function masksNarrow(n: i32, centre: i32): void {
  const first = load<i16>(SAMPLES);
  store<i16>(SAMPLES - 2, first);
  store<i16>(SAMPLES - 4, first);
  const middle = i16x8.splat(<i16>centre);
  for (let start = 0; start < n; start += SUB_BLOCK) {
    let m0 = i16x8.splat(0);
    let m1 = m0;
    let m2 = m0;
    const stop = min(SUB_BLOCK, n - start);
    const whole = stop & ~7;
    let at = SAMPLES + (<usize>start << 1);
    const end = at + (<usize>whole << 1);
    for (; at < end; at += 16) {
      const x = v128.load(at);
      const a = v128.load(at - 2);
      const d0 = i16x8.sub(x, middle);
      const d1 = i16x8.sub(x, a);
      const d2 = i16x8.sub(d1, i16x8.sub(a, v128.load(at - 4)));
      m0 = v128.or(m0, v128.xor(i16x8.shl(d0, 1), i16x8.shr_s(d0, 15)));
      m1 = v128.or(m1, v128.xor(i16x8.shl(d1, 1), i16x8.shr_s(d1, 15)));
      m2 = v128.or(m2, v128.xor(i16x8.shl(d2, 1), i16x8.shr_s(d2, 15)));
    }
    let s0 = orLanes(m0);
    let s1 = orLanes(m1);
    let s2 = orLanes(m2);
    for (let i = whole; i < stop; i++, at += 2) {
      const x = <i32>load<i16>(at);
      const a = <i32>load<i16>(at - 2);
      const d1 = x - a;
      s0 |= maskOf(<i32>(<i16>(x - centre)));
      s1 |= maskOf(<i32>(<i16>d1));
      s2 |= maskOf(<i32>(<i16>(d1 - a + <i32>load<i16>(at - 4))));
    }
    storeMasks(start, s0, s1, s2);
  }
}

function orLanes(v: v128): i32 {
  const both = i64x2.extract_lane(v, 0) | i64x2.extract_lane(v, 1);
  const four = <i32>both | <i32>(both >> 32);
  return (four | (four >>> 16)) & 0xffff;
}

function maskOf(d: i32): i32 {
  return (d << 1) ^ (d >> 31);
}

function masksWide(n: i32, centre: i32): void {
  const first = load<i32>(SAMPLES);
  store<i32>(SAMPLES - 4, first);
  store<i32>(SAMPLES - 8, first);
  const middle = i32x4.splat(centre);
  for (let start = 0; start < n; start += SUB_BLOCK) {
    let m0 = i32x4.splat(0);
    let m1 = m0;
    let m2 = m0;
    let at = SAMPLES + (<usize>start << 2);
    const stop = min(SUB_BLOCK, n - start);
    const whole = stop & ~3;
    for (const end = at + (<usize>whole << 2); at < end; at += 16) {
      const x = v128.load(at);
      const a = v128.load(at - 4);
      const d1 = i32x4.sub(x, a);
      m0 = v128.or(m0, zigzags(i32x4.sub(x, middle)));
      m1 = v128.or(m1, zigzags(d1));
      m2 = v128.or(m2, zigzags(i32x4.sub(d1, i32x4.sub(a, v128.load(at - 8)))));
    }
    let s0 = orWide(m0);
    let s1 = orWide(m1);
    let s2 = orWide(m2);
    for (let i = whole; i < stop; i++, at += 4) {
      const x = load<i32>(at);
      const a = load<i32>(at - 4);
      const d1 = x - a;
      s0 |= maskOf(wrap24(x - centre));
      s1 |= maskOf(wrap24(d1));
      s2 |= maskOf(wrap24(d1 - a + load<i32>(at - 8)));
    }
    storeMasks(start, s0, s1, s2);
  }
}

/** Zigzag forms of differences modulo 2^24. */
// @ts-ignore: decorator
@inline
function zigzags(d: v128): v128 {
  const high = i32x4.shl(d, 8);
  return v128.xor(i32x4.shl(i32x4.shr_s(high, 8), 1), i32x4.shr_s(high, 31));
}

function orWide(v: v128): i32 {
  const both = i64x2.extract_lane(v, 0) | i64x2.extract_lane(v, 1);
  return <i32>both | <i32>(both >> 32);
}

// @ts-ignore: decorator
@inline
function wrap24(d: i32): i32 {
  return (d << 8) >> 8;
}

function storeMasks(start: i32, s0: i32, s1: i32, s2: i32): void {
  const at = SUMS + ((<usize>start / SUB_BLOCK) << 2);
  store<i32>(at, s0);
  store<i32>(at + SUMS_ROW, s1);
  store<i32>(at + 2 * SUMS_ROW, s2);
}

/**
 * Adds the autocorrelation of lags 0 to 32 of `length` (at most 1024) windowed samples from `start` on to LAGS. A
 * sample is taken relative to `offset` (saturated at 16 bits), shifted left by `up` and right by `down` to at most 2^13
 * in magnitude, and multiplied by the window's fraction of 2^15, rounded.
 */
export function autocorrelate(bits: i32, start: i32, length: i32, offset: i32, up: i32, down: i32): void {
  const zero = i16x8.splat(0);
  for (let at = SCRATCH; at < SCRATCH + 2 * MAX_LAG; at += 16) v128.store(at, zero);
  const y = SCRATCH + 2 * MAX_LAG;
  if (bits == 16) windowNarrow(start, length, offset, up, down, y);
  else windowWide(start, length, offset, up, down, y);
  for (let i = length; i & 7; i++) store<i16>(y + (<usize>i << 1), 0);
  for (let lag = 0; lag < MAX_LAG; lag += 4) correlateFour(y, length, lag);
  addToLag(MAX_LAG, correlateOne(y, length, MAX_LAG));
}

function windowNarrow(start: i32, length: i32, offset: i32, up: i32, down: i32, y: usize): void {
  const middle = i16x8.splat(<i16>offset);
  const x = SAMPLES + (<usize>start << 1);
  for (let at: usize = 0; at < <usize>length << 1; at += 16) {
    const t = i16x8.shr_s(i16x8.shl(i16x8.sub_sat_s(v128.load(x + at), middle), up), down);
    v128.store(y + at, i16x8.q15mulr_sat_s(t, v128.load(WINDOW + at)));
  }
}

function windowWide(start: i32, length: i32, offset: i32, up: i32, down: i32, y: usize): void {
  for (let i = 0; i < length; i++) {
    const t = ((load<i32>(SAMPLES + (<usize>(start + i) << 2)) - offset) << up) >> down;
    const saturated = max(-0x8000, min(0x7fff, t));
    const product = saturated * <i32>load<i16>(WINDOW + (<usize>i << 1));
    store<i16>(y + (<usize>i << 1), (product + 0x4000) >> 15);
  }
}

/** Eight products of at most 2^26 twice in a lane: 2^30, so sums are widened after eight vectors. */
function correlateFour(y: usize, length: i32, lag: i32): void {
  let w0 = i64x2.splat(0);
  let w1 = w0;
  let w2 = w0;
  let w3 = w0;
  const end = y + (<usize>length << 1);
  const back = <usize>lag << 1;
  for (let at = y; at < end;) {
    const stop = min(end, at + 16 * 8);
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (; at < stop; at += 16) {
      const x = v128.load(at);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(x, v128.load(at - back)));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(x, v128.load(at - back - 2)));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(x, v128.load(at - back - 4)));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(x, v128.load(at - back - 6)));
    }
    w0 = widen(w0, a0);
    w1 = widen(w1, a1);
    w2 = widen(w2, a2);
    w3 = widen(w3, a3);
  }
  addToLag(lag, w0);
  addToLag(lag + 1, w1);
  addToLag(lag + 2, w2);
  addToLag(lag + 3, w3);
}

function correlateOne(y: usize, length: i32, lag: i32): v128 {
  let w = i64x2.splat(0);
  for (let at: usize = 0; at < <usize>length << 1; at += 16) {
    w = widen(w, i32x4.dot_i16x8_s(v128.load(y + at), v128.load(y + at - (<usize>lag << 1))));
  }
  return w;
}

// @ts-ignore: decorator
@inline
function widen(sum: v128, a: v128): v128 {
  return i64x2.add(sum, i64x2.add(i64x2.extend_low_i32x4_s(a), i64x2.extend_high_i32x4_s(a)));
}

function addToLag(lag: i32, w: v128): void {
  const at = LAGS + (<usize>lag << 3);
  store<f64>(at, load<f64>(at) + <f64>(i64x2.extract_lane(w, 0) + i64x2.extract_lane(w, 1)));
}
