import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeWav, type BandFeatures, type Measurement, type Waveform } from '../../frame/mod.ts';
import { NOW_MS } from '../broker.fixture.ts';
import { CSV_HEADER, toCsv, toNdjson, WavExport } from './export.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thrum-export-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const band: BandFeatures = { rms: { x: 1, y: NaN, z: 3 }, totalRms: 3.2, totalAbsMax: 5, totalAbsMin: 0, totalCrestFactor: 1.5625 };
const measurement: Measurement = {
  kind: 'measurement', sensorId: '00124b00000000aa', bootEpoch: 2, sequence: 3, timeMs: NOW_MS,
  accelerationRmsG: { x: 0.1, y: NaN, z: 0.3 }, accelerationG: band, velocityMmPerS: band, temperatureC: NaN, batteryPercent: 80, rssiDbm: -60,
};

describe('CSV', () => {
  it('has a value or nothing for every column, and nothing that a spreadsheet would run', () => {
    const cells = toCsv(measurement).split(',');
    const names = CSV_HEADER.split(',');
    expect(cells).toHaveLength(names.length);
    expect(cells[names.indexOf('temperatureC')]).toBe('');
    expect(cells[names.indexOf('velocity10To1000HzRmsYMmPerS')]).toBe('');
    expect(cells[names.indexOf('velocity10To1000HzTotalRmsMmPerS')]).toBe('3.2');
    expect(cells[0]).toBe(new Date(NOW_MS).toISOString());
    expect(new Set(names).size).toBe(names.length);
    for (const cell of cells) expect(cell).not.toMatch(/^[=+@]|["\r\n]/);
  });
});

describe('NDJSON', () => {
  it('is one line of JSON with the gateway, the time of arrival and null for what is unknown', () => {
    const line = toNdjson(measurement, '00124b0000000001', NOW_MS + 5);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({
      gatewayId: '00124b0000000001', receivedTime: new Date(NOW_MS + 5).toISOString(), sensorId: '00124b00000000aa', temperatureC: null,
    });
  });
});

describe('WAV', () => {
  const axes = [Int16Array.from({ length: 100 }, (_, n) => n), Int16Array.from({ length: 100 }, (_, n) => -3 * n)];

  function part(firstSample: number, end: number, more: Partial<Waveform> = {}): Waveform {
    return {
      kind: 'waveform', sensorId: '00124b00000000aa', bootEpoch: 1, sequence: 7, timeMs: NOW_MS, captureId: 7, firstSample,
      totalSamples: 100, sampleRateHz: 26_667, fullScaleG: 16, axes: axes.map((axis) => axis.slice(firstSample, end)), ...more,
    };
  }

  async function exported(...parts: Waveform[]): ReturnType<WavExport['finish']> {
    const out = new WavExport(directory);
    for (const one of parts) await out.add(one);
    return out.finish();
  }

  it('is put together from its parts in any order, some of them twice', async () => {
    const all = [part(0, 30), part(30, 31), part(31, 70), part(70, 100)];
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...all, ...all], { minLength: 8 }), async (parts) => {
        const { files, incomplete } = await exported(...parts);
        expect(incomplete).toEqual([]);
        expect(files).toEqual([join(directory, '00124b00000000aa-1-7.wav')]);
        expect(await readFile(files[0]!)).toEqual(Buffer.from(encodeWav(axes, 26_667)));
      }),
      { numRuns: 15 },
    );
  });

  it('is not written when a part is missing, and what is there is told', async () => {
    expect(await exported(part(0, 30), part(70, 100), part(0, 30))).toEqual({
      files: [], incomplete: [{ capture: '00124b00000000aa-1-7', samples: 60, totalSamples: 100 }],
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it('is not taken for whole when its parts overlap and leave a hole', async () => {
    const { files, incomplete } = await exported(part(0, 50), part(25, 75));
    expect(files).toEqual([]);
    expect(incomplete).toEqual([expect.objectContaining({ samples: 75 })]);
  });

  it('of a capture that claims to be longer than a WAV file can be is incomplete, and does not stop the others', async () => {
    const { files, incomplete } = await exported(part(0, 50, { totalSamples: 2 ** 32 - 1 }), part(0, 100, { captureId: 8 }));
    expect(files).toHaveLength(1);
    expect(incomplete).toEqual([expect.objectContaining({ totalSamples: 2 ** 32 - 1 })]);
    expect(await readdir(directory)).toHaveLength(1);
  });

  it.each([
    ['the number of samples', part(50, 100, { totalSamples: 200 })],
    ['the sample rate', part(50, 100, { sampleRateHz: 1000 })],
    ['the number of axes', part(50, 100, { axes: [axes[0]!.slice(50)] })],
    ['the length of a part', part(0, 20)],
  ])('of parts that disagree on %s is incomplete, and does not stop the others', async (_what, liar) => {
    const other = part(0, 100, { captureId: 8 });
    const { files, incomplete } = await exported(part(0, 50), liar, part(50, 100), other);
    expect(files).toEqual([join(directory, '00124b00000000aa-1-8.wav')]);
    expect(incomplete).toHaveLength(1);
    expect(await readdir(directory)).toEqual(['00124b00000000aa-1-8.wav']);
  });
});
