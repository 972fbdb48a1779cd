/** The body of a waveform: sensor header, the part's place in its capture, the scale, and the axes one after the other. */

import { decodeAxis } from './axis-decoder.ts';
import { encodeAxis } from './axis-encoder.ts';
import { MAX_SAMPLES_PER_BYTE, mostBytes } from './axis-format.ts';
import { checkInteger, MAX_U32 } from './check.ts';
import { readU32, readU8, remaining, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';
import { kernel } from './kernel/choose.ts';
import type { SampleBits } from './kernel/kernel.ts';
import { MAX_FRAME_BYTES, MAX_WAVEFORM_SAMPLES, type AllocateSamples, type SampleArray, type Waveform, type WaveformMode } from './messages.ts';
import { MAX_SENSOR_HEADER_BYTES, readSensorHeader, sensorHeaderAsSent, writeSensorHeader } from './sensor-header.ts';
import { MAX_VARINT_BYTES, readVarint, writeVarint } from './varint.ts';

const MAX_AXES = 3;
/** Sensor header, captureId, firstSample, totalSamples, sampleRateHz, full scale, bits, axes, samples per axis. */
const MAX_HEAD_BYTES = MAX_SENSOR_HEADER_BYTES + 4 * MAX_VARINT_BYTES + 4 + 1 + 1 + MAX_VARINT_BYTES;

const float32 = new DataView(new ArrayBuffer(4));

/** The most bytes that `writeWaveformBody` takes for a message that it takes. */
export function maxWaveformBodyLength(message: Waveform): number {
  let bytes = MAX_HEAD_BYTES;
  for (const axis of message.axes) bytes += mostBytes(axis.length, bitsPerSampleOf(message));
  return Math.min(bytes, MAX_FRAME_BYTES);
}

/**
 * Writes the body at `offset` and returns the offset after it, which is beyond the buffer if it has no room: the
 * caller looks. Throws FrameError FRAME_VALUE if a field is out of range.
 */
export function writeWaveformBody(message: Waveform, mode: WaveformMode, buffer: Uint8Array, offset: number): number {
  const samples = checkWaveform(message);
  let at = writeSensorHeader(message, buffer, offset);
  at = writeVarint(message.captureId, buffer, at);
  at = writeVarint(message.firstSample, buffer, at);
  at = writeVarint(message.totalSamples, buffer, at);
  at = writeVarint(message.sampleRateHz, buffer, at);
  float32.setFloat32(0, message.fullScaleG, true);
  for (let index = 0; index < 4; index++) buffer[at++] = float32.getUint8(index);
  buffer[at++] = bitsPerSampleOf(message);
  buffer[at++] = message.axes.length;
  at = writeVarint(samples, buffer, at);
  for (const axis of message.axes) at = encodeAxis(kernel(), axis, mode, buffer, at);
  return at;
}

/** Bits of each sample, by the type of the axes. */
export function bitsPerSampleOf({ axes }: Waveform): SampleBits {
  return axes[0] instanceof Int32Array ? 24 : 16;
}

/** The waveform as the decoder will give it back, its samples copied. Throws FrameError FRAME_VALUE as above. */
export function waveformAsSent(message: Waveform): Waveform {
  const header = sensorHeaderAsSent(message);
  checkWaveform(message);
  if (bitsPerSampleOf(message) === 24) message.axes.forEach(check24Bits);
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

/** Checks all but the sensor header and the samples, and returns the samples per axis. */
function checkWaveform(message: Waveform): number {
  checkInteger(message.axes.length, 1, MAX_AXES, 'number of axes');
  const samples = message.axes[0]!.length;
  const bits = bitsPerSampleOf(message);
  for (const axis of message.axes) {
    checkInteger(axis.length, samples, samples, 'samples of each axis');
    if (axis instanceof Int16Array !== (bits === 16)) throw new FrameError('FRAME_VALUE', 'axes must all be 16-bit or all be 24-bit');
  }
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

function check24Bits(axis: SampleArray): void {
  for (const sample of axis) if (sample !== (sample << 8) >> 8) throw new FrameError('FRAME_VALUE', `sample ${sample} exceeds 24 bits`);
}

function isFullScale(value: number): boolean {
  return value > 0 && value < Infinity;
}

/** A new array for each axis: what a decoder uses unless it is told otherwise. */
export const newSamples: AllocateSamples = (bits, samples) => (bits === 16 ? new Int16Array(samples) : new Int32Array(samples));

/**
 * Reads a waveform body. Throws FrameError FRAME_VALUE for a field out of range and FRAME_MALFORMED if the body is cut
 * short or its samples cannot be what they claim; allocates for the samples only when the body can hold them.
 */
export function readWaveformBody(cursor: Cursor, allocate: AllocateSamples): Waveform {
  const header = readSensorHeader(cursor);
  const captureId = readVarint(cursor);
  const firstSample = readVarint(cursor);
  const totalSamples = readVarint(cursor);
  const sampleRateHz = readPositive(cursor);
  const fullScaleG = readFullScale(cursor);
  const { bits, axes: count, samples } = readShape(cursor);
  if (firstSample + samples > totalSamples) {
    throw new FrameError('FRAME_VALUE', `samples from ${firstSample} on end after ${totalSamples}`, cursor.position);
  }
  const axes = Array.from({ length: count }, () => {
    const axis = allocate(bits, samples);
    if (axis.length !== samples || axis instanceof Int16Array !== (bits === 16)) throw new TypeError(`${samples} samples of ${bits} bits were to be allocated`);
    decodeAxis(kernel(), cursor, bits, axis);
    return axis;
  });
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
export function readShape(cursor: Cursor): { readonly bits: SampleBits; readonly axes: number; readonly samples: number } {
  const place = cursor.position;
  const bits = readU8(cursor);
  if (bits !== 16 && bits !== 24) throw new FrameError('FRAME_VALUE', `${bits} bits per sample`, place);
  const axes = readU8(cursor);
  if (axes < 1 || axes > MAX_AXES) throw new FrameError('FRAME_VALUE', `${axes} axes`, place + 1);
  const samples = readVarint(cursor);
  if (samples > MAX_WAVEFORM_SAMPLES) throw new FrameError('FRAME_VALUE', `${samples} samples per axis`, place + 2);
  if (axes * samples > remaining(cursor) * MAX_SAMPLES_PER_BYTE) {
    throw new FrameError('FRAME_MALFORMED', `${remaining(cursor)} bytes cannot hold ${axes * samples} samples`, place + 2);
  }
  return { bits, axes, samples };
}
