/**
 * The 13 features of a measurement as minifloat codes, and the features that follow from them. The order on the wire:
 *
 *  0– 2  acceleration RMS 0–6000 Hz, x, y, z
 *  3– 5  acceleration RMS 10–1000 Hz, x, y, z      6  its total's absolute maximum      7  … absolute minimum
 *  8–10  velocity RMS 10–1000 Hz, x, y, z         11  its total's absolute maximum     12  … absolute minimum
 */

import type { BandFeatures, Measurement, PerAxis } from './messages.ts';
import { ACCELERATION_UNITS_PER_G, fromMinifloat, toMinifloat, VELOCITY_UNITS_PER_MM_PER_S } from './minifloat.ts';

export const FEATURE_COUNT = 13;

/** What a measurement says besides its header. */
export type Features = Pick<Measurement, 'accelerationRmsG' | 'accelerationG' | 'velocityMmPerS'>;

/**
 * Fills `codes` (FEATURE_COUNT elements) with the minifloat codes of the features.
 * Throws FrameError FRAME_VALUE for a negative feature. Derived features are not looked at.
 */
export function featuresToCodes(features: Features, codes: Uint16Array): void {
  axesToCodes(features.accelerationRmsG, ACCELERATION_UNITS_PER_G, codes, 0, 'accelerationRmsG');
  bandToCodes(features.accelerationG, ACCELERATION_UNITS_PER_G, codes, 3, 'accelerationG');
  bandToCodes(features.velocityMmPerS, VELOCITY_UNITS_PER_MM_PER_S, codes, 8, 'velocityMmPerS');
}

function axesToCodes(axes: PerAxis, unitsPer: number, codes: Uint16Array, at: number, name: string): void {
  codes[at] = toMinifloat(axes.x, unitsPer, name);
  codes[at + 1] = toMinifloat(axes.y, unitsPer, name);
  codes[at + 2] = toMinifloat(axes.z, unitsPer, name);
}

function bandToCodes(band: BandFeatures, unitsPer: number, codes: Uint16Array, at: number, name: string): void {
  axesToCodes(band.rms, unitsPer, codes, at, name);
  codes[at + 3] = toMinifloat(band.totalAbsMax, unitsPer, name);
  codes[at + 4] = toMinifloat(band.totalAbsMin, unitsPer, name);
}

/** The features that `codes` (FEATURE_COUNT elements of 0 to 0xFFF) stand for, derived ones computed. */
export function featuresFromCodes(codes: Uint16Array): Features {
  return {
    accelerationRmsG: axesFromCodes(codes, 0, ACCELERATION_UNITS_PER_G),
    accelerationG: bandFromCodes(codes, 3, ACCELERATION_UNITS_PER_G),
    velocityMmPerS: bandFromCodes(codes, 8, VELOCITY_UNITS_PER_MM_PER_S),
  };
}

function axesFromCodes(codes: Uint16Array, at: number, unitsPer: number): PerAxis {
  return {
    x: fromMinifloat(codes[at]!, unitsPer),
    y: fromMinifloat(codes[at + 1]!, unitsPer),
    z: fromMinifloat(codes[at + 2]!, unitsPer),
  };
}

function bandFromCodes(codes: Uint16Array, at: number, unitsPer: number): BandFeatures {
  const rms = axesFromCodes(codes, at, unitsPer);
  const totalAbsMax = fromMinifloat(codes[at + 3]!, unitsPer);
  const totalRms = totalRmsOf(rms);
  return {
    rms,
    totalRms,
    totalAbsMax,
    totalAbsMin: fromMinifloat(codes[at + 4]!, unitsPer),
    totalCrestFactor: crestFactorOf(totalAbsMax, totalRms),
  };
}

/**
 * RMS of the total vibration, sqrt(x² + y² + z²) summed in this order over the axes that are available (not NaN);
 * NaN when none is.
 */
export function totalRmsOf(rms: PerAxis): number {
  if (Number.isNaN(rms.x) && Number.isNaN(rms.y) && Number.isNaN(rms.z)) return NaN;
  return Math.sqrt(squareOf(rms.x) + squareOf(rms.y) + squareOf(rms.z));
}

function squareOf(rms: number): number {
  return Number.isNaN(rms) ? 0 : rms * rms;
}

/** totalAbsMax / totalRms; 0 when totalRms is 0, NaN when either is not available. */
export function crestFactorOf(totalAbsMax: number, totalRms: number): number {
  if (totalRms === 0 && !Number.isNaN(totalAbsMax)) return 0;
  return totalAbsMax / totalRms;
}
