/** Messages into frames and back: the codec's front door. One frame is one message; see docs/frame.md for the bytes. */

import { readBatchBody } from './batch.ts';
import { readSensorBody } from './body.ts';
import {
  beginFrame,
  endFrame,
  frameLength,
  KIND_BATCH,
  KIND_EVENT,
  KIND_MEASUREMENT,
  KIND_WAVEFORM,
  openFrame,
  writeFrame,
} from './envelope.ts';
import { FrameError } from './errors.ts';
import { eventAsSent, eventBodyLength, MAX_EVENT_BODY_BYTES, writeEventBody } from './event.ts';
import {
  MAX_MEASUREMENT_BODY_BYTES,
  measurementAsSent,
  measurementBodyLength,
  writeMeasurementBody,
} from './measurement.ts';
import type { AllocateSamples, Batch, Message, SensorMessage, WaveformMode } from './messages.ts';
import { maxWaveformBodyLength, newSamples, waveformAsSent, writeWaveformBody } from './waveform.ts';

/**
 * Writes the message as one complete frame into `buffer` at `offset` and returns the offset after it. Throws FrameError
 * FRAME_TOO_LARGE if it does not fit, FRAME_VALUE if a field is out of range; nothing is promised about the bytes from
 * `offset` on then. Allocates nothing for a measurement or an event.
 */
export function encodeMessage(message: SensorMessage, buffer: Uint8Array, offset: number, mode: WaveformMode = 'tight'): number {
  switch (message.kind) {
    case 'measurement': {
      const body = beginFrame(KIND_MEASUREMENT, measurementBodyLength(message), buffer, offset);
      return endFrame(buffer, offset, writeMeasurementBody(message, buffer, body));
    }
    case 'event': {
      const body = beginFrame(KIND_EVENT, eventBodyLength(message), buffer, offset);
      return endFrame(buffer, offset, writeEventBody(message, buffer, body));
    }
    case 'waveform':
      return writeFrame(KIND_WAVEFORM, maxWaveformBodyLength(message), buffer, offset, (body) => writeWaveformBody(message, mode, buffer, body));
    default:
      throw notOfASensor(message);
  }
}

function notOfASensor(message: never): FrameError {
  const { kind } = message as { readonly kind: unknown };
  return new FrameError('FRAME_KIND', `no sensor message is of kind ${String(kind)}`);
}

/** Upper bound of the bytes that `encodeMessage` writes for the message. */
export function maxFrameLength(message: SensorMessage): number {
  switch (message.kind) {
    case 'measurement':
      return frameLength(MAX_MEASUREMENT_BODY_BYTES);
    case 'event':
      return frameLength(MAX_EVENT_BODY_BYTES);
    case 'waveform':
      return frameLength(maxWaveformBodyLength(message));
    default:
      throw notOfASensor(message);
  }
}

/** The message as a frame of its own, exactly as many bytes as it takes. Throws FrameError FRAME_VALUE. */
export function frameOf(message: SensorMessage): Uint8Array {
  const buffer = new Uint8Array(maxFrameLength(message));
  return buffer.slice(0, encodeMessage(message, buffer, 0));
}

/**
 * What a decoder will give back for the message: numbers rounded to the wire's precision, derived features recomputed,
 * samples copied. `decodeMessage(frameOf(m))` deep-equals `asSent(m)`. Throws FrameError FRAME_VALUE as encoding does.
 */
export function asSent(message: SensorMessage): SensorMessage {
  switch (message.kind) {
    case 'measurement':
      return measurementAsSent(message);
    case 'event':
      return eventAsSent(message);
    case 'waveform':
      return waveformAsSent(message);
    default:
      throw notOfASensor(message);
  }
}

/**
 * The message that `bytes`, the whole of it one frame, stands for. Any input gives the exact message or throws
 * FrameError: see `openFrame` for the envelope's codes; FRAME_KIND for a kind that this version does not define;
 * FRAME_MALFORMED or FRAME_VALUE for a body that is none of its kind. Offsets count from the first of `bytes`. The
 * message shares no memory with `bytes`. Samples go into the arrays that `allocate` gives: see AllocateSamples.
 */
export function decodeFrame(bytes: Uint8Array, allocate: AllocateSamples = newSamples): Message {
  const frame = openFrame(bytes);
  const message = frame.kind === KIND_BATCH ? readBatchBody(frame, allocate) : readSensorBody(frame.kind, frame, allocate);
  if (message === undefined) throw new FrameError('FRAME_KIND', `unknown kind ${frame.kind}`, 0);
  return message;
}

/** `decodeFrame` for what a sensor sends. Throws FrameError FRAME_KIND for a batch. */
export function decodeMessage(bytes: Uint8Array, allocate: AllocateSamples = newSamples): SensorMessage {
  const frame = openFrame(bytes);
  const message = readSensorBody(frame.kind, frame, allocate);
  if (message === undefined) throw new FrameError('FRAME_KIND', `kind ${frame.kind} is no sensor message`, 0);
  return message;
}

/** `decodeFrame` for what a gateway publishes. Throws FrameError FRAME_KIND for anything but a batch. */
export function decodeBatch(bytes: Uint8Array, allocate: AllocateSamples = newSamples): Batch {
  const frame = openFrame(bytes);
  if (frame.kind !== KIND_BATCH) throw new FrameError('FRAME_KIND', `kind ${frame.kind} is no batch`, 0);
  return readBatchBody(frame, allocate);
}
