/** The body of a waveform: sensor header, the part's place in its capture, the scale, and one bit stream of all axes. */

import { bitReader, finishReading } from './bit-reader.ts';
import { bitWriter, finishBits } from './bit-writer.ts';
import { checkInteger, MAX_U32 } from './check.ts';
import { readU32, readU8, remaining, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';
import { MAX_WAVEFORM_SAMPLES, type Waveform } from './messages.ts';
import { decodeSamples, encodeSamples, MAX_SAMPLES_PER_BYTE, maxSampleBits } from './samples.ts';
import { MAX_SENSOR_HEADER_BYTES, readSensorHeader, sensorHeaderAsSent, writeSensorHeader } from './sensor-header.ts';
import { MAX_VARINT_BYTES, readVarint, writeVarint } from './varint.ts';

const BITS_PER_SAMPLE = 16;
const MAX_AXES = 3;
/** Sensor header, captureId, firstSample, totalSamples, sampleRateHz, full scale, bits, axes, samples per axis. */
const MAX_HEAD_BYTES = MAX_SENSOR_HEADER_BYTES + 4 * MAX_VARINT_BYTES + 4 + 1 + 1 + MAX_VARINT_BYTES;

const float32 = new DataView(new ArrayBuffer(4));

/** The most bytes that `writeWaveformBody` takes for the message. */
export function maxWaveformBodyLength(message: Waveform): number {
  let bits = 0;
  for (const axis of message.axes) bits += maxSampleBits(axis.length);
  return MAX_HEAD_BYTES + Math.ceil(bits / 8);
}

/**
 * Writes the body at `offset` and returns the offset after it, which is beyond the buffer if it has no room: the
 * caller looks. Throws FrameError FRAME_VALUE if a field is out of range.
 */
export function writeWaveformBody(message: Waveform, buffer: Uint8Array, offset: number): number {
  const samples = checkWaveform(message);
  let at = writeSensorHeader(message, buffer, offset);
  at = writeVarint(message.captureId, buffer, at);
  at = writeVarint(message.firstSample, buffer, at);
  at = writeVarint(message.totalSamples, buffer, at);
  at = writeVarint(message.sampleRateHz, buffer, at);
  float32.setFloat32(0, message.fullScaleG, true);
  for (let index = 0; index < 4; index++) buffer[at++] = float32.getUint8(index);
  buffer[at++] = BITS_PER_SAMPLE;
  buffer[at++] = message.axes.length;
  at = writeVarint(samples, buffer, at);
  const writer = bitWriter(buffer, at);
  for (const axis of message.axes) encodeSamples(axis, writer);
  return finishBits(writer);
}

/** The waveform as the decoder will give it back, its samples copied. Throws FrameError FRAME_VALUE as above. */
export function waveformAsSent(message: Waveform): Waveform {
  const header = sensorHeaderAsSent(message);
  checkWaveform(message);
  return {
    kind: 'waveform',
    ...header,
    captureId: message.captureId + 0,
    firstSample: message.firstSample + 0,
    totalSamples: message.totalSamples + 0,
    sampleRateHz: message.sampleRateHz,
    fullScaleG: Math.fround(message.fullScaleG),
    axes: message.axes.map((axis) => axis.slice()),
  };
}

/** Checks all but the sensor header and returns the samples per axis. */
function checkWaveform(message: Waveform): number {
  checkInteger(message.axes.length, 1, MAX_AXES, 'number of axes');
  const samples = message.axes[0]!.length;
  for (const axis of message.axes) checkInteger(axis.length, samples, samples, 'samples of each axis');
  checkInteger(samples, 0, MAX_WAVEFORM_SAMPLES, 'samples per axis');
  checkInteger(message.captureId, 0, MAX_U32, 'captureId');
  checkInteger(message.totalSamples, 0, MAX_U32, 'totalSamples');
  checkInteger(message.firstSample, 0, message.totalSamples - samples, 'firstSample');
  checkInteger(message.sampleRateHz, 1, MAX_U32, 'sampleRateHz');
  if (!isFullScale(Math.fround(message.fullScaleG))) {
    throw new FrameError('FRAME_VALUE', `fullScaleG must be a positive float32, not ${message.fullScaleG}`);
  }
  return samples;
}

function isFullScale(value: number): boolean {
  return value > 0 && value < Infinity;
}

/**
 * Reads a waveform body. Throws FrameError FRAME_VALUE for a field out of range and FRAME_MALFORMED if the body is cut
 * short or its samples cannot be what they claim; allocates for the samples only when the body can hold them.
 */
export function readWaveformBody(cursor: Cursor): Waveform {
  const header = readSensorHeader(cursor);
  const captureId = readVarint(cursor);
  const firstSample = readVarint(cursor);
  const totalSamples = readVarint(cursor);
  const sampleRateHz = readPositive(cursor);
  const fullScaleG = readFullScale(cursor);
  const { axes: count, samples } = readShape(cursor);
  if (firstSample + samples > totalSamples) {
    throw new FrameError('FRAME_VALUE', `samples from ${firstSample} on end after ${totalSamples}`, cursor.position);
  }
  const reader = bitReader(cursor);
  const axes = Array.from({ length: count }, () => new Int16Array(samples));
  for (const axis of axes) decodeSamples(reader, axis);
  finishReading(reader, cursor);
  return { kind: 'waveform', ...header, captureId, firstSample, totalSamples, sampleRateHz, fullScaleG, axes };
}

function readPositive(cursor: Cursor): number {
  const place = cursor.position;
  const value = readVarint(cursor);
  if (value === 0) throw new FrameError('FRAME_VALUE', 'sample rate of 0 Hz', place);
  return value;
}

function readFullScale(cursor: Cursor): number {
  const place = cursor.position;
  float32.setUint32(0, readU32(cursor));
  const value = float32.getFloat32(0);
  if (!isFullScale(value)) throw new FrameError('FRAME_VALUE', `full scale of ${value} g`, place);
  return value;
}

/** Bits per sample, axes, samples per axis; makes sure that the rest of the body can hold them. */
function readShape(cursor: Cursor): { readonly axes: number; readonly samples: number } {
  const place = cursor.position;
  const bits = readU8(cursor);
  if (bits !== BITS_PER_SAMPLE) throw new FrameError('FRAME_VALUE', `${bits} bits per sample`, place);
  const axes = readU8(cursor);
  if (axes < 1 || axes > MAX_AXES) throw new FrameError('FRAME_VALUE', `${axes} axes`, place + 1);
  const samples = readVarint(cursor);
  if (samples > MAX_WAVEFORM_SAMPLES) throw new FrameError('FRAME_VALUE', `${samples} samples per axis`, place + 2);
  if (axes * samples > remaining(cursor) * MAX_SAMPLES_PER_BYTE) {
    throw new FrameError('FRAME_MALFORMED', `${remaining(cursor)} bytes cannot hold ${axes * samples} samples`, place + 2);
  }
  return { axes, samples };
}
