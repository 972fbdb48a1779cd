/** The kernel in TypeScript: typed arrays only. It says what the WebAssembly one must do, and stands in for it. */

import { crc32c } from '../crc32c.ts';
import type { Kernel, SampleBits } from './kernel.ts';
import { packBlocks, unpackBlocks } from './blocks.ts';
import {
  MAX_LAG, residualsOf, samplesOf, SUB_BLOCK_SAMPLES, SUMS_PER_ROW, WINDOW_SAMPLES, WORKSPACE_PAGES, workspaceOn, type Workspace,
} from './workspace.ts';

export function typescriptKernel(): Kernel {
  const workspace = workspaceOn(new ArrayBuffer(WORKSPACE_PAGES * 65_536));
  const windowed = new Int16Array(WINDOW_SAMPLES);
  return {
    name: 'typescript',
    workspace,
    survey: (bits, n) => survey(workspace, bits, n),
    masks: (bits, n, centre) => masks(workspace, bits, n, centre),
    autocorrelate: (bits, start, length, offset, up, down) => {
      windowSamples(workspace, bits, start, length, offset, up, down, windowed);
      addAutocorrelation(windowed, length, workspace.lags);
    },
    differences: (bits, n, order, offset) => differences(workspace, bits, n, order, offset),
    predict: (bits, n, segment, order, shift, offset) => predict(workspace, bits, n, segment, order, shift, offset),
    restore: (bits, n, segment, order, shift, offset) => restore(workspace, bits, n, segment, order, shift, offset),
    pack: (bits, n, blockLog, at) => packBlocks(workspace, bits, n, blockLog, at),
    unpack: (bits, n, blockLog, at, end) => unpackBlocks(workspace, bits, n, blockLog, at, end),
    crc32c: (length) => crc32c(workspace.bytes, 0, length),
  };
}

function survey(workspace: Workspace, bits: SampleBits, n: number): void {
  const samples = samplesOf(workspace, bits);
  let least = samples[0]!;
  let most = least;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const sample = samples[i]!;
    if (sample < least) least = sample;
    if (sample > most) most = sample;
    sum += sample;
  }
  workspace.lags[0] = least;
  workspace.lags[1] = most;
  workspace.lags[2] = sum;
}

function masks(workspace: Workspace, bits: SampleBits, n: number, centre: number): void {
  const samples = samplesOf(workspace, bits);
  const { sums } = workspace;
  const unused = 32 - bits;
  let before = samples[0]!;
  let last = 0;
  for (let start = 0; start < n; start += SUB_BLOCK_SAMPLES) {
    let mask0 = 0;
    let mask1 = 0;
    let mask2 = 0;
    const stop = Math.min(n, start + SUB_BLOCK_SAMPLES);
    for (let i = start; i < stop; i++) {
      const sample = samples[i]!;
      const difference = sample - before;
      mask0 |= maskOf(sample - centre, unused);
      mask1 |= maskOf(difference, unused);
      mask2 |= maskOf(difference - last, unused);
      before = sample;
      last = difference;
    }
    const at = start / SUB_BLOCK_SAMPLES;
    sums[at] = mask0;
    sums[SUMS_PER_ROW + at] = mask1;
    sums[2 * SUMS_PER_ROW + at] = mask2;
  }
}

function maskOf(difference: number, unused: number): number {
  const wrapped = (difference << unused) >> unused;
  return (wrapped << 1) ^ (wrapped >> 31);
}

function windowSamples(
  workspace: Workspace, bits: SampleBits, start: number, length: number, offset: number, up: number, down: number, windowed: Int16Array,
): void {
  const samples = samplesOf(workspace, bits);
  const { window } = workspace;
  for (let i = 0; i < length; i++) {
    const difference = samples[start + i]! - offset;
    // 16-bit ones are saturated before they are shifted, 24-bit ones after: what vectors of 16 bits make of them.
    const scaled = bits === 16 ? ((saturate(difference) << up) << 16 >> 16) >> down : saturate((difference << up) >> down);
    windowed[i] = (scaled * window[i]! + 0x4000) >> 15;
  }
}

function saturate(value: number): number {
  return value > 0x7fff ? 0x7fff : value < -0x8000 ? -0x8000 : value;
}

function addAutocorrelation(windowed: Int16Array, length: number, lags: Float64Array): void {
  for (let lag = 0; lag <= MAX_LAG; lag++) {
    let sum = 0;
    for (let i = lag; i < length; i++) sum += windowed[i]! * windowed[i - lag]!;
    lags[lag]! += sum;
  }
}

function differences(workspace: Workspace, bits: SampleBits, n: number, order: number, offset: number): void {
  const samples = samplesOf(workspace, bits);
  const residuals = residualsOf(workspace, bits);
  const unused = 32 - bits;
  let a = offset;
  let b = offset;
  for (let i = 0; i < n; i++) {
    const sample = samples[i]!;
    const prediction = order === 0 ? offset : order === 1 ? a : 2 * a - b;
    residuals[i] = ((sample - prediction) << unused) >> unused;
    b = a;
    a = sample;
  }
  residuals.fill(0, n, n + SUB_BLOCK_SAMPLES);
}

/** pred = floor((Σ c·x + bias) / 2^shift) = offset + floor(Σ c·(x - offset) / 2^shift). */
function biasOf(coefficients: Int16Array, order: number, shift: number, offset: number): number {
  let sum = 2 ** shift;
  for (let j = 0; j < order; j++) sum -= coefficients[j]!;
  return offset * sum;
}

function predict(workspace: Workspace, bits: SampleBits, n: number, segment: number, order: number, shift: number, offset: number): void {
  const samples = samplesOf(workspace, bits);
  const residuals = residualsOf(workspace, bits);
  const { coefficients, sums } = workspace;
  const bias = biasOf(coefficients, order, shift, offset);
  const predictAt = bits === 16 ? predictNarrow : predictWide;
  const unused = 32 - bits;
  for (let from = 0; from < n; from += SUB_BLOCK_SAMPLES) {
    const start = from - (from % segment);
    const stop = Math.min(n, from + SUB_BLOCK_SAMPLES);
    let sum = 0;
    for (let i = from; i < stop; i++) {
      const residual = ((samples[i]! - predictAt(samples, i, start, coefficients, order, shift, offset, bias)) << unused) >> unused;
      residuals[i] = residual;
      sum += Math.abs(residual);
    }
    sums[from / SUB_BLOCK_SAMPLES] = sum;
  }
  residuals.fill(0, n, n + SUB_BLOCK_SAMPLES);
}

function restore(workspace: Workspace, bits: SampleBits, n: number, segment: number, order: number, shift: number, offset: number): void {
  if (segment >= n && isDifference(workspace.coefficients, order, shift)) {
    addUp(workspace, bits, n, order, offset);
    return;
  }
  const samples = samplesOf(workspace, bits);
  const residuals = residualsOf(workspace, bits);
  const { coefficients } = workspace;
  const bias = biasOf(coefficients, order, shift, offset);
  const predictAt = bits === 16 ? predictNarrow : predictWide;
  const unused = 32 - bits;
  for (let start = 0; start < n; start += segment) {
    const stop = Math.min(n, start + segment);
    for (let i = start; i < stop; i++) {
      const sample = predictAt(samples, i, start, coefficients, order, shift, offset, bias) + residuals[i]!;
      samples[i] = (sample << unused) >> unused;
    }
  }
}

/** Whether the predictor is the offset, the sample before, or the line through the two before. */
function isDifference(coefficients: Int16Array, order: number, shift: number): boolean {
  if (order === 0) return true;
  if (shift !== 0) return false;
  return order === 1 ? coefficients[0] === 1 : order === 2 && coefficients[0] === 2 && coefficients[1] === -1;
}

/** The inverse of `differences`. */
function addUp(workspace: Workspace, bits: SampleBits, n: number, order: number, offset: number): void {
  const samples = samplesOf(workspace, bits);
  const residuals = residualsOf(workspace, bits);
  const unused = 32 - bits;
  let a = offset;
  let b = offset;
  for (let i = 0; i < n; i++) {
    const prediction = order === 0 ? offset : order === 1 ? a : 2 * a - b;
    b = a;
    a = ((prediction + residuals[i]!) << unused) >> unused;
    samples[i] = a;
  }
}

/** Of 16-bit samples: sums modulo 2^32. */
function predictNarrow(
  samples: Int16Array | Int32Array, i: number, start: number, coefficients: Int16Array, order: number, shift: number, offset: number, bias: number,
): number {
  let sum = bias | 0;
  const known = Math.min(order, i - start);
  for (let j = 0; j < known; j++) sum = (sum + Math.imul(coefficients[j]!, samples[i - 1 - j]!)) | 0;
  for (let j = known; j < order; j++) sum = (sum + Math.imul(coefficients[j]!, offset)) | 0;
  return sum >> shift;
}

/** Of 24-bit samples: sums of at most 2^45 in magnitude, exact in a double; the low 32 bits of the quotient do. */
function predictWide(
  samples: Int16Array | Int32Array, i: number, start: number, coefficients: Int16Array, order: number, shift: number, offset: number, bias: number,
): number {
  let sum = bias;
  const known = Math.min(order, i - start);
  for (let j = 0; j < known; j++) sum += coefficients[j]! * samples[i - 1 - j]!;
  for (let j = known; j < order; j++) sum += coefficients[j]! * offset;
  return Math.floor(sum / 2 ** shift) | 0;
}
