import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeWav } from '../frame/mod.ts';
import { thrum, withFolder } from './cli.ts';

const SMALL = ['--sites', '1', '--gateways', '2', '--sensors', '6', '--machines', '3', '--capture-samples', '1024'];
const RECORDINGS = new URL('../../shared/data/vibration/', import.meta.url).pathname;

describe('thrum run', () => {
  it('ends with every measurement stored exactly once, and a second run adds to the first', { timeout: 60_000 }, async () => {
    await withFolder(async (folder) => {
      const home = join(folder, 'home');
      const first = await thrum(['run', '--home', home, '--duration', '2s', '--json', ...SMALL]);
      expect(first).toMatchObject({ exitCode: 0 });
      const one = JSON.parse(first.stdout) as Record<string, number>;
      expect(one).toMatchObject({ allStoredExactlyOnce: true, missing: 0, duplicated: 0, altered: 0, earlier: 0 });
      expect(one['measurements']).toBeGreaterThan(6);
      const before = await readdir(join(home, 'store', String(one['projectId'])));

      const second = await thrum(['run', '--home', home, '--duration', '2s', '--json', ...SMALL]);
      expect(second).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(second.stdout)).toMatchObject({ allStoredExactlyOnce: true, projectId: one['projectId'], earlier: one['produced'] });
      expect(await readdir(join(home, 'store', String(one['projectId'])))).toEqual(expect.arrayContaining(before));

      const lines = (await thrum(['store', 'read', '--home', home, '--json', '--kind', 'measurement'])).stdout.trim().split('\n');
      const names = lines.map((line) => {
        const { sensorId, bootEpoch, sequence } = JSON.parse(line) as Record<string, unknown>;
        return `${String(sensorId)} ${String(bootEpoch)} ${String(sequence)}`;
      });
      expect(new Set(names).size).toBe(names.length);
    });
  });

  it('ends in one line that says whether all is stored exactly once', { timeout: 30_000 }, async () => {
    await withFolder(async (folder) => {
      const { exitCode, stdout, stderr } = await thrum(['run', '--home', join(folder, 'home'), '--duration', '1s', ...SMALL]);
      expect(exitCode).toBe(0);
      expect(stdout.trim().split('\n').at(-1)).toMatch(/^All \d+ messages are stored exactly once\.$/);
      expect(stderr).toMatch(/2\/2 gateways/);
    });
  });

  it('keeps private keys and stored data from other users', { timeout: 30_000 }, async () => {
    await withFolder(async (folder) => {
      const home = join(folder, 'home');
      await thrum(['run', '--home', home, '--duration', '1s', '--quiet', ...SMALL]);
      const entries = await readdir(home, { recursive: true, withFileTypes: true });
      expect(entries.length).toBeGreaterThan(20);
      for (const entry of entries) {
        const { mode } = await stat(join(entry.parentPath, entry.name));
        expect(mode & 0o077, join(entry.parentPath, entry.name)).toBe(0);
      }
    });
  });
});

describe('thrum run --replay', () => {
  const replay = async (folder: string, file: string, wav: Uint8Array, samples: string): Promise<void> => {
    const home = join(folder, 'home');
    const args = ['run', '--home', home, '--replay', file, '--full-scale-g', '8', '--speed', 'max', '--simulate', '40h', '--json', ...SMALL, '--capture-samples', samples];
    expect(await thrum(args)).toMatchObject({ exitCode: 0 });
    const out = join(folder, 'out');
    expect(await thrum(['store', 'export', '--home', home, '--format', 'wav', '--out', out])).toMatchObject({ exitCode: 0 });
    const exported = await Promise.all((await readdir(out)).map((name) => readFile(join(out, name))));
    expect(exported.filter((bytes) => bytes.equals(wav))).toHaveLength(1);
  };

  it.each([1, 2, 3])('gives a recording of %i channels back bit for bit', { timeout: 60_000 }, async (channels) => {
    await withFolder(async (folder) => {
      let state = channels;
      const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 16;
      const wav = encodeWav(Array.from({ length: channels }, () => Int16Array.from({ length: 10_007 }, next)), 25_600);
      await writeFile(join(folder, 'noise.wav'), wav);
      await replay(folder, join(folder, 'noise.wav'), wav, '1024');
    });
  });

  it('gives a recording back bit for bit from a home whose sensor measured a machine before', { timeout: 60_000 }, async () => {
    await withFolder(async (folder) => {
      const wav = encodeWav([Int16Array.from({ length: 5000 }, (_, i) => ((i * 7919) % 65_536) - 32_768)], 25_600);
      await writeFile(join(folder, 'saw.wav'), wav);
      expect(await thrum(['run', '--home', join(folder, 'home'), '--duration', '1s', '--quiet', ...SMALL])).toMatchObject({ exitCode: 0 });
      await replay(folder, join(folder, 'saw.wav'), wav, '1024');
    });
  });

  it.each([['5h', 6, 'only 6 of 10 windows were played'], ['40h', 10, 'all 10 windows']])('says how much of the recording was played in %s', { timeout: 30_000 }, async (simulate, played, words) => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'saw.wav'), encodeWav([Int16Array.from({ length: 10_000 }, (_, i) => i)], 25_600));
      const args = ['run', '--replay', join(folder, 'saw.wav'), '--full-scale-g', '8', '--speed', 'max', '--simulate', simulate, '--quiet', ...SMALL];
      const { exitCode, stdout } = await thrum([...args, '--home', join(folder, 'one')]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(new RegExp(`^replayed .*: ${words}$`, 'm')) as string });
      expect(JSON.parse((await thrum([...args, '--json', '--home', join(folder, 'two')])).stdout)).toMatchObject({ replay: { windows: 10, playedWindows: played } });
    });
  });

  const names = existsSync(RECORDINGS) ? ['Normal_0.wav', 'IR007_0.wav', 'B007_0.wav', 'OR007_6_0.wav'] : [];
  it.skipIf(names.length === 0)('gives four recorded bearings back bit for bit (needs ../shared/data/vibration)', { timeout: 120_000 }, async () => {
    for (const name of names) {
      await withFolder(async (folder) => replay(folder, join(RECORDINGS, name), await readFile(join(RECORDINGS, name)), '8192'));
    }
  });
});
