/**
 * Lossless compression of one axis of 16-bit samples. A signal is cut into blocks of BLOCK_SAMPLES (the last one
 * shorter); each begins with a 3-bit method and stands alone:
 *
 *   0 constant   the sample (16 bits), then floor(length / 8) zero bits
 *   1 verbatim   each sample, 16 bits
 *   2 to 6       order method - 2 of the fixed predictors: that many warm-up samples (16 bits each), then the residuals
 *   7            undefined
 *
 * The zero bits after a constant bound what a decoder has to allocate: no signal takes less than one byte for every
 * 64 samples (128 bytes), so that a small hostile frame cannot stand for a great amount of memory.
 */

import { bitOffset, readBits, readZeros, type BitReader } from './bit-reader.ts';
import { writeBits, writeZeros, type BitWriter } from './bit-writer.ts';
import { FrameError } from './errors.ts';
import { bestOrder, MAX_PREDICTOR_ORDER, residualsOf, restoreSamples } from './predictor.ts';
import { BLOCK_SAMPLES, planResiduals, readResiduals, writeResiduals } from './rice.ts';

const METHOD_BITS = 3;
const SAMPLE_BITS = 16;
const CONSTANT = 0;
const VERBATIM = 1;
const PREDICTED = 2;

/** No signal is coded in fewer bytes than its samples divided by this. */
export const MAX_SAMPLES_PER_BYTE = 64;

/** One block is coded at a time; all share this scratch space. */
const zigzag = new Int32Array(BLOCK_SAMPLES);

/** The most bits that `encodeSamples` writes for `count` samples. */
export function maxSampleBits(count: number): number {
  return count * SAMPLE_BITS + Math.ceil(count / BLOCK_SAMPLES) * METHOD_BITS;
}

/** Appends the compressed samples of one axis, any number of them, to `writer`. */
export function encodeSamples(samples: Int16Array, writer: BitWriter): void {
  for (let start = 0; start < samples.length; start += BLOCK_SAMPLES) {
    encodeBlock(samples, start, Math.min(BLOCK_SAMPLES, samples.length - start), writer);
  }
}

function encodeBlock(samples: Int16Array, start: number, length: number, writer: BitWriter): void {
  if (isConstant(samples, start, length)) {
    writeBits(writer, CONSTANT, METHOD_BITS);
    writeRaw(samples, start, 1, writer);
    writeZeros(writer, length >>> 3);
    return;
  }
  const order = bestOrder(samples, start, length);
  residualsOf(samples, start, length, order, zigzag);
  const plan = planResiduals(zigzag, length, order);
  if (order * SAMPLE_BITS + plan.bits >= length * SAMPLE_BITS) {
    writeBits(writer, VERBATIM, METHOD_BITS);
    writeRaw(samples, start, length, writer);
    return;
  }
  writeBits(writer, PREDICTED + order, METHOD_BITS);
  writeRaw(samples, start, order, writer);
  writeResiduals(plan, zigzag, length, order, writer);
}

function isConstant(samples: Int16Array, start: number, length: number): boolean {
  const first = samples[start];
  for (let index = 1; index < length; index++) if (samples[start + index] !== first) return false;
  return true;
}

function writeRaw(samples: Int16Array, start: number, count: number, writer: BitWriter): void {
  for (let index = 0; index < count; index++) writeBits(writer, samples[start + index]! & 0xffff, SAMPLE_BITS);
}

/**
 * Reads the samples of one axis, as many as `out` has room for, into `out`.
 * Throws FrameError FRAME_MALFORMED if the bits are none that an encoder of this version can have written.
 */
export function decodeSamples(reader: BitReader, out: Int16Array): void {
  for (let start = 0; start < out.length; start += BLOCK_SAMPLES) {
    decodeBlock(reader, out, start, Math.min(BLOCK_SAMPLES, out.length - start));
  }
}

function decodeBlock(reader: BitReader, out: Int16Array, start: number, length: number): void {
  const place = bitOffset(reader);
  const method = readBits(reader, METHOD_BITS);
  if (method === CONSTANT) {
    out.fill(readBits(reader, SAMPLE_BITS), start, start + length);
    readZeros(reader, length >>> 3);
  } else if (method === VERBATIM) {
    readRaw(reader, out, start, length);
  } else {
    const order = method - PREDICTED;
    if (order > MAX_PREDICTOR_ORDER || order >= length) {
      throw new FrameError('FRAME_MALFORMED', `block of ${length} samples by undefined method ${method}`, place);
    }
    readRaw(reader, out, start, order);
    readResiduals(reader, length, order, zigzag);
    const restored = restoreSamples(out, start, length, order, zigzag);
    if (restored < length) {
      throw new FrameError('FRAME_MALFORMED', `sample ${start + restored} exceeds 16 bits`, place);
    }
  }
}

function readRaw(reader: BitReader, out: Int16Array, start: number, count: number): void {
  for (let index = 0; index < count; index++) out[start + index] = readBits(reader, SAMPLE_BITS);
}
