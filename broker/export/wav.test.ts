import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeWav, type Waveform } from '../../frame/mod.ts';
import { NOW_MS } from '../broker.fixture.ts';
import { WavExport } from './wav.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thrum-export-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

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
    expect(await exported(part(0, 30), part(70, 100), part(0, 30))).toMatchObject({
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
