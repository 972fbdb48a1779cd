import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Measurement, SensorMessage, Waveform } from '../frame/messages.ts';
import { featuresOf } from './features.ts';
import { randomStream } from './random.ts';
import { createReplaySensor, type ReplaySpec } from './replay.ts';
import { encodeWav, readWav, type Recording } from '../frame/mod.ts';

const RECORDINGS = fileURLToPath(new URL('../../shared/data/vibration/', import.meta.url));

function specOf(recording: Recording, more: Partial<ReplaySpec> = {}): ReplaySpec {
  return {
    sensorId: '0200000000000001',
    name: 'replay',
    seed: 1,
    recording,
    fullScaleG: 8,
    captureSamples: 8192,
    startMs: 1_000_000,
    intervalMs: 60_000,
    ...more,
  };
}

function recordingOf(axes: number, samples: number): { axes: Int16Array[]; sampleRateHz: number } {
  const random = randomStream(2, 'replay', axes);
  const signal = (): Int16Array => Int16Array.from({ length: samples }, () => Math.round(3000 * random.gaussian()));
  return { axes: Array.from({ length: axes }, signal), sampleRateHz: 12_000 };
}

/** Everything that a replay has to say. */
function replayed(spec: ReplaySpec): SensorMessage[] {
  const sensor = createReplaySensor(spec);
  const all: SensorMessage[] = [];
  let state = sensor.initialState;
  while (state.sequence < sensor.measurementCount) {
    const result = sensor.measure(state);
    all.push(...result.messages);
    state = result.state;
  }
  return all;
}

/** The axes of the whole recording, put together from its parts. */
function joined(messages: readonly SensorMessage[]): Int16Array[] {
  const parts = messages.filter((message): message is Waveform => message.kind === 'waveform');
  const first = parts[0]!;
  const axes = first.axes.map(() => new Int16Array(first.totalSamples));
  for (const part of parts) part.axes.forEach((axis, i) => axes[i]!.set(axis, part.firstSample));
  return axes;
}

describe('a replay', () => {
  it.each([1, 2, 3])('of %i axes sends the recording bit for bit, in windows, the last one shorter', (axes) => {
    const recording = recordingOf(axes, 20_000);
    const messages = replayed(specOf(recording));
    expect(joined(messages)).toEqual(recording.axes);
    const parts = messages.filter((message): message is Waveform => message.kind === 'waveform');
    expect(parts.map((part) => [part.captureId, part.firstSample, part.totalSamples, part.axes[0]!.length])).toEqual([
      [0, 0, 20_000, 8192],
      [0, 8192, 20_000, 8192],
      [0, 16_384, 20_000, 3616],
    ]);
  });

  it('measures each window with the features of that window, due one interval after another', () => {
    const recording = recordingOf(2, 5000);
    const measurements = replayed(specOf(recording, { captureSamples: 2000 })).filter(
      (message): message is Measurement => message.kind === 'measurement',
    );
    expect(measurements.map((measurement) => measurement.timeMs)).toEqual([1_000_000, 1_060_000, 1_120_000]);
    measurements.forEach((measurement, i) => {
      const window = recording.axes.map((axis) => axis.subarray(2000 * i, 2000 * (i + 1)));
      expect(measurement).toMatchObject(featuresOf(window, 12_000, 8));
      expect(measurement.temperatureC).toBeNaN();
    });
  });

  it('has nothing more to measure after its end', () => {
    const sensor = createReplaySensor(specOf(recordingOf(1, 8193)));
    expect(sensor.measurementCount).toBe(2);
    expect(() => sensor.measure({ ...sensor.initialState, sequence: 2 })).toThrow(
      expect.objectContaining({ code: 'SENSOR_EXHAUSTED' }) as Error,
    );
  });

  it('takes the full scale as the nearest 32-bit float', () => {
    const parts = replayed(specOf(recordingOf(1, 10), { fullScaleG: 8.1 }));
    expect(parts.find((part) => part.kind === 'waveform')).toMatchObject({ fullScaleG: Math.fround(8.1) });
  });

  it('refuses what it cannot replay', () => {
    const bad: ReplaySpec[] = [
      specOf({ axes: [], sampleRateHz: 1000 }),
      specOf(recordingOf(1, 0)),
      specOf(recordingOf(4, 10)),
      specOf({ axes: [new Int16Array(2), new Int16Array(3)], sampleRateHz: 1000 }),
      specOf({ axes: [new Int32Array(10)], sampleRateHz: 1000 }),
      specOf(recordingOf(1, 10), { captureSamples: 0 }),
      specOf(recordingOf(1, 10), { captureSamples: 65_537 }),
      specOf(recordingOf(1, 10), { fullScaleG: 0 }),
      specOf(recordingOf(1, 10), { fullScaleG: NaN }),
      specOf(recordingOf(1, 10), { fullScaleG: 1e300 }),
    ];
    for (const spec of bad) {
      expect(() => createReplaySensor(spec)).toThrow(expect.objectContaining({ code: 'SENSOR_VALUE' }) as Error);
    }
  });
});

describe.skipIf(!existsSync(`${RECORDINGS}meta.json`))('a replay of a recorded bearing', () => {
  const names = ['Normal_0.wav', 'IR007_0.wav', 'B007_0.wav', 'OR007_6_0.wav'];

  it.each(names)('%s is bit-exact as a file and has the published RMS', (name) => {
    const meta = (
      JSON.parse(readFileSync(`${RECORDINGS}meta.json`, 'utf8')) as Record<
        string,
        { rms_g: number; full_scale_g: number }
      >
    )[name]!;
    const file = readFileSync(RECORDINGS + name);
    const recording = readWav(file);
    const fullScaleG = meta.full_scale_g;
    const axes = joined(replayed(specOf(recording, { fullScaleG })));
    expect(Buffer.compare(encodeWav(axes, recording.sampleRateHz), file)).toBe(0);
    const { accelerationRmsG } = featuresOf(axes, recording.sampleRateHz, fullScaleG);
    expect(Math.abs(accelerationRmsG.x / meta.rms_g - 1)).toBeLessThan(0.01);
  });
});
