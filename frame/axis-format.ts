/** What the encoder and the decoder of an axis share: docs/frame.md, "An axis", specifies the bytes. */

import type { SampleBits } from './kernel/kernel.ts';

/** The first byte of an axis whose samples stand as they are; else the byte is the predictor's order and a flag. */
export const VERBATIM = 0xff;
/** Flag of the first byte: the axis is four segments, not one. */
export const FOUR_SEGMENTS = 0x40;

export const MAX_ORDER = 32;
/** The magnitudes of the coefficients for 24-bit samples sum up to less, so that their products can be made of 16-bit halves. */
export const WIDE_MAGNITUDES = 2 ** 19;
export const LEAST_BLOCK_LOG = 7;
export const MOST_BLOCK_LOG = 12;

/** No axis is coded in fewer bytes than its samples divided by this, so that a small frame cannot stand for much memory. */
export const MAX_SAMPLES_PER_BYTE = 64;

/** Samples of each segment but the last, which is shorter: a multiple of 128. */
export function segmentLength(samples: number, segments: 1 | 4): number {
  return segments === 1 ? samples : 128 * Math.ceil(samples / 512);
}

export function leastBytes(samples: number): number {
  return Math.ceil(samples / MAX_SAMPLES_PER_BYTE);
}

/** The most bytes that an axis takes. */
export function mostBytes(samples: number, bits: SampleBits): number {
  return samples === 0 ? 0 : 1 + (samples * bits) / 8;
}
