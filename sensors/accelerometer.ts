/**
 * A digital MEMS accelerometer: own noise, offset, saturation, 16-bit codes. Figures: STMicroelectronics IIS3DWB
 * datasheet (DS12569): ODR 26.667 kHz, ±16 g, 0.488 mg/LSB, 75 µg/√Hz, zero-g level within ±20 mg.
 */

import type { RandomStream } from './random.ts';

/** What tells one accelerometer from another. */
export interface Accelerometer {
  /** Output data rate, samples per second and axis. */
  readonly sampleRateHz: number;
  /** Acceleration of code 32768, g: codes run from -32768 to 32767. Exact in 32-bit floats. */
  readonly fullScaleG: number;
  /** Noise density, white up to half the sample rate, g/√Hz. */
  readonly noiseDensityG: number;
}

export const IIS3DWB: Accelerometer = { sampleRateHz: 26_667, fullScaleG: 16, noiseDensityG: 75e-6 };

/** Zero-g level of the part, standard deviation over parts, g. */
export const ZERO_G_LEVEL_G = 0.01;

/** RMS of the accelerometer's own noise, g: density times the root of the bandwidth. */
export function noiseRmsG(accelerometer: Accelerometer): number {
  return accelerometer.noiseDensityG * Math.sqrt(accelerometer.sampleRateHz / 2);
}

/** The code of an acceleration: rounded to the nearest, saturated at both ends. NaN never comes here. */
export function codeOf(accelerationG: number, fullScaleG: number): number {
  const code = Math.round((accelerationG * 32_768) / fullScaleG);
  return code > 32_767 ? 32_767 : code < -32_768 ? -32_768 : code;
}

/** The codes of one axis: true acceleration in g plus offset plus the part's own noise, quantised and saturated. */
export function digitise(
  signalG: Float64Array,
  offsetG: number,
  accelerometer: Accelerometer,
  random: RandomStream,
): Int16Array {
  const { fullScaleG } = accelerometer;
  const noise = noiseRmsG(accelerometer);
  const codes = new Int16Array(signalG.length);
  for (let i = 0; i < codes.length; i++) {
    codes[i] = codeOf(signalG[i]! + offsetG + noise * random.gaussian(), fullScaleG);
  }
  return codes;
}
