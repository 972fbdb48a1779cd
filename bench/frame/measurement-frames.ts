/** Measurements as frames: alone, and in a batch of all. */
import { deepStrictEqual } from 'node:assert';
import { asSent, batchOf, decodeBatch, decodeMessage, encodeBatch, encodeMessage, frameOf, maxBatchLength, type BatchHeader, type Measurement } from '../../frame/mod.ts';
import type { MeasurementCodec } from './measurement-codec.ts';

const GATEWAY: BatchHeader = { gatewayId: '70b3d5e75f000001', bootEpoch: 1_790_000_000, sequence: 1000 };

export function frameCodecs(messages: readonly Measurement[]): MeasurementCodec[] {
  const frames = messages.map(frameOf);
  return [alone(messages, frames), batchOfMessages(messages, frames), batchOfFrames(messages, frames)];
}

function alone(messages: readonly Measurement[], frames: readonly Uint8Array[]): MeasurementCodec {
  const buffer = new Uint8Array(64 * 1024);
  return {
    name: 'thrum frame alone',
    of: 'thrum',
    encode: (passes) => {
      let at = 0;
      for (let pass = 0; pass < passes; pass++) {
        at = 0;
        for (const message of messages) at = encodeMessage(message, buffer, at);
      }
      return at;
    },
    decode: (passes) => {
      for (let pass = 0; pass < passes; pass++) for (const frame of frames) decodeMessage(frame);
    },
    verify: () => deepStrictEqual(frames.map((frame) => decodeMessage(frame)), messages.map(asSent)),
  };
}

/** What a sensor and its gateway do together: each message into a frame, the frames into a batch. */
function batchOfMessages(messages: readonly Measurement[], frames: readonly Uint8Array[]): MeasurementCodec {
  const own = frames.map((frame) => new Uint8Array(frame.length));
  const buffer = new Uint8Array(maxBatchLength(frames));
  const batch = batchOf(GATEWAY, frames);
  return {
    name: `thrum batch of ${messages.length}`,
    of: 'thrum',
    encode: (passes) => {
      let end = 0;
      for (let pass = 0; pass < passes; pass++) {
        for (let index = 0; index < messages.length; index++) encodeMessage(messages[index]!, own[index]!, 0);
        end = encodeBatch(GATEWAY, own, buffer, 0);
      }
      return end;
    },
    decode: (passes) => {
      for (let pass = 0; pass < passes; pass++) decodeBatch(batch);
    },
    verify: () => deepStrictEqual(decodeBatch(batch).messages, messages.map(asSent)),
  };
}

/** The gateway's part of it. */
function batchOfFrames(messages: readonly Measurement[], frames: readonly Uint8Array[]): MeasurementCodec {
  const buffer = new Uint8Array(maxBatchLength(frames));
  return {
    name: `thrum batch of ${frames.length} frames`,
    of: 'thrum',
    encode: (passes) => {
      let end = 0;
      for (let pass = 0; pass < passes; pass++) end = encodeBatch(GATEWAY, frames, buffer, 0);
      return end;
    },
    verify: () => {
      const end = encodeBatch(GATEWAY, frames, buffer, 0);
      deepStrictEqual(decodeBatch(buffer.subarray(0, end)).messages, messages.map(asSent));
    },
  };
}
