/** The body of an event: sensor header, code, and what the code says. This version knows one code, the zone change. */

import { readU16, readU8, type Cursor } from './cursor.ts';
import { FrameError } from './errors.ts';
import { ZONES, type Zone, type ZoneEvent } from './messages.ts';
import { fromMinifloat, toMinifloat, VELOCITY_UNITS_PER_MM_PER_S } from './minifloat.ts';
import {
  MAX_SENSOR_HEADER_BYTES,
  readSensorHeader,
  sensorHeaderAsSent,
  sensorHeaderLength,
  writeSensorHeader,
} from './sensor-header.ts';

const ZONE_CHANGE = 1;
/** Code, from, to, velocity. */
const TAIL_BYTES = 5;

/** Bytes of the longest event body. */
export const MAX_EVENT_BODY_BYTES = MAX_SENSOR_HEADER_BYTES + TAIL_BYTES;

/** Bytes that `writeEventBody` takes for a valid message. */
export function eventBodyLength(message: ZoneEvent): number {
  return sensorHeaderLength(message) + TAIL_BYTES;
}

/** Writes the body at `offset` and returns the offset after it. Throws FrameError FRAME_VALUE if a field is out of range. */
export function writeEventBody(message: ZoneEvent, buffer: Uint8Array, offset: number): number {
  const at = writeSensorHeader(message, buffer, offset);
  checkCode(message);
  const velocity = velocityCode(message);
  buffer[at] = ZONE_CHANGE;
  buffer[at + 1] = zoneNumber(message.from, 'from');
  buffer[at + 2] = zoneNumber(message.to, 'to');
  buffer[at + 3] = velocity;
  buffer[at + 4] = velocity >>> 8;
  return at + TAIL_BYTES;
}

/** The event as the decoder will give it back. Throws FrameError FRAME_VALUE if a field is out of range. */
export function eventAsSent(message: ZoneEvent): ZoneEvent {
  const header = sensorHeaderAsSent(message);
  checkCode(message);
  zoneNumber(message.from, 'from');
  zoneNumber(message.to, 'to');
  const velocityRmsMmPerS = fromMinifloat(velocityCode(message), VELOCITY_UNITS_PER_MM_PER_S);
  return { kind: 'event', ...header, event: 'zone-change', from: message.from, to: message.to, velocityRmsMmPerS };
}

/** Reads an event body. Throws FrameError FRAME_MALFORMED if it is cut short, FRAME_VALUE for an unknown code or zone. */
export function readEventBody(cursor: Cursor): ZoneEvent {
  const header = readSensorHeader(cursor);
  const code = readU8(cursor);
  if (code !== ZONE_CHANGE) throw new FrameError('FRAME_VALUE', `unknown event code ${code}`, cursor.position - 1);
  const from = readZone(cursor);
  const to = readZone(cursor);
  const velocity = readU16(cursor);
  if (velocity > 0xfff) {
    throw new FrameError('FRAME_MALFORMED', 'padding above the velocity is not zero', cursor.position - 1);
  }
  const velocityRmsMmPerS = fromMinifloat(velocity, VELOCITY_UNITS_PER_MM_PER_S);
  return { kind: 'event', ...header, event: 'zone-change', from, to, velocityRmsMmPerS };
}

function velocityCode(message: ZoneEvent): number {
  return toMinifloat(message.velocityRmsMmPerS, VELOCITY_UNITS_PER_MM_PER_S, 'velocityRmsMmPerS');
}

function checkCode(message: ZoneEvent): void {
  const event: string = message.event;
  if (event !== 'zone-change') throw new FrameError('FRAME_VALUE', `unknown event ${JSON.stringify(event)}`);
}

/** A is 0, B 1, C 2, D 3. */
function zoneNumber(zone: Zone, name: string): number {
  const number = ZONES.indexOf(zone);
  if (number < 0) throw new FrameError('FRAME_VALUE', `${name} must be one of ${ZONES.join(', ')}, not ${zone}`);
  return number;
}

function readZone(cursor: Cursor): Zone {
  const number = readU8(cursor);
  const zone = ZONES[number];
  if (zone === undefined) throw new FrameError('FRAME_VALUE', `unknown zone ${number}`, cursor.position - 1);
  return zone;
}
