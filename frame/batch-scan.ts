/**
 * Whose messages a batch has and when they were measured, without decoding more than that takes. What does not decode is refused here
 * too, as far as is looked; the numbers of a measurement are passed over, but for the battery's, which can be out of range.
 */

import { BATTERY, BatchMemory } from './batch-memory.ts';
import { checkEntryKind, readHeader } from './batch.ts';
import { checkBodyEnd } from './body.ts';
import { readU8, take, type Cursor } from './cursor.ts';
import { CRC_BYTES, KIND_BATCH, KIND_MEASUREMENT, KIND_WAVEFORM } from './envelope.ts';
import { newMeasurementCodes } from './measurement-codes.ts';
import { readEntryHeader, skipNumbers } from './measurement-entry.ts';
import type { BatchHeader, SensorMessage } from './messages.ts';
import { readSensorHeader } from './sensor-header.ts';
import { readVarint } from './varint.ts';

/** Told of each message, as far as its kind is known here. */
export type VisitMessage = (sensorId: string, timeMs: number, kind: SensorMessage['kind']) => void;

/** One batch is scanned at a time: all share these. */
const CODES = newMeasurementCodes();
const MEMORY = new BatchMemory();

/**
 * Tells of the messages of a batch in their order; of a waveform and an event nothing but the header is read. The envelope was verified
 * before and is not looked at again. Throws FrameError as `decodeBatch` does, as far as it looks; some messages were told of by then.
 */
export function scanBatch(bytes: Uint8Array, visit: VisitMessage): BatchHeader {
  const cursor: Cursor = { bytes, position: 1, end: bytes.length - CRC_BYTES, atEnd: 'FRAME_MALFORMED' };
  readVarint(cursor);
  const { messageCount, ...header } = readHeader(cursor);
  MEMORY.begin(header.gatewayId);
  for (let index = 0; index < messageCount; index++) scanEntry(cursor, visit);
  checkBodyEnd(cursor);
  return header;
}

function scanEntry(cursor: Cursor, visit: VisitMessage): void {
  const first = readU8(cursor);
  if ((first & 0xf) === KIND_MEASUREMENT) {
    readEntryHeader(first, cursor, MEMORY, CODES);
    CODES.batteryPercent = skipNumbers(cursor, MEMORY.numbers[MEMORY.like(CODES.sensorId) + BATTERY]!);
    MEMORY.rememberBattery(CODES);
    visit(CODES.sensorId, CODES.timeMs, 'measurement');
    return;
  }
  checkEntryKind(first, cursor.position - 1);
  const length = readVarint(cursor);
  const start = take(cursor, length);
  if (first > KIND_BATCH) return;
  const { sensorId, timeMs } = readSensorHeader({ bytes: cursor.bytes, position: start, end: start + length, atEnd: 'FRAME_MALFORMED' });
  visit(sensorId, timeMs, first === KIND_WAVEFORM ? 'waveform' : 'event');
}
