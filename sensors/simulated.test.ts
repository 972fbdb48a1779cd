import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Measurement, SensorMessage, Waveform, Zone } from '../frame/messages.ts';
import type { Sensor } from './firmware.ts';
import { zoneOf } from './iso20816.ts';
import { planFleet, type FleetSettings } from './plan.ts';
import { createSensor, type SensorSpec } from './simulated.ts';

const SETTINGS: FleetSettings = {
  seed: 2026,
  sites: 2,
  gateways: 3,
  sensors: 60,
  machines: 20,
  faultShare: 0.3,
  intervalMs: 600_000,
  waveformEvery: 4,
  startMs: Date.UTC(2026, 0, 1),
  captureSamples: 8192,
};

function specsOf(settings: Partial<FleetSettings> = {}): SensorSpec[] {
  return planFleet({ ...SETTINGS, ...settings }).gateways.flatMap((gateway) => gateway.sensors);
}

function measurementOf(sensor: Sensor, sequence: number): Measurement {
  const [measurement] = sensor.measure({ ...sensor.initialState, sequence }).messages;
  if (measurement?.kind !== 'measurement') throw new Error('the first message is no measurement');
  return measurement;
}

/** A digest of messages with their samples, every number to its last bit. */
function digestOf(messages: readonly SensorMessage[]): string {
  const hash = createHash('sha256');
  for (const message of messages) {
    hash.update(JSON.stringify(message, (key, value: unknown) => (key === 'axes' ? undefined : value)));
    if (message.kind !== 'waveform') continue;
    for (const axis of message.axes) for (const code of axis) hash.update(`${code},`);
  }
  return hash.digest('hex');
}

describe('a simulated sensor', () => {
  it('says the same, to the last bit, on every machine and Node', () => {
    const messages = specsOf()
      .filter((_, index) => index % 7 === 0)
      .map(createSensor)
      .flatMap((sensor) =>
        [0, 1, 52_560].flatMap((sequence) => sensor.measure({ ...sensor.initialState, sequence }).messages),
      );
    expect(digestOf(messages)).toMatchInlineSnapshot(
      `"81066a2e586a64990b8e6b1094f1bbc1ba25860742d85458bc964665b70503d9"`,
    );
  });

  it('measures purely: any number again and in any order, with its spec copied', () => {
    const spec = specsOf()[4]!;
    const one = createSensor(spec);
    const other = createSensor(structuredClone(spec));
    const forwards = [0, 1, 2, 3].map((sequence) => one.measure({ ...one.initialState, sequence }));
    const backwards = [3, 2, 1, 0].map((sequence) => other.measure({ ...other.initialState, sequence }));
    expect(backwards.reverse()).toEqual(forwards);
  });

  it('lets only the zone hang on what went before, and only as an event', () => {
    const sensor = createSensor(specsOf()[0]!);
    const results = (['A', 'B', 'C', 'D'] as Zone[]).map((zone) => sensor.measure({ bootEpoch: 0, sequence: 8, zone }));
    const without = results.map(({ messages }) => messages.filter((message) => message.kind !== 'event'));
    for (const messages of without) expect(messages).toEqual(without[0]);
    const events = results.flatMap(({ messages }) => messages.filter((message) => message.kind === 'event'));
    expect(events.length).toBeGreaterThanOrEqual(3);
    for (const event of events) expect(event.from).not.toBe(event.to);
  });

  it('carries epoch and number on, and puts them in every message', () => {
    const sensor = createSensor(specsOf()[0]!);
    const { messages, state } = sensor.measure({ bootEpoch: 7, sequence: 12, zone: 'D' });
    expect(state).toMatchObject({ bootEpoch: 7, sequence: 13 });
    expect(messages.map((message) => message.kind)).toEqual(['measurement', 'event', 'waveform']);
    for (const message of messages) {
      expect(message).toMatchObject({
        sensorId: sensor.sensorId,
        bootEpoch: 7,
        sequence: 12,
        timeMs: sensor.dueTimeMs(12),
      });
    }
  });

  it('sends the waveform with every n-th measurement, or never', () => {
    const kinds = (waveformEvery: number): boolean[] => {
      const sensor = createSensor({ ...specsOf()[0]!, waveformEvery, captureSamples: 256 });
      return [0, 1, 2, 3, 4].map((sequence) =>
        sensor.measure({ ...sensor.initialState, sequence }).messages.some((message) => message.kind === 'waveform'),
      );
    };
    expect(kinds(2)).toEqual([true, false, true, false, true]);
    expect(kinds(0)).toEqual([false, false, false, false, false]);
    expect(kinds(1)).toEqual([true, true, true, true, true]);
  });

  it('sends the samples that its features come from', () => {
    const sensor = createSensor({ ...specsOf()[0]!, captureSamples: 1000 });
    const { messages } = sensor.measure({ ...sensor.initialState, sequence: 4 });
    const waveform = messages.find((message): message is Waveform => message.kind === 'waveform')!;
    expect(waveform).toMatchObject({
      captureId: 4,
      firstSample: 0,
      totalSamples: 1000,
      sampleRateHz: 26_667,
      fullScaleG: 16,
    });
    expect(waveform.axes.map((axis) => axis.length)).toEqual([1000, 1000, 1000]);
  });

  it('is due once per interval, at a phase of its own', () => {
    const sensors = specsOf().map(createSensor);
    const phases = sensors.map((sensor) => sensor.dueTimeMs(0) - SETTINGS.startMs);
    expect(phases.every((phase) => Number.isInteger(phase) && phase >= 0 && phase < SETTINGS.intervalMs)).toBe(true);
    expect(new Set(phases).size).toBeGreaterThan(55);
    for (const sensor of sensors) expect(sensor.dueTimeMs(5) - sensor.dueTimeMs(4)).toBe(SETTINGS.intervalMs);
  });

  it('runs its battery down over years and keeps its signal strength near its own mean', () => {
    const sensor = createSensor({ ...specsOf()[3]!, captureSamples: 16 });
    const charges = [0, 10_000, 60_000, 200_000, 5_000_000].map(
      (sequence) => measurementOf(sensor, sequence).batteryPercent,
    );
    expect(charges[0]).toBe(100);
    expect(charges.at(-1)).toBe(0);
    expect([...charges].sort((a, b) => b - a)).toEqual(charges);
    const strengths = Array.from({ length: 50 }, (_, sequence) => measurementOf(sensor, sequence).rssiDbm);
    expect(Math.max(...strengths) - Math.min(...strengths)).toBeLessThan(25);
    expect(strengths.every((dbm) => Number.isInteger(dbm) && dbm > -100 && dbm < -30)).toBe(true);
  });
});

describe('a simulated fleet', () => {
  it('has sound machines in zones A and B, and faulty ones in C and D among others', () => {
    const specs = specsOf({ sensors: 120, machines: 120, gateways: 6, faultShare: 0.5 });
    const zones = { sound: new Map<Zone, number>(), faulty: new Map<Zone, number>() };
    for (const spec of specs) {
      const group = spec.machine.fault.kind === 'none' ? zones.sound : zones.faulty;
      const zone = zoneOf(measurementOf(createSensor(spec), 3).velocityMmPerS.totalRms);
      group.set(zone, (group.get(zone) ?? 0) + 1);
    }
    const of = (group: Map<Zone, number>, ...names: Zone[]): number =>
      names.reduce((sum, name) => sum + (group.get(name) ?? 0), 0);
    expect(of(zones.sound, 'A', 'B')).toBe(60);
    expect(of(zones.faulty, 'C', 'D')).toBeGreaterThan(15);
    expect(of(zones.faulty, 'A', 'B')).toBeGreaterThan(5);
  });
});
