/**
 * Discrete Fourier transform of any length, in place on two Float64Arrays (real and imaginary parts). Powers of two go
 * through a radix-2 decimation in time, other lengths through Bluestein's chirp (IEEE Trans. Audio Electroacoust. 18,
 * 1970): an exact transform of that length, no padding of the signal. Tables come from our own sine, see elementary.ts.
 */

import { cosineOfTurns, sineOfTurns } from './elementary.ts';

/** Tables of one power of two. */
export interface FftTables {
  readonly size: number;
  /** Place of each element after bit reversal. */
  readonly reversed: Uint32Array;
  /** cos and sin of 2πk/size for k < size/2. */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

interface ChirpTables {
  /** exp(-jπk²/n) for k < n. */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  /** Transform of the conjugate chirp, wrapped round. */
  readonly filterRe: Float64Array;
  readonly filterIm: Float64Array;
}

/** Tables kept, of each kind. A fleet needs one or two lengths; a recording of odd length one more. */
const TABLES_KEPT = 8;
const fftTables = new Map<number, FftTables>();
const chirpTables = new Map<number, ChirpTables>();

/** The value of a key, made when missing; the oldest one makes room. */
function cached<T>(cache: Map<number, T>, key: number, make: (size: number) => T): T {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make(key);
  if (cache.size >= TABLES_KEPT) cache.delete(cache.keys().next().value!);
  cache.set(key, made);
  return made;
}

/** Smallest power of two that is at least `least` (and at least 1). */
export function powerOfTwoFrom(least: number): number {
  let size = 1;
  while (size < least) size *= 2;
  return size;
}

/** Tables of a power of two, 1 to 2^26. */
export function tablesOf(size: number): FftTables {
  return cached(fftTables, size, makeTables);
}

function makeTables(size: number): FftTables {
  const half = size >> 1;
  const reversed = new Uint32Array(size);
  for (let i = 1; i < size; i++) reversed[i] = (reversed[i >> 1]! >> 1) | (i & 1 ? half : 0);
  const cos = new Float64Array(half);
  const sin = new Float64Array(half);
  for (let k = 0; k < half; k++) {
    cos[k] = cosineOfTurns(k / size);
    sin[k] = sineOfTurns(k / size);
  }
  return { size, reversed, cos, sin };
}

function swapReversed(re: Float64Array, im: Float64Array, reversed: Uint32Array): void {
  for (let i = 0; i < reversed.length; i++) {
    const j = reversed[i]!;
    if (j <= i) continue;
    const r = re[i]!;
    re[i] = re[j]!;
    re[j] = r;
    const m = im[i]!;
    im[i] = im[j]!;
    im[j] = m;
  }
}

/** The first two stages in one pass: their factors are 1 and -j. */
function firstStages(re: Float64Array, im: Float64Array, size: number): void {
  for (let i = 0; i < size; i += 4) {
    const sumRe = re[i]! + re[i + 1]!;
    const sumIm = im[i]! + im[i + 1]!;
    const difRe = re[i]! - re[i + 1]!;
    const difIm = im[i]! - im[i + 1]!;
    const sum2Re = re[i + 2]! + re[i + 3]!;
    const sum2Im = im[i + 2]! + im[i + 3]!;
    const dif2Re = re[i + 2]! - re[i + 3]!;
    const dif2Im = im[i + 2]! - im[i + 3]!;
    re[i] = sumRe + sum2Re;
    im[i] = sumIm + sum2Im;
    re[i + 1] = difRe + dif2Im;
    im[i + 1] = difIm - dif2Re;
    re[i + 2] = sumRe - sum2Re;
    im[i + 2] = sumIm - sum2Im;
    re[i + 3] = difRe - dif2Im;
    im[i + 3] = difIm + dif2Re;
  }
}

/** Stages of half-length `from` and up, one butterfly at a time. */
function laterStages(re: Float64Array, im: Float64Array, tables: FftTables, from: number): void {
  const { size, cos, sin } = tables;
  for (let half = from; half < size; half *= 2) {
    const stride = size / (2 * half);
    for (let start = 0; start < size; start += 2 * half) {
      for (let k = 0, t = 0; k < half; k++, t += stride) {
        const a = start + k;
        const b = a + half;
        const c = cos[t]!;
        const s = sin[t]!;
        const br = re[b]! * c + im[b]! * s;
        const bi = im[b]! * c - re[b]! * s;
        const ar = re[a]!;
        const ai = im[a]!;
        re[b] = ar - br;
        im[b] = ai - bi;
        re[a] = ar + br;
        im[a] = ai + bi;
      }
    }
  }
}

/** Transform of a power of two. */
function transformPowerOfTwo(re: Float64Array, im: Float64Array): void {
  const tables = tablesOf(re.length);
  swapReversed(re, im, tables.reversed);
  if (tables.size >= 4) {
    firstStages(re, im, tables.size);
    laterStages(re, im, tables, 4);
  } else {
    laterStages(re, im, tables, 1);
  }
}

function makeChirp(length: number): ChirpTables {
  const size = powerOfTwoFrom(2 * length - 1);
  const cos = new Float64Array(length);
  const sin = new Float64Array(length);
  const filterRe = new Float64Array(size);
  const filterIm = new Float64Array(size);
  for (let k = 0; k < length; k++) {
    const turns = ((k * k) % (2 * length)) / (2 * length);
    cos[k] = cosineOfTurns(turns);
    sin[k] = -sineOfTurns(turns);
    const mirror = k === 0 ? 0 : size - k;
    filterRe[k] = filterRe[mirror] = cos[k]!;
    filterIm[k] = filterIm[mirror] = -sin[k]!;
  }
  transformPowerOfTwo(filterRe, filterIm);
  return { cos, sin, filterRe, filterIm };
}

/** Bluestein: the transform as a convolution with a chirp, done by powers of two. */
function transformAnyLength(re: Float64Array, im: Float64Array): void {
  const length = re.length;
  const { cos, sin, filterRe, filterIm } = cached(chirpTables, length, makeChirp);
  const size = filterRe.length;
  const ar = new Float64Array(size);
  const ai = new Float64Array(size);
  for (let k = 0; k < length; k++) {
    ar[k] = re[k]! * cos[k]! - im[k]! * sin[k]!;
    ai[k] = re[k]! * sin[k]! + im[k]! * cos[k]!;
  }
  transformPowerOfTwo(ar, ai);
  for (let k = 0; k < size; k++) {
    const r = ar[k]! * filterRe[k]! - ai[k]! * filterIm[k]!;
    ai[k] = ar[k]! * filterIm[k]! + ai[k]! * filterRe[k]!;
    ar[k] = r;
  }
  transformPowerOfTwo(ai, ar);
  for (let k = 0; k < length; k++) {
    const r = ar[k]! / size;
    const m = ai[k]! / size;
    re[k] = r * cos[k]! - m * sin[k]!;
    im[k] = r * sin[k]! + m * cos[k]!;
  }
}

/**
 * X[k] = Σ x[n]·exp(-j2πkn/N), in place; `re` and `im` of equal length, any length from 0 to 2^25. Unscaled. The inverse
 * is the same call with the arrays swapped, divided by N. Relative error about 1e-14.
 */
export function fft(re: Float64Array, im: Float64Array): void {
  const length = re.length;
  if (length < 2) return;
  if ((length & (length - 1)) === 0) transformPowerOfTwo(re, im);
  else transformAnyLength(re, im);
}
