/**
 * Frames of version 1 as they were when it was fixed. They must decode to the same messages for ever; measurements,
 * events and batches, whose encoding is unique, must also encode to the same bytes. A failure here means that stored
 * data can no longer be read: change the format's version, not these bytes.
 */

import { expect, it } from 'vitest';
import { batchOf } from './batch.ts';
import { decodeBatch, decodeFrame, frameOf } from './frame.ts';
import type { BandFeatures, SensorMessage } from './messages.ts';

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function band(value: number): BandFeatures {
  return {
    rms: { x: value, y: NaN, z: NaN },
    totalRms: value, totalAbsMax: value, totalAbsMin: value, totalCrestFactor: value === 0 ? 0 : 1,
  };
}

const least = { sensorId: '0000000000000000', bootEpoch: 0, sequence: 0, timeMs: 0 };
const most = { sensorId: 'ffffffffffffffff', bootEpoch: 2 ** 32 - 1, sequence: 2 ** 32 - 1, timeMs: 2 ** 48 - 1 };

const GOLDEN: [string, SensorMessage, string][] = [
  [
    'the least measurement',
    {
      kind: 'measurement', ...least, accelerationRmsG: { x: 0, y: 0, z: 0 }, accelerationG: band(0),
      velocityMmPerS: band(0), temperatureC: NaN, batteryPercent: 0, rssiDbm: -128,
    },
    '112800000000000000000000000000000000000000000000ffffff000000000ffffff0000000008000803d28cb82',
  ],
  [
    'the greatest measurement',
    {
      kind: 'measurement', ...most, accelerationRmsG: { x: 83.5584, y: 0.00512, z: 0.00511 },
      accelerationG: band(83.5584), velocityMmPerS: band(4177.92), temperatureC: 327.67, batteryPercent: 100,
      rssiDbm: 127,
    },
    '1130ffffffffffffffffffffffff0fffffffff0fffffffffffffffe2001ffffeffffffffeffeffeffffffffeffe0ff7f' +
      '647f8b974a7d',
  ],
  [
    'an event of unknown velocity',
    { kind: 'event', ...most, event: 'zone-change', from: 'A', to: 'D', velocityRmsMmPerS: NaN },
    '131dffffffffffffffffffffffff0fffffffff0fffffffffffff010003ff0f8753a8ae',
  ],
  [
    'an empty waveform',
    {
      kind: 'waveform', ...least, captureId: 0, firstSample: 0, totalSamples: 0, sampleRateHz: 1, fullScaleG: 0.5,
      axes: [new Int16Array(0)],
    },
    '121b00000000000000000000000000000000000000010000003f100100de6706f5',
  ],
  [
    'a waveform of extremes: predicted, constant, verbatim',
    {
      kind: 'waveform', ...least, captureId: 2 ** 32 - 1, firstSample: 2 ** 32 - 9, totalSamples: 2 ** 32 - 1,
      sampleRateHz: 2 ** 32 - 1, fullScaleG: 2 ** 127,
      axes: [
        Int16Array.of(-3, -2, -1, 0, 1, 2, 3, 4),
        new Int16Array(8).fill(-32768),
        Int16Array.of(32767, -32768, 32767, -32768, 0, -32768, 32767, 32767),
      ],
    },
    '124400000000000000000000000000000000ffffffff0ff7ffffff0fffffffff0fffffffff0f0000007f1003089fffbf' +
      'ffc01f8800017fff80007fff8000000080007fff7ffffa02bc55',
  ],
];

it.each(GOLDEN)('%s keeps its bytes', (_, message, hex) => {
  expect(decodeFrame(bytesOf(hex))).toStrictEqual(message);
  // A waveform may be compressed otherwise by a better encoder; what stands here must stay readable.
  if (message.kind !== 'waveform') expect(hexOf(frameOf(message))).toBe(hex);
});

it('a batch keeps its bytes', () => {
  const hex = '144cfedcba98765432108001ffffffff0f02031dffffffffffffffffffffffff0fffffffff0fffffffffffff010003ff' +
      '0f021b00000000000000000000000000000000000000010000003f1001000b96a11a';
  const header = { gatewayId: 'fedcba9876543210', bootEpoch: 128, sequence: 2 ** 32 - 1 };
  expect(hexOf(batchOf(header, [bytesOf(GOLDEN[2]![2]), bytesOf(GOLDEN[3]![2])]))).toBe(hex);
  expect(decodeBatch(bytesOf(hex))).toStrictEqual({ kind: 'batch', ...header, messages: [GOLDEN[2]![1], GOLDEN[3]![1]] });
});

it('rice codings that an encoder may choose keep their meaning: escape, fine partitions', () => {
  // One axis of 40 samples, built by hand: order 1, partitions of 32, the first by escape of width 2, the second by k = 0.
  const hex = '122a00000000000000000000000000000000000028010000003f1001286000ffe2aaaaaaaaaaaaaaa80aaaa0fd6cd181';
  const message = decodeFrame(bytesOf(hex));
  const ramp = Int16Array.from({ length: 40 }, (_, index) => 7 + index - (index >= 32 ? 2 * (index - 31) : 0));
  expect(message).toMatchObject({ kind: 'waveform', axes: [ramp] });
});
