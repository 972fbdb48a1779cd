/**
 * A measurement as an entry of a batch: what is as in the measurement before is not said again, the rest as differences,
 * Rice-coded. docs/frame.md, "A measurement in a batch", specifies the bits.
 */

import { finishBits, finishReading, getBits, getRice, putBits, putRice, RICE_ESCAPE_ZEROS, type BitReader, type BitWriter } from './bits.ts';
import { BATTERY, RSSI, TEMPERATURE, type BatchMemory } from './batch-memory.ts';
import { MAX_U48 } from './check.ts';
import { take, type Cursor } from './cursor.ts';
import { KIND_MEASUREMENT } from './envelope.ts';
import { FrameError } from './errors.ts';
import { EUI64_BYTES, readEui64, writeEui64 } from './eui64.ts';
import { FEATURE_COUNT } from './features.ts';
import { MAX_BATTERY_PERCENT, type MeasurementCodes } from './measurement-codes.ts';
import { readLongVarint, readVarint, unzigzag, writeLongVarint, writeVarint, zigzag } from './varint.ts';

/** The first byte: the kind, which bytes of the sensor's id follow, whether the boot epoch does. */
const ID_SHIFT = 4;
const EPOCH_FLAG = 0x40;
const UNDEFINED_FLAG = 0x80;
/** Bytes of the id that follow, by its form: none (the same), the last, the last three, all. */
const ID_BYTES = [0, 1, 3, EUI64_BYTES];
const FEATURE_BITS = 12;
const PARAMETER_BITS = 4;
/** Rice parameters of temperature, battery, signal strength. */
const TEMPERATURE_K = 7;
const BATTERY_K = 0;
const RSSI_K = 3;

/** The most bytes of an entry: byte, id, epoch, sequence, time, and each number as an escape. */
export const MAX_ENTRY_BYTES = 1 + EUI64_BYTES + 5 + 5 + 7 + 49;

const writer: BitWriter = { buffer: new Uint8Array(0), at: 0, pending: 0, pendingBits: 0 };
const ids = new Uint8Array(2 * EUI64_BYTES);
/** The features' differences in both modes. */
const apart = new Uint16Array(FEATURE_COUNT);
const along = new Uint16Array(FEATURE_COUNT);

/** Writes an entry at `offset`, remembers it, and returns the offset after it. */
export function writeMeasurementEntry(codes: MeasurementCodes, memory: BatchMemory, buffer: Uint8Array, offset: number): number {
  const form = idForm(codes.sensorId, memory.sensorId);
  const sameEpoch = codes.bootEpoch === memory.bootEpoch;
  buffer[offset] = KIND_MEASUREMENT | (form << ID_SHIFT) | (sameEpoch ? 0 : EPOCH_FLAG);
  let at = offset + 1;
  for (let index = EUI64_BYTES - ID_BYTES[form]!; index < EUI64_BYTES; index++) buffer[at++] = ids[index]!;
  if (!sameEpoch) at = writeVarint(codes.bootEpoch, buffer, at);
  at = writeVarint(zigzag((codes.sequence - memory.sequence) | 0), buffer, at);
  at = writeLongVarint(codes.timeMs - memory.timeMs, buffer, at);
  at = writeNumbers(codes, memory.numbers, memory.like(codes.sensorId), buffer, at);
  memory.remember(codes);
  return at;
}

/** Leaves the bytes of both ids in `ids`. */
function idForm(id: string, before: string): number {
  writeEui64(id, 'sensorId', ids, 0);
  writeEui64(before, 'sensorId', ids, EUI64_BYTES);
  let same = 0;
  while (same < EUI64_BYTES && ids[same] === ids[EUI64_BYTES + same]) same++;
  return same === 8 ? 0 : same === 7 ? 1 : same >= 5 ? 2 : 3;
}

function writeNumbers(codes: MeasurementCodes, numbers: Int32Array, like: number, buffer: Uint8Array, at: number): number {
  writer.buffer = buffer;
  writer.at = at;
  const more = compareFeatures(codes.features, numbers, like);
  const mode = more > 0 ? 1 : 0;
  const differences = mode === 1 ? along : apart;
  let sum = 0;
  for (let index = 0; index < FEATURE_COUNT; index++) sum += differences[index]!;
  const k = 31 - Math.clz32(1 + Math.floor(sum / FEATURE_COUNT));
  putBits(writer, mode | (k << 1), 1 + PARAMETER_BITS);
  for (let index = 0; index < FEATURE_COUNT; index++) putRice(writer, differences[index]!, k, FEATURE_BITS);
  putRice(writer, signedDifference(codes.temperature, numbers[like + TEMPERATURE]!, 16), TEMPERATURE_K, 16);
  putRice(writer, signedDifference(codes.batteryPercent, numbers[like + BATTERY]!, 8), BATTERY_K, 8);
  putRice(writer, signedDifference(codes.rssiDbm, numbers[like + RSSI]!, 8), RSSI_K, 8);
  return finishBits(writer);
}

/** value - from modulo 2^bits, in zigzag form of as many bits. */
function signedDifference(value: number, from: number, bits: number): number {
  return zigzag(((value - from) << (32 - bits)) >> (32 - bits));
}

/**
 * Fills `apart` with the features' differences from their own at `like` (mode 0), `along` with those from that moved as the
 * feature before it moved (mode 1), in zigzag form; returns how much more the former come to.
 */
function compareFeatures(features: Uint16Array, numbers: Int32Array, like: number): number {
  let more = 0;
  let moved = 0;
  for (let index = 0; index < FEATURE_COUNT; index++) {
    const difference = features[index]! - numbers[like + index]!;
    const first = signedDifference(difference, 0, FEATURE_BITS);
    const second = signedDifference(difference, moved, FEATURE_BITS);
    apart[index] = first;
    along[index] = second;
    more += first - second;
    moved = difference;
  }
  return more;
}

const reader: BitReader = { cursor: { bytes: new Uint8Array(0), position: 0, end: 0, atEnd: 'FRAME_MALFORMED' }, ahead: 0, aheadBits: 0 };

/**
 * Reads an entry, whose first byte is `first` and has been read, into `codes`, and remembers it. Throws FrameError
 * FRAME_MALFORMED if it is cut short or contradicts itself, FRAME_VALUE for a battery above 100 %.
 */
export function readMeasurementEntry(first: number, cursor: Cursor, memory: BatchMemory, codes: MeasurementCodes): void {
  readEntryHeader(first, cursor, memory, codes);
  readNumbers(cursor, memory.numbers, memory.like(codes.sensorId), codes);
  memory.remember(codes);
}

/** Reads who measured, its place in what this sensor has said, and when. Throws FrameError FRAME_MALFORMED as `readMeasurementEntry` does. */
export function readEntryHeader(first: number, cursor: Cursor, memory: BatchMemory, codes: MeasurementCodes): void {
  if ((first & UNDEFINED_FLAG) !== 0) throw new FrameError('FRAME_MALFORMED', 'undefined flag of an entry', cursor.position - 1);
  codes.sensorId = readId((first >> ID_SHIFT) & 3, cursor, memory.sensorId);
  codes.bootEpoch = (first & EPOCH_FLAG) === 0 ? memory.bootEpoch : readVarint(cursor);
  codes.sequence = (memory.sequence + unzigzag(readVarint(cursor))) >>> 0;
  const place = cursor.position;
  codes.timeMs = memory.timeMs + readLongVarint(cursor);
  if (codes.timeMs < 0 || codes.timeMs > MAX_U48) throw new FrameError('FRAME_MALFORMED', `time of ${codes.timeMs} ms`, place);
}

function readId(form: number, cursor: Cursor, before: string): string {
  const count = ID_BYTES[form]!;
  if (count === 0) return before;
  writeEui64(before, 'sensorId', ids, 0);
  const start = take(cursor, count);
  for (let index = 0; index < count; index++) ids[EUI64_BYTES - count + index] = cursor.bytes[start + index]!;
  return readEui64({ bytes: ids, position: 0, end: EUI64_BYTES, atEnd: 'FRAME_MALFORMED' });
}

function readNumbers(cursor: Cursor, numbers: Int32Array, like: number, codes: MeasurementCodes): void {
  reader.cursor = cursor;
  reader.ahead = 0;
  reader.aheadBits = 0;
  const place = cursor.position;
  const mode = getBits(reader, 1);
  const k = getBits(reader, PARAMETER_BITS);
  if (k > FEATURE_BITS) throw new FrameError('FRAME_MALFORMED', `Rice parameter ${k}`, place);
  let moved = 0;
  for (let index = 0; index < FEATURE_COUNT; index++) {
    const from = numbers[like + index]!;
    codes.features[index] = (from + moved + unzigzag(getRice(reader, k, FEATURE_BITS))) & 0xfff;
    if (mode === 1) moved = codes.features[index]! - from;
  }
  codes.temperature = ((numbers[like + TEMPERATURE]! + unzigzag(getRice(reader, TEMPERATURE_K, 16))) << 16) >> 16;
  codes.batteryPercent = (numbers[like + BATTERY]! + unzigzag(getRice(reader, BATTERY_K, 8))) & 0xff;
  codes.rssiDbm = ((numbers[like + RSSI]! + unzigzag(getRice(reader, RSSI_K, 8))) << 24) >> 24;
  finishReading(reader);
  if (codes.batteryPercent > MAX_BATTERY_PERCENT) throw new FrameError('FRAME_VALUE', `battery of ${codes.batteryPercent} percent`, place);
}

/**
 * Passes over an entry's numbers, refusing what `readMeasurementEntry` refuses. Returns the battery in percent; `battery` is what it is told
 * from. A code is looked at in 25 bits at once, which hold the longest zeros and the battery's escape: a scan takes half
 * the time of one that decodes (docs/store-performance.md).
 */
export function skipNumbers(cursor: Cursor, battery: number): number {
  const { bytes, position } = cursor;
  const k = (bytes[position]! >> 1) & ((1 << PARAMETER_BITS) - 1);
  if (k > FEATURE_BITS) throw new FrameError('FRAME_MALFORMED', `Rice parameter ${k}`, position);
  let bit = 8 * position + 1 + PARAMETER_BITS;
  for (let index = 0; index < FEATURE_COUNT; index++) bit = afterRice(bytes, bit, k, FEATURE_BITS);
  bit = afterRice(bytes, bit, TEMPERATURE_K, 16);
  const code = bitsAt(bytes, bit);
  const zeros = trailingZeros(code);
  const difference = zeros < RICE_ESCAPE_ZEROS ? zeros : (code >>> RICE_ESCAPE_ZEROS) & 0xff;
  bit = afterRice(bytes, bit, BATTERY_K, 8);
  bit = afterRice(bytes, bit, RSSI_K, 8);
  const end = (bit + 7) >>> 3;
  if (end > cursor.end) throw new FrameError('FRAME_MALFORMED', 'the entry is cut short', cursor.end);
  if ((bit & 7) !== 0 && bytes[end - 1]! >>> (bit & 7) !== 0) throw new FrameError('FRAME_MALFORMED', 'padding is not zero', end - 1);
  cursor.position = end;
  const percent = (battery + unzigzag(difference)) & 0xff;
  if (percent > MAX_BATTERY_PERCENT) throw new FrameError('FRAME_VALUE', `battery of ${percent} percent`, position);
  return percent;
}

/** Place of the bit after a Rice code. Throws FrameError FRAME_MALFORMED for a number above `width` bits. */
function afterRice(bytes: Uint8Array, bit: number, k: number, width: number): number {
  const zeros = trailingZeros(bitsAt(bytes, bit));
  if (zeros >= RICE_ESCAPE_ZEROS) return bit + RICE_ESCAPE_ZEROS + width;
  if ((zeros << k) >> width !== 0) throw new FrameError('FRAME_MALFORMED', `a number exceeds ${width} bits`, bit >>> 3);
  return bit + zeros + 1 + k;
}

/** 25 bits or more from a place on; zeros where there are no more bytes. */
function bitsAt(bytes: Uint8Array, bit: number): number {
  const at = bit >>> 3;
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> (bit & 7);
}

/** 32 of 0. */
function trailingZeros(bits: number): number {
  return bits === 0 ? 32 : 31 - Math.clz32(bits & -bits);
}
