/**
 * A measurement as the whole numbers that travel: what its body and its entry in a batch both write. One is coded at a
 * time, so callers keep a few of these and fill them again; nothing is allocated for a measurement that is encoded.
 */

import { checkInteger } from './check.ts';
import { FrameError } from './errors.ts';
import { bandFromCodes, FEATURE_COUNT, featuresToCodes, perAxisFromCodes } from './features.ts';
import type { Measurement } from './messages.ts';
import { ACCELERATIONS_G, VELOCITIES_MM_PER_S } from './minifloat.ts';

/** Stands for an unknown temperature. */
const TEMPERATURE_NAN = -0x8000;
export const MAX_BATTERY_PERCENT = 100;

export interface MeasurementCodes {
  sensorId: string;
  bootEpoch: number;
  sequence: number;
  timeMs: number;
  /** FEATURE_COUNT minifloats of 12 bits. */
  readonly features: Uint16Array;
  /** Hundredths of a °C, halves towards +infinity, an int16; TEMPERATURE_NAN when unknown. */
  temperature: number;
  batteryPercent: number;
  rssiDbm: number;
}

export function newMeasurementCodes(): MeasurementCodes {
  return { sensorId: '', bootEpoch: 0, sequence: 0, timeMs: 0, features: new Uint16Array(FEATURE_COUNT), temperature: 0, batteryPercent: 0, rssiDbm: 0 };
}

/** Fills `codes` from the message, all but what its sensor header has. Throws FrameError FRAME_VALUE if a field is out of range. */
export function toCodes(message: Measurement, codes: MeasurementCodes): void {
  featuresToCodes(message, codes.features);
  // Here and not in a function: an engine boxes doubles that it passes to one (docs/frame-performance.md).
  const { temperatureC } = message;
  const steps = Math.floor(temperatureC * 100 + 0.5);
  codes.temperature = steps >= -0x7fff && steps <= 0x7fff ? steps | 0 : unusualTemperature(temperatureC);
  checkInteger(message.batteryPercent, 0, MAX_BATTERY_PERCENT, 'batteryPercent');
  checkInteger(message.rssiDbm, -128, 127, 'rssiDbm');
  // `+ 0` turns -0 into 0, the one zero that travels.
  codes.batteryPercent = message.batteryPercent + 0;
  codes.rssiDbm = message.rssiDbm + 0;
}

/** The measurement that the codes stand for. */
export function fromCodes(codes: MeasurementCodes): Measurement {
  const { features, temperature } = codes;
  return {
    kind: 'measurement',
    sensorId: codes.sensorId,
    bootEpoch: codes.bootEpoch,
    sequence: codes.sequence,
    timeMs: codes.timeMs,
    accelerationRmsG: perAxisFromCodes(features, 0, ACCELERATIONS_G),
    accelerationG: bandFromCodes(features, 3, ACCELERATIONS_G),
    velocityMmPerS: bandFromCodes(features, 8, VELOCITIES_MM_PER_S),
    temperatureC: temperature === TEMPERATURE_NAN ? NaN : temperature / 100,
    batteryPercent: codes.batteryPercent,
    rssiDbm: codes.rssiDbm,
  };
}

/** TEMPERATURE_NAN for NaN; others are out of range. */
function unusualTemperature(temperatureC: number): number {
  if (Number.isNaN(temperatureC)) return TEMPERATURE_NAN;
  throw new FrameError('FRAME_VALUE', `temperatureC must be from -327.67 to 327.67 or NaN, not ${temperatureC}`);
}
