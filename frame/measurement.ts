/**
 * The body of a measurement: sensor header, 13 features in 20 bytes, temperature, battery, signal strength. Encoding
 * one allocates nothing.
 */

import { checkInteger } from './check.ts';
import { readU16, readU8, take, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';
import { FEATURE_COUNT, featuresFromCodes, featuresToCodes } from './features.ts';
import type { Measurement, SensorHeader } from './messages.ts';
import {
  MAX_SENSOR_HEADER_BYTES,
  readSensorHeader,
  sensorHeaderAsSent,
  sensorHeaderLength,
  writeSensorHeader,
} from './sensor-header.ts';

const FEATURE_BYTES = 20;
/** Features, temperature, battery, signal strength. */
const TAIL_BYTES = FEATURE_BYTES + 2 + 1 + 1;
/** Stands for an unknown temperature. */
const TEMPERATURE_NAN = -0x8000;

/** Bytes of the longest measurement body. */
export const MAX_MEASUREMENT_BODY_BYTES = MAX_SENSOR_HEADER_BYTES + TAIL_BYTES;

/** One measurement is encoded or decoded at a time, start to end, so all share these codes. */
const CODES = new Uint16Array(FEATURE_COUNT);

/** Bytes that `writeMeasurementBody` takes for a valid message. */
export function measurementBodyLength(message: Measurement): number {
  return sensorHeaderLength(message) + TAIL_BYTES;
}

/** Writes the body at `offset` and returns the offset after it. Throws FrameError FRAME_VALUE if a field is out of range. */
export function writeMeasurementBody(message: Measurement, buffer: Uint8Array, offset: number): number {
  let at = writeSensorHeader(message, buffer, offset);
  featuresToCodes(message, CODES);
  at = writeCodes(buffer, at);
  const temperature = temperatureSteps(message.temperatureC);
  checkStatus(message);
  buffer[at] = temperature;
  buffer[at + 1] = temperature >>> 8;
  buffer[at + 2] = message.batteryPercent;
  buffer[at + 3] = message.rssiDbm;
  return at + 4;
}

/** The measurement as the decoder will give it back. Throws FrameError FRAME_VALUE if a field is out of range. */
export function measurementAsSent(message: Measurement): Measurement {
  const header = sensorHeaderAsSent(message);
  featuresToCodes(message, CODES);
  const temperature = temperatureSteps(message.temperatureC);
  checkStatus(message);
  return assemble(header, temperature, message.batteryPercent + 0, message.rssiDbm + 0);
}

/**
 * Reads a measurement body. Throws FrameError FRAME_MALFORMED if it is cut short or its padding is not zero,
 * FRAME_VALUE for a battery above 100 %.
 */
export function readMeasurementBody(cursor: Cursor): Measurement {
  const header = readSensorHeader(cursor);
  readCodes(cursor);
  const temperature = (readU16(cursor) << 16) >> 16;
  const batteryPercent = readU8(cursor);
  if (batteryPercent > 100) {
    throw new FrameError('FRAME_VALUE', `battery of ${batteryPercent} percent`, cursor.position - 1);
  }
  const rssiDbm = (readU8(cursor) << 24) >> 24;
  return assemble(header, temperature, batteryPercent, rssiDbm);
}

function assemble(header: SensorHeader, temperature: number, batteryPercent: number, rssiDbm: number): Measurement {
  const temperatureC = temperature === TEMPERATURE_NAN ? NaN : temperature / 100;
  return { kind: 'measurement', ...header, ...featuresFromCodes(CODES), temperatureC, batteryPercent, rssiDbm };
}

/** Hundredths of a degree, halves towards +infinity, as an int16; TEMPERATURE_NAN for NaN. */
function temperatureSteps(temperatureC: number): number {
  if (Number.isNaN(temperatureC)) return TEMPERATURE_NAN;
  const steps = Math.floor(temperatureC * 100 + 0.5);
  if (steps >= -0x7fff && steps <= 0x7fff) return steps;
  throw new FrameError('FRAME_VALUE', `temperatureC must be from -327.67 to 327.67 or NaN, not ${temperatureC}`);
}

function checkStatus(message: Measurement): void {
  checkInteger(message.batteryPercent, 0, 100, 'batteryPercent');
  checkInteger(message.rssiDbm, -128, 127, 'rssiDbm');
}

/** Two codes in three bytes, most significant bit first; after the last one, four zero bits. */
function writeCodes(buffer: Uint8Array, offset: number): number {
  let at = offset;
  for (let index = 0; index < FEATURE_COUNT - 1; index += 2) {
    const pair = (CODES[index]! << 12) | CODES[index + 1]!;
    buffer[at] = pair >>> 16;
    buffer[at + 1] = pair >>> 8;
    buffer[at + 2] = pair;
    at += 3;
  }
  const last = CODES[FEATURE_COUNT - 1]! << 4;
  buffer[at] = last >>> 8;
  buffer[at + 1] = last;
  return at + 2;
}

function readCodes(cursor: Cursor): void {
  const { bytes } = cursor;
  let at = take(cursor, FEATURE_BYTES);
  for (let index = 0; index < FEATURE_COUNT - 1; index += 2) {
    CODES[index] = (bytes[at]! << 4) | (bytes[at + 1]! >>> 4);
    CODES[index + 1] = ((bytes[at + 1]! & 0xf) << 8) | bytes[at + 2]!;
    at += 3;
  }
  CODES[FEATURE_COUNT - 1] = (bytes[at]! << 4) | (bytes[at + 1]! >>> 4);
  if ((bytes[at + 1]! & 0xf) !== 0) {
    throw new FrameError('FRAME_MALFORMED', 'padding after the features is not zero', at + 1);
  }
}
