/** Bytes to one axis of a waveform: any bytes give the samples that they stand for, or a FrameError. */

import { FOUR_SEGMENTS, LEAST_BLOCK_LOG, leastBytes, MAX_ORDER, MOST_BLOCK_LOG, segmentLength, VERBATIM, WIDE_MAGNITUDES } from './axis-format.ts';
import { readU8, remaining, take, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';
import type { Kernel, SampleBits } from './kernel/kernel.ts';
import { PREFIX_CODES } from './kernel/prefix-codes.ts';
import { samplesOf } from './kernel/workspace.ts';
import { MAX_WAVEFORM_SAMPLES, type SampleArray } from './messages.ts';
import { readVarint, unzigzag } from './varint.ts';

interface Head {
  readonly order: number;
  readonly segments: 1 | 4;
  readonly shift: number;
  readonly blockLog: number;
  readonly offset: number;
}

/**
 * Reads an axis into `samples`, all of them. Throws FrameError FRAME_MALFORMED if the bytes are none of an axis.
 */
export function decodeAxis(kernel: Kernel, cursor: Cursor, bits: SampleBits, samples: SampleArray): void {
  const n = samples.length;
  if (n === 0) return;
  if (n > MAX_WAVEFORM_SAMPLES) throw new RangeError(`an axis of ${n} samples`); // a kernel has no bounds of its own
  const { workspace } = kernel;
  const start = cursor.position;
  if (cursor.bytes[start] === VERBATIM) {
    readVerbatim(cursor, bits, samples);
    return;
  }
  const { order, segments, shift, blockLog, offset } = readHead(cursor, bits, workspace.coefficients);
  readDescriptors(cursor, bits, Math.ceil(n / (1 << blockLog)), workspace.descriptors);
  const length = remaining(cursor);
  workspace.bytes.set(cursor.bytes.subarray(cursor.position, cursor.end));
  const end = kernel.unpack(bits, n, blockLog, 0, length);
  if (end < 0) throw new FrameError('FRAME_MALFORMED', 'samples are cut short, or bits that must be zero are not', cursor.position);
  take(cursor, end);
  readPadding(cursor, start, n);
  kernel.restore(bits, n, segmentLength(n, segments), order, shift, offset);
  samples.set(samplesOf(workspace, bits).subarray(0, n));
}

function readVerbatim(cursor: Cursor, bits: SampleBits, samples: SampleArray): void {
  let at = take(cursor, 1 + (samples.length * bits) / 8) + 1;
  const { bytes } = cursor;
  for (let i = 0; i < samples.length; i++) {
    const low = bytes[at]! | (bytes[at + 1]! << 8);
    samples[i] = bits === 16 ? low : ((low | (bytes[at + 2]! << 16)) << 8) >> 8;
    at += bits / 8;
  }
}

function readHead(cursor: Cursor, bits: SampleBits, coefficients: Int16Array): Head {
  const place = cursor.position;
  const form = readU8(cursor);
  const order = form & ~FOUR_SEGMENTS;
  if (order > MAX_ORDER) throw new FrameError('FRAME_MALFORMED', `undefined form ${form} of an axis`, place);
  const scale = readU8(cursor);
  const blockLog = (scale >> 4) + LEAST_BLOCK_LOG;
  if (blockLog > MOST_BLOCK_LOG) throw new FrameError('FRAME_MALFORMED', `blocks of 2^${blockLog} samples`, place + 1);
  const offset = readSigned(cursor, bits);
  let magnitudes = 0;
  for (let j = 0; j < order; j++) magnitudes += Math.abs((coefficients[j] = readSigned(cursor, 16)));
  if (bits === 24 && magnitudes >= WIDE_MAGNITUDES) throw new FrameError('FRAME_MALFORMED', `coefficients of ${magnitudes} in all`, place);
  return { order, segments: form === order ? 1 : 4, shift: scale & 15, blockLog, offset };
}

/** A number of so many bits in two's complement, as a zigzag varint. */
function readSigned(cursor: Cursor, bits: number): number {
  const place = cursor.position;
  const value = unzigzag(readVarint(cursor));
  if (value < -(2 ** (bits - 1)) || value >= 2 ** (bits - 1)) throw new FrameError('FRAME_MALFORMED', `${value} exceeds ${bits} bits`, place);
  return value;
}

function readDescriptors(cursor: Cursor, bits: SampleBits, count: number, descriptors: Uint8Array): void {
  const place = take(cursor, count);
  for (let b = 0; b < count; b++) {
    const descriptor = cursor.bytes[place + b]!;
    const code = descriptor >> 5;
    const low = descriptor & 31;
    if (code > PREFIX_CODES || low > (code === 0 ? bits : bits - 1)) {
      throw new FrameError('FRAME_MALFORMED', `undefined descriptor ${descriptor} of a block`, place + b);
    }
    descriptors[b] = descriptor;
  }
}

/** Zeros up to the fewest bytes that an axis may take. */
function readPadding(cursor: Cursor, start: number, n: number): void {
  const count = start + leastBytes(n) - cursor.position;
  if (count <= 0) return;
  const place = take(cursor, count);
  for (let at = place; at < place + count; at++) {
    if (cursor.bytes[at] !== 0) throw new FrameError('FRAME_MALFORMED', 'padding is not zero', at);
  }
}
