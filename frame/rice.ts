/**
 * Partitioned Rice coding of a block's residuals (Rice 1979; the partitions are FLAC's idea, RFC 9639 section 9.2.7).
 *
 * A block is cut into partitions of BLOCK_SAMPLES >> partitionOrder sample positions, the last one shorter; the warm-up
 * samples take up positions of the first one but are not coded here. Each partition begins with a 5-bit coding:
 * 0 to 20 is a Rice parameter k (a residual z in zigzag form is z >> k zero bits, a one bit, the low k bits of z); 31 is
 * followed by a 5-bit width w of 1 to 20, and each z is w bits.
 */

import { bitOffset, readBits, readUnary, type BitReader } from './bit-reader.ts';
import { writeBits, writeUnary, type BitWriter } from './bit-writer.ts';
import { FrameError } from './errors.ts';
import { MAX_RESIDUAL_BITS } from './predictor.ts';

/** Samples of a block; only the last block of a signal has fewer. */
export const BLOCK_SAMPLES = 4_096;
/** Finest cut: partitions of 32 samples. */
const MAX_PARTITION_ORDER = 7;
const PARTITION_ORDER_BITS = 3;
const CODING_BITS = 5;
const WIDTH_BITS = 5;
const ESCAPE = 31;
const MAX_ZIGZAG = 2 ** MAX_RESIDUAL_BITS - 1;
const PARAMETERS = MAX_RESIDUAL_BITS + 1;

/** How a block's residuals are coded best, and the bits that takes. */
export interface RicePlan {
  readonly partitionOrder: number;
  readonly bits: number;
}

// One block is planned at a time; all plans share this scratch space. Per partition: residuals, the bits of the
// greatest one, and for each parameter k the sum of z >> k; for every partition order the codings chosen, those of
// order p from index 2^p - 1 on (a width w is kept as ESCAPE + w).
const counts = new Int32Array(1 << MAX_PARTITION_ORDER);
const widths = new Int32Array(1 << MAX_PARTITION_ORDER);
const quotients = new Float64Array((1 << MAX_PARTITION_ORDER) * PARAMETERS);
const codings = new Uint8Array(2 << MAX_PARTITION_ORDER);

/**
 * Finds the cheapest partition order and codings for `zigzag[order .. length)`, exactly, by summing each parameter's
 * cost over the finest partitions and then over ever larger ones. `length` is order + 1 to BLOCK_SAMPLES. The codings
 * are kept until the next call, for `writeResiduals`.
 */
export function planResiduals(zigzag: Int32Array, length: number, order: number): RicePlan {
  measureFinest(zigzag, length, order);
  let partitionOrder = MAX_PARTITION_ORDER;
  let bits = Infinity;
  for (let level = MAX_PARTITION_ORDER; level >= 0; level--) {
    const cost = chooseCodings(level);
    if (cost <= bits) {
      bits = cost;
      partitionOrder = level;
    }
    mergePairs(level);
  }
  return { partitionOrder, bits: bits + PARTITION_ORDER_BITS };
}

function measureFinest(zigzag: Int32Array, length: number, order: number): void {
  const size = BLOCK_SAMPLES >> MAX_PARTITION_ORDER;
  counts.fill(0);
  widths.fill(0);
  quotients.fill(0);
  for (let start = 0, partition = 0; start < length; start += size, partition++) {
    const end = Math.min(start + size, length);
    const first = Math.max(start, order);
    let all = 0;
    for (let index = first; index < end; index++) {
      let rest = zigzag[index]!;
      all |= rest;
      for (let at = partition * PARAMETERS; rest > 0; at++, rest >>>= 1) quotients[at]! += rest;
    }
    counts[partition] = end - first;
    widths[partition] = Math.max(1, 32 - Math.clz32(all));
  }
}

/** Chooses the cheapest coding of each partition of `level` and returns the bits of all. */
function chooseCodings(level: number): number {
  let total = 0;
  for (let partition = 0; partition < 1 << level; partition++) {
    const count = counts[partition]!;
    if (count === 0) break;
    const width = widths[partition]!;
    let least = WIDTH_BITS + count * width;
    let coding = ESCAPE + width;
    for (let k = 0; k <= width && k < PARAMETERS; k++) {
      const cost = quotients[partition * PARAMETERS + k]! + count * (k + 1);
      if (cost < least) {
        least = cost;
        coding = k;
      }
    }
    codings[(1 << level) - 1 + partition] = coding;
    total += CODING_BITS + least;
  }
  return total;
}

/** Turns the measures of `level`'s partitions into those of the next coarser level. */
function mergePairs(level: number): void {
  for (let partition = 0; partition < (1 << level) >> 1; partition++) {
    const left = 2 * partition;
    counts[partition] = counts[left]! + counts[left + 1]!;
    widths[partition] = Math.max(widths[left]!, widths[left + 1]!);
    for (let k = 0; k < PARAMETERS; k++) {
      quotients[partition * PARAMETERS + k] =
        quotients[left * PARAMETERS + k]! + quotients[(left + 1) * PARAMETERS + k]!;
    }
  }
}

/** Writes partition order, codings and residuals as `plan`, the plan made last, says. */
export function writeResiduals(
  plan: RicePlan,
  zigzag: Int32Array,
  length: number,
  order: number,
  writer: BitWriter,
): void {
  const size = BLOCK_SAMPLES >> plan.partitionOrder;
  writeBits(writer, plan.partitionOrder, PARTITION_ORDER_BITS);
  for (let start = 0, at = (1 << plan.partitionOrder) - 1; start < length; start += size, at++) {
    writePartition(codings[at]!, zigzag, Math.max(start, order), Math.min(start + size, length), writer);
  }
}

function writePartition(coding: number, zigzag: Int32Array, first: number, end: number, writer: BitWriter): void {
  if (coding > ESCAPE) {
    const width = coding - ESCAPE;
    writeBits(writer, ESCAPE, CODING_BITS);
    writeBits(writer, width, WIDTH_BITS);
    for (let index = first; index < end; index++) writeBits(writer, zigzag[index]!, width);
    return;
  }
  writeBits(writer, coding, CODING_BITS);
  const mask = (1 << coding) - 1;
  for (let index = first; index < end; index++) {
    writeUnary(writer, zigzag[index]! >>> coding);
    writeBits(writer, zigzag[index]! & mask, coding);
  }
}

/**
 * Reads what `writeResiduals` wrote into `zigzag[order .. length)`; `length` is order + 1 to BLOCK_SAMPLES.
 * Throws FrameError FRAME_MALFORMED for an undefined coding or width, a residual of more than 20 bits, a cut end.
 */
export function readResiduals(reader: BitReader, length: number, order: number, zigzag: Int32Array): void {
  const size = BLOCK_SAMPLES >> readBits(reader, PARTITION_ORDER_BITS);
  for (let start = 0; start < length; start += size) {
    readPartition(reader, zigzag, Math.max(start, order), Math.min(start + size, length));
  }
}

function readPartition(reader: BitReader, zigzag: Int32Array, first: number, end: number): void {
  const coding = readBits(reader, CODING_BITS);
  if (coding === ESCAPE) {
    const width = readBits(reader, WIDTH_BITS);
    if (width < 1 || width > MAX_RESIDUAL_BITS) {
      throw new FrameError('FRAME_MALFORMED', `residual width ${width}`, bitOffset(reader));
    }
    for (let index = first; index < end; index++) zigzag[index] = readBits(reader, width);
    return;
  }
  if (coding > MAX_RESIDUAL_BITS) {
    throw new FrameError('FRAME_MALFORMED', `undefined residual coding ${coding}`, bitOffset(reader));
  }
  const most = MAX_ZIGZAG >>> coding;
  for (let index = first; index < end; index++) {
    const quotient = readUnary(reader, most);
    zigzag[index] = (quotient << coding) | readBits(reader, coding);
  }
}
