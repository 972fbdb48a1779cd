/** The head of every sensor body: who says it, and its place in what this sensor has said. */

import { checkInteger, checkU32, MAX_U48 } from './check.ts';
import { readU48, type Cursor } from './cursor.ts';
import { checkEui64, EUI64_BYTES, readEui64, writeEui64 } from './eui64.ts';
import type { SensorHeader } from './messages.ts';
import { MAX_VARINT_BYTES, readVarint, varintLength, writeVarint } from './varint.ts';

const TIME_BYTES = 6;

/** Bytes of the longest header. */
export const MAX_SENSOR_HEADER_BYTES = EUI64_BYTES + 2 * MAX_VARINT_BYTES + TIME_BYTES;

/** Bytes that `writeSensorHeader` takes for a valid header: 16 to 24. */
export function sensorHeaderLength(header: SensorHeader): number {
  return EUI64_BYTES + varintLength(header.bootEpoch) + varintLength(header.sequence) + TIME_BYTES;
}

/** The header's own fields, in a new object. Throws FrameError FRAME_VALUE if one is out of range. */
export function sensorHeaderAsSent(header: SensorHeader): SensorHeader {
  checkEui64(header.sensorId, 'sensorId');
  checkNumbers(header);
  const { sensorId, bootEpoch, sequence, timeMs } = header;
  // `+ 0` turns -0 into 0, the one zero that travels.
  return { sensorId, bootEpoch: bootEpoch + 0, sequence: sequence + 0, timeMs: timeMs + 0 };
}

function checkNumbers(header: SensorHeader): void {
  checkU32(header.bootEpoch, 'bootEpoch');
  checkU32(header.sequence, 'sequence');
  const { timeMs } = header;
  if (!(timeMs >= 0 && timeMs <= MAX_U48 && Math.floor(timeMs) === timeMs)) checkInteger(timeMs, 0, MAX_U48, 'timeMs');
}

/** Writes the header at `offset` and returns the offset after it. Throws FrameError FRAME_VALUE if a field is out of range. */
export function writeSensorHeader(header: SensorHeader, buffer: Uint8Array, offset: number): number {
  checkNumbers(header);
  let at = writeEui64(header.sensorId, 'sensorId', buffer, offset);
  at = writeVarint(header.bootEpoch, buffer, at);
  at = writeVarint(header.sequence, buffer, at);
  const { timeMs } = header;
  const low = timeMs >>> 0;
  const high = ((timeMs - low) / 0x1_0000_0000) | 0;
  buffer[at] = low;
  buffer[at + 1] = low >>> 8;
  buffer[at + 2] = low >>> 16;
  buffer[at + 3] = low >>> 24;
  buffer[at + 4] = high;
  buffer[at + 5] = high >>> 8;
  return at + TIME_BYTES;
}

/** A header that is filled anew. */
type MutableHeader = { -readonly [Field in keyof SensorHeader]: SensorHeader[Field] };

/** `readSensorHeader` into an object that is there. */
export function readSensorHeaderInto(cursor: Cursor, header: MutableHeader): void {
  header.sensorId = readEui64(cursor);
  header.bootEpoch = readVarint(cursor);
  header.sequence = readVarint(cursor);
  header.timeMs = readU48(cursor);
}

/** Reads a header. Throws FrameError FRAME_MALFORMED if it is cut short or a varint is not minimal. */
export function readSensorHeader(cursor: Cursor): SensorHeader {
  const header = { sensorId: '', bootEpoch: 0, sequence: 0, timeMs: 0 };
  readSensorHeaderInto(cursor, header);
  return header;
}
