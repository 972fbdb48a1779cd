import { expect, it } from 'vitest';
import { frameToJson } from './json.ts';
import type { Waveform } from './messages.ts';

it('frameToJson gives plain values: arrays for samples, null for what is not available', () => {
  const waveform: Waveform = {
    kind: 'waveform',
    sensorId: '0011223344556677',
    bootEpoch: 1,
    sequence: 2,
    timeMs: 3,
    captureId: 2,
    firstSample: 0,
    totalSamples: 2,
    sampleRateHz: 6664,
    fullScaleG: NaN,
    axes: [Int16Array.of(-5, 7)],
  };
  const json = frameToJson({
    kind: 'batch', gatewayId: '0011223344556677', bootEpoch: 1, sequence: 2, messages: [waveform],
  });
  expect(json).toEqual({
    kind: 'batch', gatewayId: '0011223344556677', bootEpoch: 1, sequence: 2,
    messages: [{ ...waveform, fullScaleG: null, bitsPerSample: 16, axes: [[-5, 7]] }],
  });
  expect(JSON.parse(JSON.stringify(json))).toEqual(json);
});
