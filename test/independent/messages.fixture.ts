/** Messages of every character for the independent decoder: signals, measurements, events, waveforms, batches. */
import fc from 'fast-check';
import { ZONES, type Measurement, type SensorMessage, type Waveform } from '../../frame/mod.ts';
import { chanceOf, pick, type Chance } from './frame-writer.ts';

export const u32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28, 2 ** 32 - 1), fc.nat(2 ** 31 - 1));
export const eui64 = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const sensorHeader = fc.record({
  sensorId: eui64, bootEpoch: u32, sequence: u32, timeMs: fc.oneof(fc.constantFrom(0, 1_735_689_600_000, 2 ** 48 - 1), fc.nat(2 ** 31 - 1)),
});

const value = fc.oneof(
  fc.constantFrom(NaN, 0, -0, 5e-324, 0.000005, 83.5584, 83.56, 4177.92, 4178, 1e300, Infinity),
  fc.double({ min: 0, max: 100, noNaN: true }),
  fc.nat(8_400_000).map((steps) => steps / 100_000),
  fc.nat(8_400_000).map((steps) => steps / 2000),
);
const perAxis = fc.record({ x: value, y: value, z: value });
const band = fc.record({
  rms: perAxis, totalAbsMax: value, totalAbsMin: value, totalRms: fc.constant(NaN), totalCrestFactor: fc.constant(NaN),
});
export const measurement: fc.Arbitrary<Measurement> = fc.tuple(sensorHeader, fc.record({
  kind: fc.constant('measurement' as const),
  accelerationRmsG: perAxis,
  accelerationG: band,
  velocityMmPerS: band,
  temperatureC: fc.oneof(fc.constant(NaN), fc.integer({ min: -32_767, max: 32_767 }).map((hundredths) => hundredths / 100)),
  batteryPercent: fc.nat(100),
  rssiDbm: fc.integer({ min: -128, max: 127 }),
})).map(([header, rest]) => ({ ...header, ...rest }));

const zone = fc.constantFrom(...ZONES);
export const event = fc.tuple(sensorHeader, zone, zone, value).map(([header, from, to, velocityRmsMmPerS]): SensorMessage => (
  { ...header, kind: 'event', event: 'zone-change', from, to, velocityRmsMmPerS }));

function gaussian(chance: Chance): number {
  return Math.sqrt(-2 * Math.log((chance(2 ** 32) + 1) / 2 ** 32)) * Math.cos(2 * Math.PI * (chance(2 ** 32) / 2 ** 32));
}

/** Signals of every character that the compression treats differently; `top` is the greatest sample. */
export const SIGNALS: Readonly<Record<string, (top: number, chance: Chance) => (i: number) => number>> = {
  silence: () => () => 0,
  constant: (top, chance) => { const level = chance(2 * top + 2) - top - 1; return () => level; },
  'saturated above': (top) => () => top,
  'saturated below': (top) => () => -top - 1,
  'alternating extremes': (top) => (i) => (i % 2 === 0 ? top : -top - 1),
  tone: (top, chance) => { const [size, step] = [1 + chance(top), 0.001 + chance(3000) / 1000]; return (i) => size * Math.sin(i * step); },
  'tone in noise': (top, chance) => { const [size, step] = [top * 0.7, 0.01 + chance(1000) / 1000]; return (i) => size * Math.sin(i * step) + gaussian(chance) * (size / 500); },
  'clipped tones': (top, chance) => { const step = 0.01 + chance(300) / 1000; return (i) => 1.5 * top * Math.sin(i * step) * Math.cos(i * step * 0.11); },
  'faint noise': (_, chance) => () => gaussian(chance) * 0.6,
  'Gaussian noise': (top, chance) => { const scale = 2 ** chance(Math.log2(top + 1) + 1); return () => gaussian(chance) * scale; },
  'even noise': (top, chance) => () => chance(2 * top + 2) - top - 1,
  'noise that grows': (top, chance) => (i) => gaussian(chance) * Math.min(top, 2 ** (i / 300)),
  'impulses in silence': (top, chance) => { const gap = 2 + chance(500); return (i) => (i % gap === 0 ? -top - 1 : 3); },
  'impulses in noise': (top, chance) => () => (chance(100) === 0 ? top : gaussian(chance) * 5),
  ramp: (top, chance) => { const slope = 1 + chance(top >> 3); return (i) => ((i * slope + top) % (2 * top + 2)) - top - 1; },
  'random walk': (top, chance) => { let level = 0; const step = 1 + chance(top >> 6); return () => (level = Math.max(-top, Math.min(top, level + chance(2 * step + 1) - step))); },
};

export const SIGNAL_NAMES = Object.keys(SIGNALS);

export function signal(name: string, length: number, bits: 16 | 24, chance: Chance): number[] {
  const top = 2 ** (bits - 1) - 1;
  const at = SIGNALS[name]!(top, chance);
  return Array.from({ length }, (_, i) => Math.max(-top - 1, Math.min(top, Math.round(at(i)) + 0)));
}

export function samples(numbers: readonly number[], bits: 16 | 24): Int16Array | Int32Array {
  return bits === 16 ? Int16Array.from(numbers) : Int32Array.from(numbers);
}

export function waveformOf(sampleCount: fc.Arbitrary<number>): fc.Arbitrary<Waveform> {
  return fc.tuple(sensorHeader, fc.integer({ min: 1, max: 3 }), sampleCount, fc.constantFrom(16 as const, 24 as const), fc.nat(), fc.nat(100_000), fc.record({
    captureId: u32, sampleRateHz: u32.filter((rate) => rate > 0), fullScaleG: fc.constantFrom(1, 16, 0.1, 2 ** -149, 200).map(Math.fround),
  })).map(([header, axisCount, length, bits, seed, firstSample, rest]) => {
    const chance = chanceOf(seed);
    const axes = Array.from({ length: axisCount }, () => samples(signal(pick(chance, SIGNAL_NAMES), length, bits, chance), bits));
    return { ...header, kind: 'waveform', ...rest, firstSample, totalSamples: firstSample + length, axes };
  });
}

export const shortWaveform = waveformOf(fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 5, 31, 32, 33, 127, 128, 129), fc.nat(200)));

/** Up to 60 measurements as sensors take turns: little or much changes, clocks go backwards, sensors restart. */
export const crowd: fc.Arbitrary<SensorMessage[]> = fc.tuple(
  fc.array(measurement, { minLength: 1, maxLength: 6 }),
  fc.array(fc.record({ sensor: fc.nat(5), seed: fc.nat(), character: fc.nat(9) }), { maxLength: 60 }),
  fc.array(fc.oneof(event, shortWaveform), { maxLength: 4 }),
).map(([firsts, turns, others]) => {
  const states: SensorMessage[] = [...firsts];
  const messages: SensorMessage[] = turns.map(({ sensor, seed, character }) => {
    const at = sensor % firsts.length;
    const [state, chance] = [states[at] as Measurement, chanceOf(seed)];
    const near = (number: number): number => (chance(30) === 0 ? NaN : Number.isFinite(number) ? number * (0.97 + chance(60) / 1000) : 0.3);
    const { x, y, z } = state.velocityMmPerS.rms;
    states[at] = {
      ...state,
      bootEpoch: character === 0 ? (state.bootEpoch + 1) % 2 ** 32 : state.bootEpoch,
      sequence: character === 0 ? 0 : (state.sequence + chance(3)) % 2 ** 32,
      timeMs: Math.max(0, Math.min(2 ** 48 - 1, state.timeMs + (character === 1 ? -3_600_000 : 3_600_000 + chance(2000)))),
      velocityMmPerS: { ...state.velocityMmPerS, rms: { x: near(x), y: near(y), z: near(z) } },
      batteryPercent: Math.max(0, state.batteryPercent - chance(2)),
      rssiDbm: Math.max(-128, Math.min(127, state.rssiDbm + chance(7) - 3)),
    };
    return character === 2 ? state : states[at];
  });
  others.forEach((other, i) => messages.splice((i * 17) % (messages.length + 1), 0, other));
  return messages;
});
