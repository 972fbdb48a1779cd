import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readReport, reportToJson, type LoadComparison, type LoadReport } from '../gateway/load/report/mod.ts';
import { reportOf } from '../gateway/load/report/report.fixture.ts';
import { explain } from './errors.ts';
import { addLoadCompare } from './load-compare.ts';
import { addLoadMerge } from './load-merge.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'thrum-load-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

async function saved(name: string, report: LoadReport): Promise<string> {
  await writeFile(at(name), reportToJson(report));
  return at(name);
}

/** What `thrum load …` prints and exits with. */
async function run(...args: string[]): Promise<{ readonly exitCode: number; readonly stdout: string; readonly message: string }> {
  const load = new Command('load').exitOverride().configureOutput({ writeErr: () => undefined });
  addLoadMerge(load);
  addLoadCompare(load);
  let stdout = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += String(text)), true));
  try {
    await load.parseAsync([...args, '--quiet'], { from: 'user' });
    return { exitCode: Number(process.exitCode ?? 0), stdout, message: '' };
  } catch (error) {
    return { ...explain(error), stdout };
  } finally {
    process.exitCode = undefined;
    spy.mockRestore();
  }
}

const shard = (index: number, wish: Parameters<typeof reportOf>[0] = {}): LoadReport => reportOf({ seed: index, seconds: 3, shard: { index, of: 2, host: `host-${index}` }, ...wish });

describe('thrum load merge', () => {
  it('adds shards up, and writes the whole in every form', async () => {
    const files = [await saved('1.json', shard(1)), await saved('2.json', shard(2))];
    const { exitCode, stdout } = await run('merge', ...files, '--out', at('all.json'), '--html', at('all.html'), '--csv', at('all.csv'), '--junit', at('all.xml'), '--assert', 'connected==400');
    expect([exitCode, stdout.trim().split('\n').at(-1)]).toEqual([0, 'Passed: the assertion is met.']);
    expect(readReport(await readFile(at('all.json'), 'utf8'), 'all').total.counters.connected).toBe(400);
    expect([(await readFile(at('all.html'), 'utf8')).slice(0, 15), (await readFile(at('all.csv'), 'utf8')).slice(0, 5), (await readFile(at('all.xml'), 'utf8')).slice(0, 5)]).toEqual(['<!doctype html>', 'at_s,', '<?xml']);
  });

  it('prints a report that can be merged again, and exits with 1 when an assertion fails', async () => {
    const { exitCode, stdout } = await run('merge', await saved('1.json', reportOf({ seconds: 3 })), '--json', '--assert', 'p99<1us');
    expect(exitCode).toBe(1);
    expect(readReport(stdout, 'stdout').assertions).toMatchObject([{ text: 'p99<1us', outcome: 'failed' }]);
  });

  it('refuses what it cannot merge in one line, before anything is written', async () => {
    const one = await saved('1.json', shard(1));
    await writeFile(at('other.json'), '{}');
    expect(await run('merge', one, '--out', at('all.json'))).toMatchObject({ exitCode: 2, message: 'these reports cannot be merged: shard 2/2 missing: give the files of all shards' });
    expect(await run('merge', at('other.json'))).toMatchObject({ exitCode: 2, message: `${at('other.json')} is JSON, and no report of a load test: give a file made with 'thrum load … --out'` });
    expect(await run('merge', folder)).toMatchObject({ exitCode: 2, message: expect.stringContaining('is no file') as string });
    expect(await run('merge', at('absent.json'))).toMatchObject({ exitCode: 2, message: expect.stringContaining('no such file') as string });
    expect(await run('merge', one, '--assert', 'fast')).toMatchObject({ exitCode: 2, message: expect.stringContaining("assertion 'fast' is no condition") as string });
    expect(await run('merge', one, '--out', at('same'), '--html', at('same'))).toMatchObject({ exitCode: 2, message: `--out and --html name the same file ${at('same')}: give each its own` });
    expect(await readdir(folder)).toEqual(['1.json', 'other.json']);
  });
});

describe('thrum load compare', () => {
  it('says what changed, and fails on worse only when asked to', async () => {
    const files = [await saved('a.json', reportOf({ seconds: 16 })), await saved('b.json', reportOf({ seconds: 16, medianMs: 6 }))];
    const plain = await run('compare', ...files);
    expect([plain.exitCode, plain.stdout.trim().split('\n').at(-1)]).toEqual([0, expect.stringContaining(' worse, 0 better,')]);
    const json = await run('compare', ...files, '--fail-on-worse', '--json');
    expect(json.exitCode).toBe(1);
    expect((JSON.parse(json.stdout) as LoadComparison).figures.find(({ figure }) => figure === 'publish p99')?.change).toBe('worse');
    expect((await run('compare', files[1]!, files[0]!, '--fail-on-worse')).exitCode).toBe(0);
  });

  it('does not pass what it cannot judge', async () => {
    const files = [await saved('a.json', reportOf({ seconds: 16 })), await saved('b.json', reportOf({ seconds: 16, limit: ['It was late.'] }))];
    const { exitCode, stdout } = await run('compare', ...files, '--fail-on-worse');
    expect([exitCode, stdout]).toEqual([1, expect.stringContaining('In the second run the generator was the limit: It was late.')]);
  });
});
