/**
 * What a kernel does: the loops over samples, on a workspace of its own. There are two that give the same bytes, one in
 * TypeScript, one in WebAssembly; decisions (which predictor, which code) are made once, outside, for both.
 */

import type { Workspace } from './workspace.ts';

/** Bits of a sample: two's complement codes of an Int16Array, or of an Int32Array that holds 24-bit ones. */
export type SampleBits = 16 | 24;

/**
 * All calls work on the first `n` samples or residuals of one axis in the workspace, 1 to MAX_WAVEFORM_SAMPLES. Residuals
 * are modulo 2^bits, as two's complement.
 */
export interface Kernel {
  readonly name: 'wasm' | 'typescript';
  readonly workspace: Workspace;

  /** Minimum, maximum and sum of the samples, to lags[0..2]. */
  survey(bits: SampleBits, n: number): void;

  /**
   * For each sub-block of 128 samples its residuals of orders 0, 1 and 2 in zigzag form (0, -1, 1, -2 … as 0, 1, 2, 3 …),
   * OR-ed, to sums[order * 512 + sub-block]. Order 0 subtracts `centre`; for the others the first sample comes before.
   */
  masks(bits: SampleBits, n: number, centre: number): void;

  /**
   * Adds the autocorrelation of lags 0 to 32 of `length` samples (at most 1024) from `start` on to lags. A sample is
   * taken relative to `offset` (saturated at 16 bits), shifted left by `up` and right by `down`, which must make it at
   * most 2^13 in magnitude, and multiplied by window / 2^15, rounded half up.
   */
  autocorrelate(bits: SampleBits, start: number, length: number, offset: number, up: number, down: number): void;

  /** Residuals of the differences of order 0 (from `offset`), 1 or 2 (as if `offset` came before the first sample). */
  differences(bits: SampleBits, n: number, order: number, offset: number): void;

  /**
   * Residuals of the predictor in `coefficients`, and the sum of their magnitudes in each sub-block to sums. Of 24-bit
   * samples the coefficients' magnitudes must sum up to less than 2^19.
   */
  predict(bits: SampleBits, n: number, segment: number, order: number, shift: number, offset: number): void;

  /** Samples from residuals: the inverse of `predict`. */
  restore(bits: SampleBits, n: number, segment: number, order: number, shift: number, offset: number): void;

  /** Packs the residuals in blocks of 2^blockLog by `descriptors` to bytes[at]; returns the index after the last byte. */
  pack(bits: SampleBits, n: number, blockLog: number, at: number): number;

  /**
   * The inverse of `pack`, of any bytes: returns the index after the last byte, or -1 if that would be after `end` or a
   * bit that must be zero is not.
   */
  unpack(bits: SampleBits, n: number, blockLog: number, at: number, end: number): number;

  /** CRC-32C of the first `length` of `bytes`, which it may spoil. */
  crc32c(length: number): number;
}
