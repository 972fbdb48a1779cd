/**
 * The fixed polynomial predictors of orders 0 to 4 (Robinson, "SHORTEN", 1994): order r predicts a sample as the
 * polynomial of degree r - 1 through the r samples before it, so the residual is the r-th difference.
 *
 * For 16-bit samples the magnitude of a residual is at most 2^4 * 32768 - 8 = 524280 (order 4, samples alternating
 * between the extremes), which fits a 20-bit two's complement number. Residuals are handled in zigzag form, 0, -1, 1,
 * -2, 2 … as 0, 1, 2, 3, 4 …, which therefore needs 20 bits.
 */

export const MAX_PREDICTOR_ORDER = 4;
/** Bits of the greatest residual in zigzag form. */
export const MAX_RESIDUAL_BITS = 20;

/**
 * The order of 0 to 4, less than `length`, whose residuals have the smallest sum of magnitudes in
 * `samples[start .. start + length)`; `length` is at least 1.
 */
export function bestOrder(samples: Int16Array, start: number, length: number): number {
  const most = Math.min(MAX_PREDICTOR_ORDER, length - 1);
  const sums = magnitudeSums(samples, start, length, most);
  let best = 0;
  for (let order = 1; order <= most; order++) if (sums[order]! < sums[best]!) best = order;
  return best;
}

/** Sums over the samples that all orders up to `most` predict; a sum is below 2^32 for 4096 samples. */
function magnitudeSums(samples: Int16Array, start: number, length: number, most: number): number[] {
  const last = [0, 0, 0, 0, 0];
  const sums = [0, 0, 0, 0, 0];
  for (let index = 0; index < length; index++) {
    let difference = samples[start + index]!;
    for (let order = 0; order <= most; order++) {
      if (index >= most) sums[order]! += Math.abs(difference);
      const next = difference - last[order]!;
      last[order] = difference;
      difference = next;
    }
  }
  return sums;
}

/** Writes the residual of each sample from index `order` on, in zigzag form, to the same index of `zigzag`. */
export function residualsOf(samples: Int16Array, start: number, length: number, order: number, zigzag: Int32Array): void {
  for (let index = order; index < length; index++) {
    const at = start + index;
    const residual = samples[at]! - prediction(samples, at, order);
    zigzag[index] = (residual << 1) ^ (residual >> 31);
  }
}

/**
 * The inverse: computes `samples[start + order .. start + length)` from the `order` samples before them and the
 * residuals in `zigzag[order .. length)`. Returns the index within the block of the first sample that does not fit
 * 16 bits, `length` when all do.
 */
export function restoreSamples(
  samples: Int16Array,
  start: number,
  length: number,
  order: number,
  zigzag: Int32Array,
): number {
  for (let index = order; index < length; index++) {
    const at = start + index;
    const code = zigzag[index]!;
    const sample = prediction(samples, at, order) + ((code >>> 1) ^ -(code & 1));
    if (sample < -0x8000 || sample > 0x7fff) return index;
    samples[at] = sample;
  }
  return length;
}

function prediction(samples: Int16Array, at: number, order: number): number {
  switch (order) {
    case 0:
      return 0;
    case 1:
      return samples[at - 1]!;
    case 2:
      return 2 * samples[at - 1]! - samples[at - 2]!;
    case 3:
      return 3 * (samples[at - 1]! - samples[at - 2]!) + samples[at - 3]!;
    default:
      return 4 * (samples[at - 1]! + samples[at - 3]!) - 6 * samples[at - 2]! - samples[at - 4]!;
  }
}
