/**
 * A frame field by field, for people: where each stands, and what it says. Reads as far as the bytes make sense, so that a
 * broken frame shows where it breaks; what a frame means is the decoder's to say.
 */

import { decodeAxis } from './axis-decoder.ts';
import { FOUR_SEGMENTS, LEAST_BLOCK_LOG, MAX_ORDER, VERBATIM } from './axis-format.ts';
import { checkEntryKind } from './batch.ts';
import { BatchMemory } from './batch-memory.ts';
import { readU16, readU32, readU48, readU8, remaining, take, type Cursor } from './cursor.ts';
import { FORMAT_VERSION, KIND_BATCH, KIND_EVENT, KIND_MEASUREMENT, KIND_WAVEFORM } from './envelope.ts';
import { FrameError } from './errors.ts';
import { decodeFrame } from './frame.ts';
import { readEui64 } from './eui64.ts';
import { kernel } from './kernel/choose.ts';
import { fromCodes, newMeasurementCodes } from './measurement-codes.ts';
import { readMeasurementEntry } from './measurement-entry.ts';
import { readFeatures } from './measurement.ts';
import { MAX_BATCH_MESSAGES, ZONES } from './messages.ts';
import { ACCELERATIONS_G, VELOCITIES_MM_PER_S } from './minifloat.ts';
import { readLongVarint, readVarint, unzigzag } from './varint.ts';
import { newSamples, readShape } from './waveform.ts';

export interface Field {
  readonly offset: number;
  /** Bytes; 0 for what is told of the bytes of the field before. */
  readonly length: number;
  readonly name: string;
  readonly value: string;
}

export interface Inspection {
  readonly fields: readonly Field[];
  /** What is wrong with the frame, if anything is. */
  readonly error?: FrameError;
}

const KINDS = new Map([[KIND_MEASUREMENT, 'measurement'], [KIND_WAVEFORM, 'waveform'], [KIND_EVENT, 'event'], [KIND_BATCH, 'batch']]);
const FEATURES = [
  'acceleration RMS 0–6000 Hz x', 'y', 'z', 'acceleration RMS 10–1000 Hz x', 'y', 'z', 'total, absolute maximum', 'total, absolute minimum',
  'velocity RMS 10–1000 Hz x', 'y', 'z', 'total, absolute maximum', 'total, absolute minimum',
];

/** Collects fields while a cursor moves over them. */
class Walk {
  readonly fields: Field[] = [];
  readonly cursor: Cursor;

  constructor(cursor: Cursor) {
    this.cursor = cursor;
  }

  /** Reads a field and says what it means. */
  field<T>(name: string, read: (cursor: Cursor) => T, say: (value: T) => string = String): T {
    const offset = this.cursor.position;
    const value = read(this.cursor);
    this.fields.push({ offset, length: this.cursor.position - offset, name, value: say(value) });
    return value;
  }

  /** Adds to what was said of the field before. */
  more(name: string, value: string): void {
    this.fields.push({ offset: this.cursor.position, length: 0, name, value });
  }
}

/** The fields of a frame as far as they can be told, and the decoder's word on what is wrong with it. */
export function inspectFrame(bytes: Uint8Array): Inspection {
  const walk = new Walk({ bytes, position: 0, end: bytes.length, atEnd: 'FRAME_TRUNCATED' });
  const stopped = faultOf(() => envelope(walk));
  const error = faultOf(() => decodeFrame(bytes)) ?? stopped;
  return error === undefined ? { fields: walk.fields } : { fields: walk.fields, error };
}

function faultOf(work: () => unknown): FrameError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof FrameError) return error;
    throw error;
  }
}

function envelope(walk: Walk): void {
  const first = walk.field('version, kind', readU8, (byte) => `${byte >> 4}, ${KINDS.get(byte & 0xf) ?? `unknown kind ${byte & 0xf}`}`);
  if (first >> 4 !== FORMAT_VERSION) return;
  const length = walk.field('length of the body', readVarint);
  const { cursor } = walk;
  const end = cursor.position + length;
  within(walk, end, '', (inside) => body(first & 0xf, inside));
  if (cursor.position < end) walk.field('bytes after the message', (at) => take(at, end - at.position), () => '');
  walk.field('CRC-32C', readU32, (crc) => crc.toString(16).padStart(8, '0'));
}

/** Walks over what ends at `end`, and keeps what was seen when it breaks off there. */
function within(walk: Walk, end: number, indent: string, work: (inside: Walk) => void): void {
  const { cursor } = walk;
  const inside = new Walk({ bytes: cursor.bytes, position: cursor.position, end: Math.min(end, cursor.end), atEnd: 'FRAME_MALFORMED' });
  try {
    work(inside);
  } finally {
    for (const field of inside.fields) walk.fields.push({ ...field, name: indent + field.name });
    cursor.position = inside.cursor.position;
  }
}

function body(kind: number, walk: Walk): void {
  if (kind === KIND_BATCH) batch(walk);
  else if (KINDS.has(kind)) {
    sensorHeader(walk);
    if (kind === KIND_MEASUREMENT) measurement(walk);
    else if (kind === KIND_EVENT) event(walk);
    else waveform(walk);
  } else if (remaining(walk.cursor) > 0) walk.field('body', (cursor) => take(cursor, remaining(cursor)), () => 'of a kind that this version does not define');
}

function time(ms: number): string {
  const date = new Date(ms);
  return `${ms} ms${Number.isNaN(date.getTime()) ? '' : `, ${date.toISOString()}`}`;
}

function sensorHeader(walk: Walk): void {
  walk.field('sensorId', readEui64);
  walk.field('bootEpoch', readVarint);
  walk.field('sequence', readVarint);
  walk.field('time', readU48, time);
}

function measurement(walk: Walk): void {
  const features = new Uint16Array(FEATURES.length);
  walk.field('features', (cursor) => readFeatures(cursor.bytes, take(cursor, 20), features), () => '13 codes of 12 bits');
  FEATURES.forEach((name, index) => walk.more(`  ${name}`, feature(features[index]!, index)));
  walk.field('temperature', readU16, (steps) => (steps === 0x8000 ? 'unknown' : `${((steps << 16) >> 16) / 100} °C`));
  walk.field('battery', readU8, (percent) => `${percent} %`);
  walk.field('RSSI', readU8, (byte) => `${(byte << 24) >> 24} dBm`);
}

function feature(code: number, index: number): string {
  const value = index < 8 ? ACCELERATIONS_G[code]! : VELOCITIES_MM_PER_S[code]!;
  return `${Number.isNaN(value) ? 'not available' : `${value} ${index < 8 ? 'g' : 'mm/s'}`} (code 0x${code.toString(16).padStart(3, '0')})`;
}

function event(walk: Walk): void {
  walk.field('code', readU8, (code) => (code === 1 ? 'zone change' : `unknown: ${code}`));
  for (const name of ['from', 'to']) walk.field(name, readU8, (zone) => (ZONES[zone] === undefined ? `unknown: ${zone}` : `zone ${ZONES[zone]}`));
  walk.field('velocity', readU16, (code) => feature(code & 0xfff, 8));
}

function waveform(walk: Walk): void {
  walk.field('captureId', readVarint);
  walk.field('firstSample', readVarint);
  walk.field('totalSamples', readVarint);
  walk.field('sampleRateHz', readVarint);
  walk.field('fullScaleG', readU32, (bits) => `${new Float32Array(Uint32Array.of(bits).buffer)[0]!} g`);
  const { bits, axes, samples } = readShape({ ...walk.cursor }); // what is out of range ends the walk here
  walk.field('bitsPerSample', readU8);
  walk.field('axes', readU8);
  walk.field('sampleCount', readVarint, (count) => `${count} an axis`);
  for (let index = 0; index < axes && samples > 0; index++) axis(walk, index, bits, samples);
}

function axis(walk: Walk, index: number, bits: 16 | 24, samples: number): void {
  const { cursor } = walk;
  const after = { ...cursor };
  decodeAxis(kernel(), after, bits, newSamples(bits, samples));
  walk.more(`axis ${'xyz'[index] ?? index}`, `${after.position - cursor.position} bytes for ${(samples * bits) / 8}`);
  const form = walk.field('  form', readU8, (byte) => (byte === VERBATIM ? 'verbatim' : `order ${byte & MAX_ORDER * 2 - 1}, ${byte & FOUR_SEGMENTS ? 'four segments' : 'one segment'}`));
  if (form !== VERBATIM) {
    const scale = walk.field('  scale', readU8, (byte) => `shift ${byte & 15}, blocks of ${1 << ((byte >> 4) + LEAST_BLOCK_LOG)}`);
    walk.field('  offset', (at) => unzigzag(readVarint(at)));
    const order = form & ~FOUR_SEGMENTS;
    if (order > 0) walk.field('  coefficients', (at) => Array.from({ length: order }, () => unzigzag(readVarint(at))), (all) => all.join(' '));
    const blocks = Math.ceil(samples / (1 << ((scale >> 4) + LEAST_BLOCK_LOG)));
    walk.field('  descriptors', (at) => at.bytes.subarray(take(at, blocks), at.position), (all) => summary([...all].map((one) => `${one >> 5}/${one & 31}`)));
  }
  const name = form === VERBATIM ? '  samples' : '  planes, symbols';
  if (after.position > cursor.position) walk.field(name, (at) => take(at, after.position - at.position), () => '');
}

/** The first few of many, as code/low bits. */
function summary(all: readonly string[]): string {
  return all.length <= 8 ? all.join(' ') : `${all.slice(0, 8).join(' ')} … ${all.length} blocks`;
}

function batch(walk: Walk): void {
  const gatewayId = walk.field('gatewayId', readEui64);
  walk.field('bootEpoch', readVarint);
  walk.field('sequence', readVarint);
  const count = Math.min(MAX_BATCH_MESSAGES, walk.field('entries', readVarint));
  const memory = new BatchMemory();
  memory.begin(gatewayId);
  for (let index = 0; index < count; index++) entry(walk, index, memory);
}

function entry(walk: Walk, index: number, memory: BatchMemory): void {
  const { cursor } = walk;
  const first = cursor.bytes[cursor.position] ?? 0;
  walk.more(`entry ${index}`, KINDS.get(first & 0xf) ?? `kind ${first & 0xf}`);
  if ((first & 0xf) === KIND_MEASUREMENT) {
    measurementEntry(walk, memory);
    return;
  }
  walk.field('  kind', readU8);
  checkEntryKind(first, cursor.position - 1);
  const length = walk.field('  length of the body', readVarint);
  within(walk, cursor.position + length, '  ', (inside) => body(first, inside));
}

function measurementEntry(walk: Walk, memory: BatchMemory): void {
  const after = { ...walk.cursor };
  const codes = newMeasurementCodes();
  readMeasurementEntry(readU8(after), after, memory, codes);
  const { accelerationG, velocityMmPerS, temperatureC, batteryPercent, rssiDbm } = fromCodes(codes);
  const first = walk.field('  kind, what follows', readU8, (byte) => `measurement, ${['same id', 'last byte of the id', 'last three bytes of the id', 'id'][(byte >> 4) & 3]!}${byte & 0x40 ? ', boot epoch' : ''}`);
  const idBytes = [0, 1, 3, 8][(first >> 4) & 3]!;
  if (idBytes > 0) walk.field('  sensorId', (cursor) => take(cursor, idBytes), () => codes.sensorId);
  else walk.more('  sensorId', codes.sensorId);
  if (first & 0x40) walk.field('  bootEpoch', readVarint);
  walk.field('  sequence', readVarint, (code) => `${unzigzag(code) >= 0 ? '+' : ''}${unzigzag(code)}: ${codes.sequence}`);
  walk.field('  time', readLongVarint, (difference) => `${difference >= 0 ? '+' : ''}${difference}: ${time(codes.timeMs)}`);
  walk.field('  numbers', (cursor) => take(cursor, after.position - cursor.position), () => (
    `${accelerationG.totalRms.toPrecision(4)} g and ${velocityMmPerS.totalRms.toPrecision(4)} mm/s RMS, ${temperatureC} °C, ${batteryPercent} %, ${rssiDbm} dBm`));
}
