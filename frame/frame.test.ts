/** Identity over all sensor messages: what is decoded is what `asSent` foretells, bit for bit. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asSent, decodeFrame, decodeMessage, encodeMessage, frameOf, maxFrameLength } from './frame.ts';
import { MAX_WAVEFORM_SAMPLES, ZONES, type Measurement, type SampleArray, type SensorMessage, type Waveform, type ZoneEvent } from './messages.ts';

const U32 = 0xffff_ffff;
const u32 = fc.oneof(fc.integer({ min: 0, max: U32 }), fc.constantFrom(0, 127, 128, 16_383, 16_384, U32));
const header = {
  sensorId: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }).map((id) => id.toString(16).padStart(16, '0')),
  bootEpoch: u32,
  sequence: u32,
  timeMs: fc.oneof(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1)),
};
const feature = fc.oneof(
  fc.double({ min: 0, max: 100, noNaN: true }),
  fc.double({ min: 0 }),
  fc.constantFrom(NaN, 0, -0, Infinity, 83.5584, 4177.92),
);
const axes = fc.record({ x: feature, y: feature, z: feature });
const band = fc.record({
  rms: axes, totalRms: feature, totalAbsMax: feature, totalAbsMin: feature, totalCrestFactor: feature,
});
const measurement: fc.Arbitrary<Measurement> = fc.record({
  kind: fc.constant('measurement' as const),
  ...header,
  accelerationRmsG: axes,
  accelerationG: band,
  velocityMmPerS: band,
  temperatureC: fc.oneof(fc.double({ min: -327.67, max: 327.67 }), fc.constantFrom(NaN, -0, -0.001, -327.67, 327.67)),
  batteryPercent: fc.integer({ min: 0, max: 100 }),
  rssiDbm: fc.integer({ min: -128, max: 127 }),
});
const event: fc.Arbitrary<ZoneEvent> = fc.record({
  kind: fc.constant('event' as const),
  ...header,
  event: fc.constant('zone-change' as const),
  from: fc.constantFrom(...ZONES),
  to: fc.constantFrom(...ZONES),
  velocityRmsMmPerS: feature,
});
const waveform: fc.Arbitrary<Waveform> = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.nat(120), u32, u32)
  .chain(([count, samples, first, spare]) => {
    const firstSample = Math.min(first, U32 - samples);
    return fc.record({
      kind: fc.constant('waveform' as const),
      ...header,
      captureId: u32,
      firstSample: fc.constant(firstSample),
      totalSamples: fc.constant(Math.min(firstSample + samples + spare, U32)),
      sampleRateHz: fc.integer({ min: 1, max: U32 }),
      fullScaleG: fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
      axes: fc.array(fc.int16Array({ minLength: samples, maxLength: samples }), { minLength: count, maxLength: count }),
    });
  });

const quiet: Measurement = {
  kind: 'measurement', sensorId: '00a0b1c2d3e4f506', bootEpoch: 127, sequence: 16_383, timeMs: 2 ** 48 - 1,
  accelerationRmsG: { x: 1, y: 1, z: 1 },
  accelerationG: { rms: { x: 1, y: 1, z: 1 }, totalRms: 0, totalAbsMax: 3, totalAbsMin: 0, totalCrestFactor: 0 },
  velocityMmPerS: { rms: { x: 1, y: 1, z: 1 }, totalRms: 0, totalAbsMax: 3, totalAbsMin: 0, totalCrestFactor: 0 },
  temperatureC: 21.5, batteryPercent: 90, rssiDbm: -60,
};
const alarm: ZoneEvent = {
  kind: 'event', sensorId: '00a0b1c2d3e4f506', bootEpoch: 1, sequence: 2, timeMs: 3,
  event: 'zone-change', from: 'A', to: 'C', velocityRmsMmPerS: 5,
};

function capture(samples: readonly SampleArray[]): Waveform {
  const totalSamples = samples[0]?.length ?? 0;
  return {
    kind: 'waveform', sensorId: '00a0b1c2d3e4f506', bootEpoch: 1, sequence: 2, timeMs: 3,
    captureId: 2, firstSample: 0, totalSamples, sampleRateHz: 26_667, fullScaleG: 16, axes: samples,
  };
}

function expectIdentity(message: SensorMessage): void {
  const frame = frameOf(message);
  const sent = asSent(message);
  expect(decodeFrame(frame)).toStrictEqual(sent);
  expect(asSent(sent)).toStrictEqual(sent);
  expect(frameOf(sent)).toStrictEqual(frame);
  expect(frame.length).toBeLessThanOrEqual(maxFrameLength(message));
  // Into the middle of a buffer, and into one without a byte to spare.
  const buffer = new Uint8Array(frame.length + 5).fill(0x5a);
  expect(encodeMessage(message, buffer.subarray(0, frame.length + 3), 3)).toBe(frame.length + 3);
  expect(buffer.subarray(3, -2)).toStrictEqual(frame);
  expect([...buffer.subarray(0, 3), ...buffer.subarray(-2)]).toEqual([0x5a, 0x5a, 0x5a, 0x5a, 0x5a]);
  expect(() => encodeMessage(message, buffer.subarray(0, frame.length + 2), 3)).toThrow(
    expect.objectContaining({ code: 'FRAME_TOO_LARGE' }),
  );
}

describe('a sensor message', () => {
  it('is decoded as asSent foretells: measurements', () => {
    fc.assert(fc.property(measurement, expectIdentity), { numRuns: 500 });
  });

  it('is decoded as asSent foretells: events', () => {
    fc.assert(fc.property(event, expectIdentity), { numRuns: 300 });
  });

  it('is decoded as asSent foretells: waveforms', () => {
    fc.assert(fc.property(waveform, expectIdentity), { numRuns: 300 });
  });

  it.each([0, 1, 8, 200, MAX_WAVEFORM_SAMPLES])('of %i samples on three axes comes back', (count) => {
    const noise = Int16Array.from({ length: count }, (_, index) => Math.imul(index + 1, 0x9e3779b1) >>> 13);
    expectIdentity(capture([noise, new Int16Array(count), noise.toReversed()]));
    expectIdentity(capture([noise, noise, noise]));
  });

  it('takes 47 bytes when it is an ordinary measurement', () => {
    expect(frameOf(quiet).length).toBe(47);
  });

  it('ignores what its sender says of derived features', () => {
    const band = { ...quiet.accelerationG, totalRms: -1, totalCrestFactor: NaN };
    expect(frameOf({ ...quiet, accelerationG: band })).toEqual(frameOf(quiet));
  });

  it('leaves the caller its samples and shares none', () => {
    const samples = Int16Array.of(1, 2, 3);
    const sent = asSent(capture([samples])) as Waveform;
    samples[0] = 9;
    expect(sent.axes[0]).toEqual(Int16Array.of(1, 2, 3));
  });
});

const one = Int16Array.of(1);
const refused: [string, SensorMessage][] = [
  ['an upper-case id', { ...quiet, sensorId: '00A0B1C2D3E4F506' }],
  ['an empty id', { ...quiet, sensorId: '' }],
  ['a short id', { ...quiet, sensorId: '00a0' }],
  ['an id with a stranger in it', { ...quiet, sensorId: '00a0b1c2d3e4f50:' }],
  ['a fractional sequence', { ...quiet, sequence: 1.5 }],
  ['a negative boot epoch', { ...quiet, bootEpoch: -1 }],
  ['a boot epoch of 2^32', { ...quiet, bootEpoch: 2 ** 32 }],
  ['a time of 2^48', { ...quiet, timeMs: 2 ** 48 }],
  ['a time of NaN', { ...quiet, timeMs: NaN }],
  ['a negative feature', { ...quiet, accelerationRmsG: { x: 1, y: -1, z: 1 } }],
  ['a temperature of 327.68', { ...quiet, temperatureC: 327.68 }],
  ['a temperature of -327.68', { ...quiet, temperatureC: -327.68 }],
  ['an infinite temperature', { ...quiet, temperatureC: -Infinity }],
  ['a battery of 101 %', { ...quiet, batteryPercent: 101 }],
  ['a battery of NaN', { ...quiet, batteryPercent: NaN }],
  ['128 dBm', { ...quiet, rssiDbm: 128 }],
  ['an unknown zone', { ...alarm, to: 'E' as 'A' }],
  ['an unknown event', { ...alarm, event: 'boot' as 'zone-change' }],
  ['a negative velocity', { ...alarm, velocityRmsMmPerS: -1 }],
  ['no axes', capture([])],
  ['four axes', capture([one, one, one, one])],
  ['axes of different lengths', capture([one, new Int16Array(2)])],
  ['too many samples', capture([new Int16Array(MAX_WAVEFORM_SAMPLES + 1)])],
  ['samples behind the end of the capture', { ...capture([one]), firstSample: 1 }],
  ['a sample of 25 bits', capture([Int32Array.of(1, 2 ** 23)])],
  ['a sample of 25 bits below 0', capture([Int32Array.of(-(2 ** 23) - 1)])],
  ['axes of 16 and of 24 bits', capture([one, Int32Array.of(1)])],
  ['a sample rate of 0', { ...capture([one]), sampleRateHz: 0 }],
  ['a full scale of 0', { ...capture([one]), fullScaleG: 0 }],
  ['a full scale that vanishes in float32', { ...capture([one]), fullScaleG: 1e-50 }],
  ['a full scale that overflows float32', { ...capture([one]), fullScaleG: 1e39 }],
  ['a full scale of NaN', { ...capture([one]), fullScaleG: NaN }],
];

it.each(refused)('a message with %s is refused', (_, message) => {
  const value = expect.objectContaining({ name: 'FrameError', code: 'FRAME_VALUE', offset: 0 }) as unknown;
  expect(() => frameOf(message)).toThrow(value);
  expect(() => asSent(message)).toThrow(value);
});

it('a message of no sensor kind is refused', () => {
  const kind = expect.objectContaining({ code: 'FRAME_KIND' }) as unknown;
  const stranger = { ...quiet, kind: 'batch' } as unknown as SensorMessage;
  expect(() => encodeMessage(stranger, new Uint8Array(100), 0)).toThrow(kind);
  expect(() => maxFrameLength(stranger)).toThrow(kind);
  expect(() => asSent(stranger)).toThrow(kind);
});

it('decodeMessage decodes what decodeFrame does', () => {
  for (const message of [quiet, alarm, capture([one])]) {
    expect(decodeMessage(frameOf(message))).toStrictEqual(decodeFrame(frameOf(message)));
  }
});
