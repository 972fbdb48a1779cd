/** The bodies of sensor messages by kind: as they stand in frames of their own and in batches. */

import type { Cursor } from './cursor.ts';
import { KIND_EVENT, KIND_MEASUREMENT, KIND_WAVEFORM } from './envelope.ts';
import { FrameError } from './errors.ts';
import { readEventBody } from './event.ts';
import { readMeasurementBody } from './measurement.ts';
import type { AllocateSamples, SensorMessage } from './messages.ts';
import { readWaveformBody } from './waveform.ts';

/**
 * Reads the body of a sensor message, all of it. Returns undefined for a kind that is none of this version's sensor
 * messages. Throws FrameError FRAME_MALFORMED or FRAME_VALUE if the body is none of its kind.
 */
export function readSensorBody(kind: number, cursor: Cursor, allocate: AllocateSamples): SensorMessage | undefined {
  const message = readByKind(kind, cursor, allocate);
  if (message !== undefined) checkBodyEnd(cursor);
  return message;
}

/** Throws FrameError FRAME_MALFORMED unless the body has been read to its end. */
export function checkBodyEnd(cursor: Cursor): void {
  if (cursor.position === cursor.end) return;
  throw new FrameError('FRAME_MALFORMED', `${cursor.end - cursor.position} bytes after the message`, cursor.position);
}

function readByKind(kind: number, cursor: Cursor, allocate: AllocateSamples): SensorMessage | undefined {
  switch (kind) {
    case KIND_MEASUREMENT:
      return readMeasurementBody(cursor);
    case KIND_WAVEFORM:
      return readWaveformBody(cursor, allocate);
    case KIND_EVENT:
      return readEventBody(cursor);
    default:
      return undefined;
  }
}
