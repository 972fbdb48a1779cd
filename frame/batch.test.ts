import { describe, expect, it } from 'vitest';
import { batchOf, encodeBatch, headerOfVerified, maxBatchLength, readBatchHeader } from './batch.ts';
import { scanBatch } from './batch-scan.ts';
import { beginFrame, endFrame, frameLength } from './envelope.ts';
import { asSent, decodeBatch, decodeFrame, decodeMessage, frameOf } from './frame.ts';
import { randomOf } from './signals.fixture.ts';
import { MAX_BATCH_MESSAGES, MAX_FRAME_BYTES, MAX_WAVEFORM_SAMPLES, type BatchHeader, type SensorMessage } from './messages.ts';

const HEADER: BatchHeader = { gatewayId: '00124b0001020304', bootEpoch: 3, sequence: 70_000 };
const sensor = { sensorId: '00a0b1c2d3e4f506', bootEpoch: 1, timeMs: 1_700_000_000_000 };

function alarm(sequence: number): SensorMessage {
  return { kind: 'event', ...sensor, sequence, event: 'zone-change', from: 'B', to: 'C', velocityRmsMmPerS: 4.6 };
}

function capture(samples: Int16Array): SensorMessage {
  return {
    kind: 'waveform', ...sensor, sequence: 9, captureId: 9, firstSample: 0, totalSamples: samples.length,
    sampleRateHz: 6_664, fullScaleG: 8, axes: [samples, samples, samples],
  };
}

function rawFrame(kind: number, body: readonly number[]): Uint8Array {
  const frame = new Uint8Array(frameLength(body.length));
  const at = beginFrame(kind, body.length, frame, 0);
  frame.set(body, at);
  endFrame(frame, 0, at + body.length);
  return frame;
}

const error = (code: string, offset?: number): unknown =>
  expect.objectContaining(offset === undefined ? { name: 'FrameError', code } : { name: 'FrameError', code, offset });

describe('a batch', () => {
  it.each([0, 1, 2, MAX_BATCH_MESSAGES])('of %i messages comes back in order', (count) => {
    const messages = Array.from({ length: count }, (_, index) => alarm(index));
    const frames = messages.map(frameOf);
    const bytes = batchOf(HEADER, frames);
    expect(decodeBatch(bytes)).toStrictEqual({ kind: 'batch', ...HEADER, messages: messages.map(asSent) });
    expect(decodeFrame(bytes)).toStrictEqual(decodeBatch(bytes));
    expect(readBatchHeader(bytes)).toStrictEqual({ ...HEADER, messageCount: count });
    expect(bytes.length).toBeLessThanOrEqual(maxBatchLength(frames));
  });

  it('is looked through for who measured and when, without its samples', () => {
    const messages = [alarm(1), capture(Int16Array.of(1, 2, 4)), { ...alarm(2), sensorId: '00a0b1c2d3e4f507', timeMs: 5 }];
    const bytes = batchOf(HEADER, [...messages.map(frameOf), rawFrame(15, [])]);
    const seen: [string, number, string][] = [];
    expect(scanBatch(bytes, (sensorId, timeMs, kind) => seen.push([sensorId, timeMs, kind]))).toStrictEqual(HEADER);
    expect(headerOfVerified(bytes)).toEqual({ ...HEADER, messageCount: 4 });
    expect(seen).toEqual(messages.map(({ sensorId, timeMs, kind }) => [sensorId, timeMs, kind]));
  });

  it('is written where the caller says, and only if it fits', () => {
    const frames = [frameOf(alarm(1)), frameOf(capture(Int16Array.of(1, 2, 4)))];
    const bytes = batchOf(HEADER, frames);
    const buffer = new Uint8Array(bytes.length + 7);
    expect(encodeBatch(HEADER, frames, buffer, 7)).toBe(buffer.length);
    expect(buffer.subarray(7)).toEqual(bytes);
    expect(() => encodeBatch(HEADER, frames, buffer, 8)).toThrow(error('FRAME_TOO_LARGE'));
  });

  it('holds the bodies byte for byte', () => {
    const frame = frameOf(alarm(1));
    const bytes = batchOf(HEADER, [frame]);
    expect(bytes.subarray(-4 - (frame.length - 4) + 1, -4)).toEqual(frame.subarray(1, -4));
  });

  it('carries kinds of later revisions, which this decoder skips and counts', () => {
    const frames = [frameOf(alarm(1)), rawFrame(5, [1, 2, 3]), rawFrame(15, []), frameOf(alarm(2))];
    const bytes = batchOf(HEADER, frames);
    expect(decodeBatch(bytes).messages).toStrictEqual([asSent(alarm(1)), asSent(alarm(2))]);
    expect(readBatchHeader(bytes).messageCount).toBe(4);
    expect(() => decodeFrame(frames[1]!)).toThrow(error('FRAME_KIND', 0));
  });

  it('refuses frames that are broken, of another version, batches, or of kind 0, and says which', () => {
    const good = frameOf(alarm(1));
    const cases: [Uint8Array, string][] = [
      [good.with(5, good[5]! ^ 1), 'FRAME_CHECKSUM'],
      [good.subarray(0, -1), 'FRAME_TRUNCATED'],
      [new Uint8Array(0), 'FRAME_TRUNCATED'],
      [good.with(0, 0x13), 'FRAME_VERSION'],
      [batchOf(HEADER, []), 'FRAME_KIND'],
      [rawFrame(0, []), 'FRAME_KIND'],
    ];
    for (const [bad, code] of cases) {
      expect(() => batchOf(HEADER, [good, bad])).toThrow(error(code));
      expect(() => batchOf(HEADER, [good, bad])).toThrow(/^frame 1 of the batch: /);
    }
  });

  it('refuses a header out of range and too many or too large messages', () => {
    expect(() => batchOf({ ...HEADER, gatewayId: 'gateway' }, [])).toThrow(error('FRAME_VALUE', 0));
    expect(() => batchOf({ ...HEADER, bootEpoch: -1 }, [])).toThrow(error('FRAME_VALUE', 0));
    expect(() => batchOf({ ...HEADER, sequence: 2 ** 32 }, [])).toThrow(error('FRAME_VALUE', 0));
    const many = Array.from({ length: MAX_BATCH_MESSAGES + 1 }, () => frameOf(alarm(1)));
    expect(() => batchOf(HEADER, many)).toThrow(error('FRAME_TOO_LARGE', 0));
    const noise = Int16Array.from({ length: MAX_WAVEFORM_SAMPLES }, randomOf(1));
    const large = frameOf(capture(noise));
    expect(batchOf(HEADER, [large]).length).toBeGreaterThan(300_000);
    expect(() => batchOf(HEADER, [large, large])).toThrow(error('FRAME_TOO_LARGE', 0));
  });

  it('allocates no more than a frame can have', () => {
    const noise = Int16Array.from({ length: MAX_WAVEFORM_SAMPLES }, randomOf(2));
    const frames = Array.from({ length: MAX_BATCH_MESSAGES }, ((large) => () => large)(frameOf(capture(noise))));
    expect(maxBatchLength(frames)).toBe(MAX_FRAME_BYTES);
    expect(() => batchOf(HEADER, frames)).toThrow(error('FRAME_TOO_LARGE'));
  });

  it('is not what decodeMessage takes, nor a sensor message what decodeBatch and readBatchHeader take', () => {
    const bytes = batchOf(HEADER, []);
    expect(() => decodeMessage(bytes)).toThrow(error('FRAME_KIND', 0));
    expect(() => decodeBatch(frameOf(alarm(1)))).toThrow(error('FRAME_KIND', 0));
    expect(() => readBatchHeader(frameOf(alarm(1)))).toThrow(error('FRAME_KIND', 0));
  });
});

describe('a batch body', () => {
  const head = [0, 0x12, 0x4b, 0, 1, 2, 3, 4, 3, 5];
  it.each([
    ['more messages than allowed', [...head, 0x81, 0x08], 'FRAME_TOO_LARGE', 12],
    ['a message that is not there', [...head, 1], 'FRAME_MALFORMED', 13],
    ['a message longer than the batch', [...head, 1, 5, 9, 0], 'FRAME_MALFORMED', 15],
    ['a batch', [...head, 1, 4, 0], 'FRAME_KIND', 13],
    ['kind 0', [...head, 1, 0, 0], 'FRAME_KIND', 13],
    ['kind 16', [...head, 1, 16, 0], 'FRAME_KIND', 13],
    ['bytes after its messages', [...head, 1, 5, 0, 0], 'FRAME_MALFORMED', 15],
    ['a message that is empty', [...head, 1, 1, 0], 'FRAME_MALFORMED', 15],
    ['a cut header', head.slice(0, 5), 'FRAME_MALFORMED', 2],
  ] as const)('with %s is refused at the place', (_, body, code, offset) => {
    expect(() => decodeBatch(rawFrame(4, body))).toThrow(error(code, offset));
  });
});
