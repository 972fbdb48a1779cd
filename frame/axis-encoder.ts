/** One axis of a waveform to bytes, losslessly: what is decided, by figures that a kernel finds. */

import { FOUR_SEGMENTS, LEAST_BLOCK_LOG, leastBytes, segmentLength, VERBATIM } from './axis-format.ts';
import { FrameError } from './errors.ts';
import type { Kernel, SampleBits } from './kernel/kernel.ts';
import { samplesOf, SUB_BLOCK_SAMPLES, SUMS_PER_ROW } from './kernel/workspace.ts';
import { findPredictor, log2, type Predictor } from './linear-prediction.ts';
import type { SampleArray, WaveformMode } from './messages.ts';
import { writeVarint, zigzag } from './varint.ts';

/** Blocks of one descriptor that the tight mode chooses from, as powers of two. */
const TIGHT_BLOCK_LOGS = [8, 10, 12];
/** From here on four segments, which decode side by side, cost less than they are worth. */
const LEAST_FOUR_SEGMENT_SAMPLES = 4096;
/** Predictors that are differences. */
const DIFFERENCES: readonly Predictor[] = [
  { coefficients: [], shift: 0 },
  { coefficients: [1], shift: 0 },
  { coefficients: [2, -1], shift: 0 },
];
/** Mean magnitude of a Gaussian's residuals to their standard deviation: √(π / 2). */
const DEVIATION_PER_MEAN = 1.2533;

/** An axis in the workspace. */
interface Loaded {
  readonly kernel: Kernel;
  readonly bits: SampleBits;
  readonly n: number;
}

/** How an axis is going to be written. */
interface Plan {
  readonly predictor: Predictor;
  readonly offset: number;
  readonly segments: 1 | 4;
  readonly blockLog: number;
}

/**
 * Writes `samples` at `offset` and returns the offset after them; what has no room in the buffer is dropped, and the
 * caller compares. Takes at most `mostBytes`.
 */
export function encodeAxis(kernel: Kernel, samples: SampleArray, mode: WaveformMode, buffer: Uint8Array, offset: number): number {
  const n = samples.length;
  if (n === 0) return offset;
  const bits = samples instanceof Int16Array ? 16 : 24;
  const axis: Loaded = { kernel, bits, n };
  const { workspace } = kernel;
  samplesOf(workspace, bits).set(samples);
  const raw = 1 + (n * bits) / 8;
  if (bits === 24 || mode === 'tight') kernel.survey(bits, n);
  if (bits === 24) check24Bits(workspace.lags);
  const fast = planDifferences(axis);
  let coded = mode === 'tight' ? codeTight(axis, fast.bytes) : undefined;
  if (coded === undefined && fast.bytes < raw) coded = codeDifferences(axis, mode === 'tight' ? planDifferences(axis) : fast);
  if (coded === undefined || coded >= raw) return writeVerbatim(samples, bits, buffer, offset);
  const room = Math.max(0, buffer.length - offset);
  buffer.set(workspace.bytes.subarray(0, Math.min(coded, room)), Math.min(offset, buffer.length));
  return offset + coded;
}

/** Throws FrameError FRAME_VALUE for samples of more than 24 bits, by their extremes. */
function check24Bits([least, most]: Float64Array): void {
  if (least! < -(2 ** 23) || most! >= 2 ** 23) throw new FrameError('FRAME_VALUE', `samples of ${least!} to ${most!} exceed 24 bits`);
}

interface DifferencesPlan extends Plan {
  /** What the axis takes so, about: exact but for the offset's varint. */
  readonly bytes: number;
}

/** The difference of order 0, 1 or 2 whose residuals take the fewest bytes. */
function planDifferences({ kernel, bits, n }: Loaded): DifferencesPlan {
  const samples = samplesOf(kernel.workspace, bits);
  const centre = roughMean(samples, n);
  kernel.masks(bits, n, centre);
  const sizes = DIFFERENCES.map((_, order) => planeBytes(kernel, n, order));
  const order = sizes.indexOf(Math.min(...sizes));
  const bytes = 5 + order + Math.ceil(n / SUB_BLOCK_SAMPLES) + sizes[order]!;
  return { predictor: DIFFERENCES[order]!, offset: order === 0 ? centre : samples[0]!, segments: 1, blockLog: LEAST_BLOCK_LOG, bytes };
}

/** The mean of a few samples. */
function roughMean(samples: SampleArray, n: number): number {
  const step = Math.max(1, Math.floor(n / 64));
  let sum = 0;
  let count = 0;
  for (let i = 0; i < n; i += step, count++) sum += samples[i]!;
  return Math.round(sum / count);
}

/** Bytes of the planes of all sub-blocks by the masks of one order. */
function planeBytes({ workspace: { sums } }: Kernel, n: number, order: number): number {
  let bytes = 0;
  for (let start = 0, at = order * SUMS_PER_ROW; start < n; start += SUB_BLOCK_SAMPLES, at++) {
    const rows = (Math.min(SUB_BLOCK_SAMPLES, n - start) + 3) >> 2;
    bytes += 16 * Math.ceil((rows * widthOf(sums[at]!)) / 32);
  }
  return bytes;
}

/** Bits of the longest two's complement number, by the OR of all in zigzag form. */
function widthOf(mask: number): number {
  return 32 - Math.clz32(mask);
}

/** Codes the axis by a plan of differences; the masks are still in the workspace. Returns the bytes taken. */
function codeDifferences(axis: Loaded, plan: Plan): number {
  const { kernel, bits, n } = axis;
  const { descriptors, sums } = kernel.workspace;
  const order = plan.predictor.coefficients.length;
  for (let b = 0; b * SUB_BLOCK_SAMPLES < n; b++) descriptors[b] = widthOf(sums[order * SUMS_PER_ROW + b]!);
  kernel.differences(bits, n, order, plan.offset);
  return finish(axis, plan);
}

/** Codes the axis with a predictor of its own; undefined if there is none, or if differences of `fastBytes` are shorter. */
function codeTight(axis: Loaded, fastBytes: number): number | undefined {
  const { kernel, bits, n } = axis;
  const [least, most, sum] = kernel.workspace.lags; // as surveyed
  const offset = Math.round(sum! / n);
  if (least === most) return undefined;
  const predictor = findPredictor(kernel, bits, n, offset, least!, most!);
  if (predictor === undefined) return undefined;
  const { coefficients, shift } = predictor;
  const segments = n >= LEAST_FOUR_SEGMENT_SAMPLES ? 4 : 1;
  kernel.workspace.coefficients.set(coefficients);
  kernel.predict(bits, n, segmentLength(n, segments), coefficients.length, shift, offset);
  const blockLog = chooseCodes(axis);
  const coded = finish(axis, { predictor, offset, segments, blockLog });
  return coded <= fastBytes ? coded : undefined;
}

/** Chooses the size of blocks that takes the fewest bits, by estimate, and a code for each block. */
function chooseCodes({ kernel: { workspace }, bits, n }: Loaded): number {
  const { sums, descriptors } = workspace;
  let best = { blockLog: 0, cost: Infinity };
  for (const blockLog of TIGHT_BLOCK_LOGS) {
    let cost = 0;
    for (let start = 0; start < n; start += 1 << blockLog) {
      const count = Math.min(1 << blockLog, n - start);
      cost += 8 + count * log2(1 + sumOf(sums, start, count) / count);
    }
    if (cost < best.cost) best = { blockLog, cost };
  }
  const block = 1 << best.blockLog;
  for (let start = 0, b = 0; start < n; start += block, b++) {
    const count = Math.min(block, n - start);
    descriptors[b] = descriptorFor(sumOf(sums, start, count), count, bits);
  }
  return best.blockLog;
}

/** Sum of magnitudes of the residuals from `start` on, a multiple of 128. */
function sumOf(sums: Int32Array, start: number, count: number): number {
  let sum = 0;
  for (let b = start / SUB_BLOCK_SAMPLES; b * SUB_BLOCK_SAMPLES < start + count; b++) sum += sums[b]!;
  return sum;
}

/** The prefix code and number of low bits for residuals of a given sum of magnitudes; zeros need neither. */
function descriptorFor(sum: number, count: number, bits: SampleBits): number {
  if (sum === 0) return 0;
  const deviation = (sum / count) * DEVIATION_PER_MEAN;
  let halfOctaves = 0;
  let variance = deviation * deviation;
  for (; variance >= 2; variance /= 2) halfOctaves++;
  for (; variance < 1 && halfOctaves > -4; variance *= 2) halfOctaves--;
  // The two widest codes are for deviations of high parts from √2 to 2 and from 2 to 2√2; each low bit halves them.
  if (halfOctaves <= 2) return (halfOctaves + 5) << 5;
  return ((6 + ((halfOctaves - 1) & 1)) << 5) | Math.min((halfOctaves - 1) >> 1, bits - 1);
}

/** Writes the axis's head to the workspace's bytes, then its blocks and what it takes to be long enough. */
function finish({ kernel, bits, n }: Loaded, { predictor, offset, segments, blockLog }: Plan): number {
  const { bytes, descriptors } = kernel.workspace;
  const { coefficients, shift } = predictor;
  bytes[0] = coefficients.length | (segments === 4 ? FOUR_SEGMENTS : 0);
  bytes[1] = shift | ((blockLog - LEAST_BLOCK_LOG) << 4);
  let at = writeVarint(zigzag(offset), bytes, 2);
  for (const coefficient of coefficients) at = writeVarint(zigzag(coefficient), bytes, at);
  const blocks = Math.ceil(n / (1 << blockLog));
  bytes.set(descriptors.subarray(0, blocks), at);
  const end = kernel.pack(bits, n, blockLog, at + blocks);
  const least = leastBytes(n);
  if (end >= least) return end;
  bytes.fill(0, end, least);
  return least;
}

function writeVerbatim(samples: SampleArray, bits: SampleBits, buffer: Uint8Array, offset: number): number {
  buffer[offset] = VERBATIM;
  let at = offset + 1;
  for (const sample of samples) {
    buffer[at] = sample;
    buffer[at + 1] = sample >> 8;
    if (bits === 24) buffer[at + 2] = sample >> 16;
    at += bits / 8;
  }
  return at;
}
