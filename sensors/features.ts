/**
 * What a sensor says of a capture: acceleration RMS of the whole range, and acceleration and velocity in 10–1000 Hz.
 *
 * The band is cut out of the spectrum, and velocity is that divided by jω. Both are taken under a Hann window: in a
 * plain one the cut-off period at its ends leaks over all frequencies, up to 27 % of the peak of a 25 Hz tone, and
 * dividing by jω raises what leaks downwards. RMS is corrected by the window's power (3/8). Extremes come from the window's middle
 * half, where dividing the window out is safe. A steady signal gives its true values; docs/physics.md has the limits.
 */

import type { BandFeatures, PerAxis } from '../frame/messages.ts';
import { TWO_PI } from './elementary.ts';
import { fft, powerOfTwoFrom, tablesOf } from './fft.ts';
import { spectraOf, type Spectrum } from './spectrum.ts';
import { GRAVITY_MM_PER_S2 } from './vibration.ts';

/** The part of a measurement that comes from the samples. */
export interface Features {
  /** Acceleration RMS, 0–6000 Hz, mean removed, g. */
  readonly accelerationRmsG: PerAxis;
  /** Acceleration, 10–1000 Hz, g. */
  readonly accelerationG: BandFeatures;
  /** Velocity, 10–1000 Hz, mm/s. */
  readonly velocityMmPerS: BandFeatures;
}

export const WIDE_BAND_HIGH_HZ = 6_000;
export const BAND_LOW_HZ = 10;
export const BAND_HIGH_HZ = 1_000;

/** Samples per period of the band's upper edge: keeps a peak between samples within 1 - cos(π/24) = 0.9 %. */
const SAMPLES_PER_PERIOD = 24;
/** Mean square of a Hann window. */
const HANN_POWER = 3 / 8;

/** Bins of a band, both ends included; `high < low` when the band holds none. */
interface Band {
  readonly low: number;
  readonly high: number;
}

/** One axis in the band under a Hann window, from bin `low` on: spectra of acceleration (g) and velocity (mm/s). */
interface BandSpectra {
  readonly accelerationRe: Float64Array;
  readonly accelerationIm: Float64Array;
  readonly velocityRe: Float64Array;
  readonly velocityIm: Float64Array;
}

/** Extremes over time of the magnitude of the vector over the axes. */
interface Range {
  readonly max: number;
  readonly min: number;
}

/** Bins of 10–1000 Hz, below half the sample rate. */
function bandOf(samples: number, sampleRateHz: number): Band {
  const low = Math.max(1, Math.ceil((BAND_LOW_HZ * samples) / sampleRateHz));
  const high = Math.min(Math.floor((BAND_HIGH_HZ * samples) / sampleRateHz), Math.ceil(samples / 2) - 1);
  return { low, high };
}

/** RMS from a one-sided sum of squares (bins 1 and up), by Parseval. */
function rmsOf(sumOfSquares: number, samples: number): number {
  return Math.sqrt(2 * sumOfSquares) / samples;
}

/** RMS of 0–6000 Hz without the mean. The bin at half the sample rate stands alone: it counts half. */
function wideRms(spectrum: Spectrum, samples: number, sampleRateHz: number): number {
  const high = Math.min(Math.floor((WIDE_BAND_HIGH_HZ * samples) / sampleRateHz), Math.floor(samples / 2));
  let sum = 0;
  for (let k = 1; k <= high; k++) {
    const power = spectrum.re[k]! * spectrum.re[k]! + spectrum.im[k]! * spectrum.im[k]!;
    sum += 2 * k === samples ? power / 2 : power;
  }
  return rmsOf(sum, samples);
}

/**
 * Cuts the band out of a spectrum, windows and integrates it. Windowing by Hann is X[k]/2 - (X[k-1] + X[k+1])/4. It
 * spreads a tone over bins with a variance of 1/3, over which the mean of 1/k² is 1/k² + 1/k⁴: integrating by k² + 1 in
 * place of k² takes that away (at 25 Hz in 8192 samples: 0.9 %).
 */
function bandSpectra(spectrum: Spectrum, band: Band, binHz: number): BandSpectra {
  const { re, im } = spectrum;
  const count = band.high - band.low + 1;
  const accelerationRe = new Float64Array(count);
  const accelerationIm = new Float64Array(count);
  const velocityRe = new Float64Array(count);
  const velocityIm = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const k = band.low + i;
    const toVelocity = GRAVITY_MM_PER_S2 / (TWO_PI * binHz * Math.sqrt(k * k + 1));
    const windowedRe = re[k]! / 2 - (re[k - 1]! + re[k + 1]!) / 4;
    const windowedIm = im[k]! / 2 - (im[k - 1]! + im[k + 1]!) / 4;
    accelerationRe[i] = windowedRe;
    accelerationIm[i] = windowedIm;
    velocityRe[i] = windowedIm * toVelocity;
    velocityIm[i] = -windowedRe * toVelocity;
  }
  return { accelerationRe, accelerationIm, velocityRe, velocityIm };
}

/** RMS of a band's one-sided spectrum under a Hann window. */
function windowedRms(re: Float64Array, im: Float64Array, samples: number): number {
  let sum = 0;
  for (let i = 0; i < re.length; i++) sum += re[i]! * re[i]! + im[i]! * im[i]!;
  return rmsOf(sum / HANN_POWER, samples);
}

/**
 * Back to time, both signals in one transform (acceleration real, velocity imaginary), and adds the squares per time
 * sample. The band is narrow: any length of at least 24 samples per period of its upper edge will do.
 */
function addSquares(axis: BandSpectra, band: Band, squares: readonly [Float64Array, Float64Array]): void {
  const size = squares[0].length;
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  for (let i = 0; i < axis.velocityRe.length; i++) {
    const k = band.low + i;
    const ar = axis.accelerationRe[i]!;
    const ai = axis.accelerationIm[i]!;
    const vr = axis.velocityRe[i]!;
    const vi = axis.velocityIm[i]!;
    re[k] = ar - vi;
    im[k] = ai + vr;
    re[size - k] = ar + vi;
    im[size - k] = vr - ai;
  }
  fft(im, re);
  const [acceleration, velocity] = squares;
  for (let i = 0; i < size; i++) {
    acceleration[i]! += re[i]! * re[i]!;
    velocity[i]! += im[i]! * im[i]!;
  }
}

/**
 * Greatest and smallest root of squares that carry a squared Hann window, over the middle half of the time: from the middle
 * outwards, where the window is the same on both sides. (As one loop from left to right, with the window's side decided in it, one
 * run in twenty of Node.js 24.21 on a busy machine gave wrong extremes: V8 13.6 miscompiles it.)
 */
function rangeOf(squares: Float64Array, samples: number): Range {
  const middle = squares.length >> 1;
  const { cos } = tablesOf(squares.length);
  let max = squares[middle]!;
  let min = max;
  for (let k = squares.length >> 2; k > 0; k--) {
    const window = 0.5 - 0.5 * cos[middle - k]!;
    const before = squares[middle - k]! / (window * window);
    const after = squares[middle + k]! / (window * window);
    if (before > max) max = before;
    if (after > max) max = after;
    if (before < min) min = before;
    if (after < min) min = after;
  }
  return { max: Math.sqrt(max) / samples, min: Math.sqrt(min) / samples };
}

/** Ranges of acceleration and velocity magnitude; `samples` is the scale of the forward transform. */
function rangesOf(axes: readonly BandSpectra[], band: Band, samples: number): readonly [Range, Range] {
  const size = powerOfTwoFrom(SAMPLES_PER_PERIOD * band.high);
  const acceleration = new Float64Array(size);
  const velocity = new Float64Array(size);
  for (const axis of axes) addSquares(axis, band, [acceleration, velocity]);
  return [rangeOf(acceleration, samples), rangeOf(velocity, samples)];
}

/** The values of one to three axes as x, y, z; NaN for an axis that is not there. Rounded to 32-bit floats. */
function perAxis(values: readonly number[]): PerAxis {
  return {
    x: Math.fround(values[0] ?? NaN),
    y: Math.fround(values[1] ?? NaN),
    z: Math.fround(values[2] ?? NaN),
  };
}

/** Completes the features of a band; totals leave out missing axes. */
function bandFeatures(rmsValues: readonly number[], { max, min }: Range): BandFeatures {
  const rms = perAxis(rmsValues);
  const totalAbsMax = Math.fround(max);
  let sum = 0;
  for (const value of [rms.x, rms.y, rms.z]) sum += Number.isNaN(value) ? 0 : value * value;
  const totalRms = Math.sqrt(sum);
  const totalCrestFactor = totalRms === 0 ? 0 : totalAbsMax / totalRms;
  return { rms, totalRms, totalAbsMax, totalAbsMin: Math.fround(min), totalCrestFactor };
}

/**
 * Features of a capture. `axes`: 1 to 3 arrays (x, y, z) of equal, any length; code 32768 is `fullScaleG`. Bands end at
 * half the sample rate. A window too short to hold a bin of the band (or empty) gives zeros there. RMS and extremes are
 * rounded to 32-bit floats, as the firmware holds them; `totalRms` and `totalCrestFactor` follow from the rounded ones.
 */
export function featuresOf(axes: readonly Int16Array[], sampleRateHz: number, fullScaleG: number): Features {
  const samples = axes[0]?.length ?? 0;
  const none = axes.map(() => 0);
  const zero = bandFeatures(none, { max: 0, min: 0 });
  if (samples === 0) return { accelerationRmsG: perAxis(none), accelerationG: zero, velocityMmPerS: zero };

  const spectra = spectraOf(axes, fullScaleG);
  const accelerationRmsG = perAxis(spectra.map((spectrum) => wideRms(spectrum, samples, sampleRateHz)));
  const band = bandOf(samples, sampleRateHz);
  if (band.high < band.low) return { accelerationRmsG, accelerationG: zero, velocityMmPerS: zero };

  const bands = spectra.map((spectrum) => bandSpectra(spectrum, band, sampleRateHz / samples));
  const [acceleration, velocity] = rangesOf(bands, band, samples);
  const accelerationRms = bands.map((axis) => windowedRms(axis.accelerationRe, axis.accelerationIm, samples));
  const velocityRms = bands.map((axis) => windowedRms(axis.velocityRe, axis.velocityIm, samples));
  return {
    accelerationRmsG,
    accelerationG: bandFeatures(accelerationRms, acceleration),
    velocityMmPerS: bandFeatures(velocityRms, velocity),
  };
}
