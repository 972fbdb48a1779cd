/** Spectra of the axes of a capture: codes to g, mean removed, two axes to a transform. */

import { fft } from './fft.ts';

/** The lower half of a real signal's spectrum in g, unscaled: bins 0 to floor(n/2) + 1, bin 0 is 0. */
export interface Spectrum {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Codes in g without their mean. The mean of 16-bit codes is exact in whole numbers up to 2^37 samples. */
function centred(codes: Int16Array, fullScaleG: number): Float64Array {
  let sum = 0;
  for (const code of codes) sum += code;
  const mean = sum / codes.length;
  const scale = fullScaleG / 32_768;
  const out = new Float64Array(codes.length);
  for (let i = 0; i < out.length; i++) out[i] = (codes[i]! - mean) * scale;
  return out;
}

/** Takes the spectra of a and b out of that of a + jb, by the symmetry of real signals. */
function separate(re: Float64Array, im: Float64Array): readonly [Spectrum, Spectrum] {
  const length = re.length;
  const bins = Math.floor(length / 2) + 2;
  const first = { re: new Float64Array(bins), im: new Float64Array(bins) };
  const second = { re: new Float64Array(bins), im: new Float64Array(bins) };
  for (let k = 1; k < bins; k++) {
    const here = k % length;
    const mirror = (2 * length - k) % length;
    const sumRe = re[here]! + re[mirror]!;
    const difRe = re[here]! - re[mirror]!;
    const sumIm = im[here]! + im[mirror]!;
    const difIm = im[here]! - im[mirror]!;
    first.re[k] = sumRe / 2;
    first.im[k] = difIm / 2;
    second.re[k] = sumIm / 2;
    second.im[k] = -difRe / 2;
  }
  return [first, second];
}

/** Spectra of 1 to 3 axes of equal length (at least 1), in g, mean removed. */
export function spectraOf(axes: readonly Int16Array[], fullScaleG: number): readonly Spectrum[] {
  const spectra: Spectrum[] = [];
  for (let axis = 0; axis < axes.length; axis += 2) {
    const second = axes[axis + 1];
    const re = centred(axes[axis]!, fullScaleG);
    const im = second === undefined ? new Float64Array(re.length) : centred(second, fullScaleG);
    fft(re, im);
    const [a, b] = separate(re, im);
    spectra.push(a);
    if (second !== undefined) spectra.push(b);
  }
  return spectra;
}
