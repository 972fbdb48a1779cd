/**
 * The 13 features of a measurement as minifloat codes, and the features that follow from them. The order on the wire:
 *
 *  0– 2  acceleration RMS 0–6000 Hz, x, y, z
 *  3– 5  acceleration RMS 10–1000 Hz, x, y, z      6  its total's absolute maximum      7  … absolute minimum
 *  8–10  velocity RMS 10–1000 Hz, x, y, z         11  its total's absolute maximum     12  … absolute minimum
 */

import type { BandFeatures, Measurement, PerAxis } from './messages.ts';
import { FrameError } from './errors.ts';
import { ACCELERATION_UNITS_PER_G, toMinifloats, unitNumbers, VELOCITY_UNITS_PER_MM_PER_S } from './minifloat.ts';

export const FEATURE_COUNT = 13;

/** What a measurement says besides its header. */
export type Features = Pick<Measurement, 'accelerationRmsG' | 'accelerationG' | 'velocityMmPerS'>;

/** One measurement is coded at a time: its features in units. */
const numbers = unitNumbers(FEATURE_COUNT);
const { units } = numbers;
const ACCELERATIONS = 8;
const NAMES = ['accelerationRmsG', 'accelerationG', 'velocityMmPerS'] as const;

/**
 * Fills `codes` (FEATURE_COUNT elements) with the minifloat codes of the features.
 * Throws FrameError FRAME_VALUE for a negative feature. Derived features are not looked at.
 */
export function featuresToCodes({ accelerationRmsG, accelerationG, velocityMmPerS }: Features, codes: Uint16Array): void {
  units[0] = accelerationRmsG.x;
  units[1] = accelerationRmsG.y;
  units[2] = accelerationRmsG.z;
  bandToUnits(accelerationG, 3);
  bandToUnits(velocityMmPerS, ACCELERATIONS);
  for (let index = 0; index < ACCELERATIONS; index++) units[index]! *= ACCELERATION_UNITS_PER_G;
  for (let index = ACCELERATIONS; index < FEATURE_COUNT; index++) units[index]! *= VELOCITY_UNITS_PER_MM_PER_S;
  const negative = toMinifloats(numbers, codes);
  if (negative < 0) return;
  const name = NAMES[negative < 3 ? 0 : negative < ACCELERATIONS ? 1 : 2];
  throw new FrameError('FRAME_VALUE', `${name} must have no negative number`);
}

function bandToUnits(band: BandFeatures, at: number): void {
  units[at] = band.rms.x;
  units[at + 1] = band.rms.y;
  units[at + 2] = band.rms.z;
  units[at + 3] = band.totalAbsMax;
  units[at + 4] = band.totalAbsMin;
}

/** Three features that begin at `at` of `codes`; `values` has the value of each code. */
export function perAxisFromCodes(codes: Uint16Array, at: number, values: Float64Array): PerAxis {
  return { x: values[codes[at]!]!, y: values[codes[at + 1]!]!, z: values[codes[at + 2]!]! };
}

/** The five features of a band that begin at `at` of `codes`, and the two that follow from them. */
export function bandFromCodes(codes: Uint16Array, at: number, values: Float64Array): BandFeatures {
  const rms = perAxisFromCodes(codes, at, values);
  const totalRms = totalRmsOf(rms);
  const totalAbsMax = values[codes[at + 3]!]!;
  return { rms, totalRms, totalAbsMax, totalAbsMin: values[codes[at + 4]!]!, totalCrestFactor: crestFactorOf(totalAbsMax, totalRms) };
}

/**
 * RMS of the total vibration, sqrt(x² + y² + z²) summed in this order over the axes that are available (not NaN);
 * NaN when none is.
 */
export function totalRmsOf(rms: PerAxis): number {
  const { x, y, z } = rms;
  if (Number.isNaN(x) && Number.isNaN(y) && Number.isNaN(z)) return NaN;
  return Math.sqrt((Number.isNaN(x) ? 0 : x * x) + (Number.isNaN(y) ? 0 : y * y) + (Number.isNaN(z) ? 0 : z * z));
}

/** totalAbsMax / totalRms; 0 when totalRms is 0, NaN when either is not available. */
export function crestFactorOf(totalAbsMax: number, totalRms: number): number {
  if (totalRms === 0 && !Number.isNaN(totalAbsMax)) return 0;
  return totalAbsMax / totalRms;
}
