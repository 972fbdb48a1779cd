/** `thrum store export` and `read` as users run them: whole files for their owner only, nothing readable in a home, places and times. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN, makeFolder, thrum } from './cli.ts';

let folder: string;
let home: string;

beforeAll(async () => {
  folder = await makeFolder();
  home = join(folder, 'home');
  expect(await thrum(['run', '--home', home, '--sites', '1', '--gateways', '1', '--sensors', '3', '--machines', '1', '--capture-samples', '256', '--speed', 'max', '--simulate', '48h', '--quiet'])).toMatchObject({ exitCode: 0 });
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

function exported(...args: readonly string[]): ReturnType<typeof thrum> {
  return thrum(['store', 'export', '--home', home, ...args]);
}

async function lines(...args: readonly string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await exported(...args);
  return stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('an export to a file', () => {
  it.each(['ndjson', 'csv', 'parquet', 'monitron-v2'])('of format %s appears whole, only for its owner, and with the digest that is told', async (format) => {
    const path = join(folder, `out.${format}`);
    await writeFile(path, 'older', { mode: 0o644 });
    const { exitCode, stdout } = await exported('--format', format, '--out', path, '--json');
    const told = JSON.parse(stdout) as { rows: number; bytes: number; sha256: string; path: string };
    const written = await readFile(path);
    expect({ exitCode, told }).toMatchObject({ exitCode: 0, told: { format, path, bytes: written.length, sha256: createHash('sha256').update(written).digest('hex') } });
    expect(told.rows).toBeGreaterThan(100);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).filter((name) => name.startsWith('.thrum-'))).toEqual([]);
  });

  it('leaves what was there when the store is damaged', async () => {
    const path = join(folder, 'kept.csv');
    await writeFile(path, 'older');
    const copy = join(folder, 'damaged');
    expect(spawnSync('cp', ['-a', home, copy]).status).toBe(0);
    const [project] = (await readdir(join(copy, 'store'))).filter((name) => name.startsWith('p-'));
    const [segment] = (await readdir(join(copy, 'store', project!))).filter((name) => name.endsWith('.seg'));
    const whole = await readFile(join(copy, 'store', project!, segment!));
    whole[whole.length >> 1]! ^= 1;
    await writeFile(join(copy, 'store', project!, segment!), whole);
    expect(await thrum(['store', 'export', '--home', copy, '--format', 'csv', '--out', path])).toMatchObject({ exitCode: 1, stdout: '' });
    expect(await readFile(path, 'utf8')).toBe('older');
    expect((await readdir(folder)).filter((name) => name.startsWith('.thrum-'))).toEqual([]);
  });

  it('is refused inside the home, by whatever way one gets there', async () => {
    await symlink(home, join(folder, 'link'));
    await mkdir(join(folder, 'beside'));
    const places = [join(home, 'store', 'm.csv'), join(home, 'm.csv'), join(folder, 'link', 'm.csv'), join(folder, 'beside', '..', 'home', 'm.csv')];
    for (const path of places) {
      expect(await exported('--format', 'csv', '--out', path)).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringMatching(/^thrum: .*inside the home.*\n$/) as string });
      expect(await exported('--format', 'wav', '--out', path)).toMatchObject({ exitCode: 2, stdout: '' });
      expect(existsSync(path)).toBe(false);
    }
    expect(await exported('--format', 'csv', '--out', `${home}.csv`)).toMatchObject({ exitCode: 0 });
  });
});

describe('an export to standard output', () => {
  it('ends quietly when nobody reads on', () => {
    for (const format of ['ndjson', 'csv', 'parquet', 'monitron-v2']) {
      const { status, stderr } = spawnSync('bash', ['-c', `${process.execPath} ${MAIN} store export --format ${format} --home '${home}' | head -c 1; exit \${PIPESTATUS[0]}`], { encoding: 'utf8' });
      expect({ format, status, stderr }).toEqual({ format, status: 0, stderr: '' });
    }
  });

  it('carries Parquet through a pipe, footer and all', async () => {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, 'store', 'export', '--home', home, '--format', 'parquet', '--limit', '5'], { maxBuffer: 2 ** 24 });
    expect(status).toBe(0);
    expect(await parquetReadObjects({ file: new Uint8Array(stdout).buffer })).toHaveLength(5);
  });
});

describe('a selection on the command line', () => {
  it('takes times, dates and durations back from now', async () => {
    const all = await lines('--kind', 'measurement');
    const times = all.map(({ timeMs }) => timeMs as number);
    const middle = [...times].sort((a, b) => a - b)[times.length >> 1]!;
    const iso = new Date(middle).toISOString();
    const after = await lines('--kind', 'measurement', '--from', iso);
    const before = await lines('--kind', 'measurement', '--to', iso);
    expect(after.length + before.length).toBe(all.length);
    expect(Math.min(...after.map(({ timeMs }) => timeMs as number))).toBe(middle);
    expect(await lines('--from', '2026-01-01', '--to', '2026-01-01T00:00:00+01:00')).toEqual([]); // refused: the first is not before the second
    expect(await lines('--kind', 'measurement', '--from', '2026-01-01', '--to', '2026-02-01T00:00:00-05:00')).toEqual(all);
    expect((await thrum(['store', 'read', '--home', home, '--json', '--kind', 'measurement', '--from', iso])).stdout.trim().split('\n')).toHaveLength(after.length);
  });

  it.each([
    [['--from', 'yesterday'], /Write a time such as/],
    [['--from', '2026-01-02T10:00'], /with Z or an offset/],
    [['--to', '2026-13-01'], /Write a time such as/],
    [['--from', '2026-01-02', '--to', '2026-01-01'], /--from is not before --to/],
    [['--site', 'Atlantis'], /no sensor is known to be at that place/],
    [['--gateway', 'x'], /16 hexadecimal digits/],
    [['--format', 'monitron-v2', '--kind', 'waveform'], /holds messages of kind measurement and event, not waveform/],
  ])('%j is refused in one line', async (args, reason) => {
    const { exitCode, stdout, stderr } = await exported(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('by gateway takes what that gateway sent', async () => {
    const all = await lines();
    const gateway = String(all[0]!['gatewayId']);
    expect(await lines('--gateway', gateway.toUpperCase())).toEqual(all);
    expect(await lines('--gateway', '00124b00000000ff')).toEqual([]);
  });
});
