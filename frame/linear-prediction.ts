/**
 * A predictor from an axis's autocorrelation: Welch windows over a few stretches of it, Levinson-Durbin, and coefficients
 * rounded to whole numbers. Only IEEE 754 +, -, *, / of doubles: the same on every machine.
 */

import type { Kernel, SampleBits } from './kernel/kernel.ts';
import { MAX_LAG, WINDOW_SAMPLES } from './kernel/workspace.ts';

/** A sample is predicted as offset + floor(Σ coefficients[j] · (sample j + 1 before - offset) / 2^shift). */
export interface Predictor {
  readonly coefficients: readonly number[];
  readonly shift: number;
}

/** Stretches of an axis that are looked at; more make the predictor no better (docs/frame-performance.md). */
const MAX_STRETCHES = 8;
const SAMPLES_PER_STRETCH = 1024;
/** Orders to choose from. */
const ORDERS = new Set([1, 2, 4, 8, 12, 16, 24, MAX_LAG]);
/** What a coefficient takes on the wire, on average. */
const BITS_PER_COEFFICIENT = 10;
/** Coefficients are below this in magnitude: two bytes each at most. */
const MAX_COEFFICIENT = 4096;
const MAX_SHIFT = 15;
/** The magnitude that samples are scaled to for the autocorrelation. */
const SCALED_BITS = 13;

/**
 * The predictor whose residuals and coefficients together take the fewest bits, for the `n` samples of an axis in the
 * kernel's workspace, which lie between `least` and `most` and around `offset`. Undefined if there is nothing to predict.
 */
export function findPredictor(kernel: Kernel, bits: SampleBits, n: number, offset: number, least: number, most: number): Predictor | undefined {
  const { lags, window } = kernel.workspace;
  const length = Math.min(n, WINDOW_SAMPLES);
  fillWindow(window, length);
  lags.fill(0);
  const spread = Math.max(most - offset, offset - least, 1);
  const wide = 32 - Math.clz32(spread);
  const up = Math.max(0, SCALED_BITS - wide);
  const down = Math.max(0, wide - SCALED_BITS);
  const stretches = n <= WINDOW_SAMPLES ? 1 : Math.min(MAX_STRETCHES, Math.ceil(n / SAMPLES_PER_STRETCH));
  for (let stretch = 0; stretch < stretches; stretch++) {
    const start = stretches === 1 ? (n - length) >> 1 : Math.floor(((n - length) * stretch) / (stretches - 1));
    kernel.autocorrelate(bits, start, length, offset, up, down);
  }
  const order = levinson(lags, n);
  return order === 0 ? undefined : rounded(best.subarray(0, order));
}

/** What a window is filled for: most axes want the same. */
const lengthOf = new WeakMap<Int16Array, number>();

/** Welch: 1 - ((2 i + 1 - length) / length)^2, in fractions of 2^15. */
function fillWindow(window: Int16Array, length: number): void {
  if (lengthOf.get(window) === length) return;
  lengthOf.set(window, length);
  for (let i = 0; i < length; i++) {
    const x = 2 * i + 1 - length;
    window[i] = Math.floor((32_767 * (length * length - x * x)) / (length * length));
  }
}

/** The coefficients of an order and those of the next one, in turns; those of the best order so far. */
const pair = [new Float64Array(MAX_LAG), new Float64Array(MAX_LAG)] as const;
const best = new Float64Array(MAX_LAG);

/**
 * Levinson-Durbin recursion over all orders. Leaves the coefficients of the order that takes the fewest bits for `n` samples
 * in `best` and returns it, 0 if none saves any. It ends early where rounding has made the numbers none of an
 * autocorrelation.
 */
function levinson(lags: Float64Array, n: number): number {
  let bestOrder = 0;
  let bestBits = 0;
  let error = lags[0]! * (1 + 2 ** -40);
  for (let order = 1; order <= MAX_LAG && error > 0; order++) {
    const before = pair[order & 1]!;
    const next = pair[1 - (order & 1)]!;
    let reflection = lags[order]!;
    for (let j = 0; j < order - 1; j++) reflection -= before[j]! * lags[order - 1 - j]!;
    reflection /= error;
    if (!(Math.abs(reflection) < 1)) break;
    for (let j = 0; j < order - 1; j++) next[j] = before[j]! - reflection * before[order - 2 - j]!;
    next[order - 1] = reflection;
    error *= 1 - reflection * reflection;
    if (!ORDERS.has(order)) continue;
    const bits = (n / 2) * log2(error / lags[0]!) + BITS_PER_COEFFICIENT * order;
    if (bits < bestBits) {
      best.set(next);
      bestOrder = order;
      bestBits = bits;
    }
  }
  return bestOrder;
}

/** Each rounding error is carried to the next coefficient. */
function rounded(exact: Float64Array): Predictor {
  let greatest = 0;
  for (const coefficient of exact) greatest = Math.max(greatest, Math.abs(coefficient));
  let shift = 0;
  while (shift < MAX_SHIFT && greatest * 2 ** (shift + 1) < MAX_COEFFICIENT - 1) shift++;
  let carried = 0;
  const coefficients: number[] = [];
  for (const coefficient of exact) {
    const scaled = coefficient * 2 ** shift + carried;
    const whole = Math.max(-MAX_COEFFICIENT, Math.min(MAX_COEFFICIENT - 1, Math.floor(scaled + 0.5)));
    carried = scaled - whole;
    coefficients.push(whole);
  }
  return { coefficients, shift };
}

/** log2(x) within 0.01: an exponent, and a parabola for the mantissa. Throws RangeError unless x is above 0 and finite. */
export function log2(x: number): number {
  if (!(x > 0 && x < Infinity)) throw new RangeError(`log2(${x})`);
  let exponent = 0;
  let mantissa = x;
  for (; mantissa < 1; mantissa *= 2 ** 16) exponent -= 16;
  for (; mantissa >= 2 ** 31; mantissa /= 2 ** 16) exponent += 16;
  const whole = 31 - Math.clz32(mantissa);
  const rest = mantissa / (1 << whole) - 1;
  return exponent + whole + rest * (1.3369 - 0.3369 * rest);
}
