/**
 * The body of a measurement in a frame of its own: sensor header, 13 features in 20 bytes, temperature, battery, signal
 * strength. Encoding one allocates nothing.
 */

import { take, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';
import { FEATURE_COUNT } from './features.ts';
import { fromCodes, MAX_BATTERY_PERCENT, newMeasurementCodes, toCodes, type MeasurementCodes } from './measurement-codes.ts';
import type { Measurement } from './messages.ts';
import { MAX_SENSOR_HEADER_BYTES, readSensorHeaderInto, sensorHeaderAsSent, sensorHeaderLength, writeSensorHeader } from './sensor-header.ts';

const FEATURE_BYTES = 20;
/** Features, temperature, battery, signal strength. */
const TAIL_BYTES = FEATURE_BYTES + 2 + 1 + 1;

/** Bytes of the longest measurement body. */
export const MAX_MEASUREMENT_BODY_BYTES = MAX_SENSOR_HEADER_BYTES + TAIL_BYTES;

const CODES = newMeasurementCodes();

/** Bytes that `writeMeasurementBody` takes for a valid message. */
export function measurementBodyLength(message: Measurement): number {
  return sensorHeaderLength(message) + TAIL_BYTES;
}

/** Writes the body at `offset` and returns the offset after it. Throws FrameError FRAME_VALUE if a field is out of range. */
export function writeMeasurementBody(message: Measurement, buffer: Uint8Array, offset: number): number {
  toCodes(message, CODES);
  const at = writeFeatures(CODES.features, buffer, writeSensorHeader(message, buffer, offset));
  const { temperature } = CODES;
  buffer[at] = temperature;
  buffer[at + 1] = temperature >>> 8;
  buffer[at + 2] = CODES.batteryPercent;
  buffer[at + 3] = CODES.rssiDbm;
  return at + 4;
}

/** The measurement as the decoder will give it back. Throws FrameError FRAME_VALUE if a field is out of range. */
export function measurementAsSent(message: Measurement): Measurement {
  Object.assign(CODES, sensorHeaderAsSent(message));
  toCodes(message, CODES);
  return fromCodes(CODES);
}

/** Reads a measurement body. Throws as `readMeasurementCodes` does. */
export function readMeasurementBody(cursor: Cursor): Measurement {
  readMeasurementCodes(cursor, CODES);
  return fromCodes(CODES);
}

/**
 * Reads a measurement body into `codes`. Throws FrameError FRAME_MALFORMED if it is cut short or its padding is not zero,
 * FRAME_VALUE for a battery above 100 %.
 */
export function readMeasurementCodes(cursor: Cursor, codes: MeasurementCodes): void {
  readSensorHeaderInto(cursor, codes);
  const { bytes } = cursor;
  const start = take(cursor, TAIL_BYTES);
  readFeatures(bytes, start, codes.features);
  const at = start + FEATURE_BYTES;
  codes.temperature = ((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16;
  codes.batteryPercent = bytes[at + 2]!;
  if (codes.batteryPercent > MAX_BATTERY_PERCENT) throw new FrameError('FRAME_VALUE', `battery of ${bytes[at + 2]!} percent`, at + 2);
  codes.rssiDbm = (bytes[at + 3]! << 24) >> 24;
}

/** Two codes in three bytes, most significant bit first; after the last one, four zero bits. */
function writeFeatures(features: Uint16Array, buffer: Uint8Array, offset: number): number {
  let at = offset;
  for (let index = 0; index < FEATURE_COUNT - 1; index += 2) {
    const pair = (features[index]! << 12) | features[index + 1]!;
    buffer[at] = pair >>> 16;
    buffer[at + 1] = pair >>> 8;
    buffer[at + 2] = pair;
    at += 3;
  }
  const last = features[FEATURE_COUNT - 1]! << 4;
  buffer[at] = last >>> 8;
  buffer[at + 1] = last;
  return at + 2;
}

export function readFeatures(bytes: Uint8Array, offset: number, features: Uint16Array): void {
  let at = offset;
  for (let index = 0; index < FEATURE_COUNT - 1; index += 2) {
    features[index] = (bytes[at]! << 4) | (bytes[at + 1]! >>> 4);
    features[index + 1] = ((bytes[at + 1]! & 0xf) << 8) | bytes[at + 2]!;
    at += 3;
  }
  features[FEATURE_COUNT - 1] = (bytes[at]! << 4) | (bytes[at + 1]! >>> 4);
  if ((bytes[at + 1]! & 0xf) !== 0) {
    throw new FrameError('FRAME_MALFORMED', 'padding after the features is not zero', at + 1);
  }
}
