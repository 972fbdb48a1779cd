import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MIXED, info, reportOf, result } from '../certs/handshake/report/report.fixture.ts';
import { reportToJson, selectCases, verdictOf, type HandshakeReport } from '../certs/handshake/mod.ts';
import { explain } from './errors.ts';
import { addReportOptions, deliver, prepareOutputs, printCatalogue, type ReportOptions } from './handshake-report.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'thrum-report-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

function options(...args: string[]): ReportOptions {
  return addReportOptions(new Command('broker').exitOverride().configureOutput({ writeErr: () => undefined })).parse(args, { from: 'user' }).opts<ReportOptions>();
}

/** What a run with these arguments prints and exits with. */
async function run(report: HandshakeReport, ...args: string[]): Promise<{ exitCode: number; stdout: string }> {
  let stdout = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += String(text)), true));
  try {
    const given = options('--quiet', ...args);
    return { exitCode: await deliver(report, given, await prepareOutputs(given, 'broker')), stdout };
  } finally {
    spy.mockRestore();
  }
}

/** The message and the exit code of what is refused before a run. */
async function refused(...args: string[]): Promise<ReturnType<typeof explain>> {
  try {
    await prepareOutputs(options(...args), 'broker');
  } catch (error) {
    return explain(error);
  }
  throw new Error('it was not refused');
}

async function saved(report: HandshakeReport): Promise<string> {
  const path = join(folder, 'earlier.json');
  await writeFile(path, reportToJson(report, verdictOf(report, 'medium')));
  return path;
}

const at = (name: string): string => join(folder, name);

describe('the options of a handshake report', () => {
  it('fail from medium on, and choose all cases, unless told otherwise', () => {
    expect(options()).toMatchObject({ failOn: 'medium', case: [] });
    expect(options('--fail-on', 'critical', '--case', 'protocol.*', '--case', 'ciphers.null')).toMatchObject({ failOn: 'critical', case: ['protocol.*', 'ciphers.null'] });
  });

  it('take a severity that there is, and leave no arguments to --case', () => {
    expect(() => options('--fail-on', 'grave')).toThrow(/Allowed choices are info, low, medium, high, critical/);
    const command = addReportOptions(new Command('broker').argument('<address>'));
    expect(command.parse(['--case', 'a', 'localhost:8883'], { from: 'user' }).args).toEqual(['localhost:8883']);
  });
});

describe('a delivered report', () => {
  it('is a table, and the exit code is the verdict', async () => {
    const { exitCode, stdout } = await run(MIXED);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^Handshakes of broker broker\.example:8883.*\n[^]*\nFailed: 1 case at or above severity medium failed\.\n$/);
    expect((await run(MIXED, '--fail-on', 'critical')).exitCode).toBe(0);
    expect((await run(reportOf([]))).exitCode).toBe(1);
  });

  it('is JSON on stdout, with what it came to, and can be the next baseline', async () => {
    const { stdout } = await run(MIXED, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ format: 'thrum handshake report', judgement: { verdict: 'failed', exitCode: 1 }, summary: { cases: 6 } });
    await writeFile(at('next.json'), stdout);
    const again = await run(MIXED, '--json', '--baseline', at('next.json'));
    expect(JSON.parse(again.stdout)).toMatchObject({ comparison: { regressions: [], gone: [], added: [] } });
  });

  it('is written in each format asked for, whole, readable by others, and with nothing left beside it', async () => {
    await writeFile(at('report.html'), 'an older one');
    await run(MIXED, '--junit', at('report.xml'), '--sarif', at('report.sarif'), '--html', at('report.html'));
    expect((await readdir(folder)).sort()).toEqual(['report.html', 'report.sarif', 'report.xml']);
    expect(await readFile(at('report.xml'), 'utf8')).toMatch(/^<\?xml/);
    expect(await readFile(at('report.html'), 'utf8')).toMatch(/^<!doctype html>[^]*<\/html>\n$/);
    expect(JSON.parse(await readFile(at('report.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' });
    await writeFile(at('usual'), '', { mode: 0o644 });
    expect((await stat(at('report.xml'))).mode).toBe((await stat(at('usual'))).mode);
  });

  it('follows a symbolic link and writes to what is no file, without replacing either', async () => {
    await writeFile(at('real.xml'), '');
    await symlink(at('real.xml'), at('link.xml'));
    await run(MIXED, '--junit', at('link.xml'), '--html', '/dev/null');
    expect(await readFile(at('real.xml'), 'utf8')).toMatch(/^<\?xml/);
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  it('fails for a regression below the severity, and names it', async () => {
    const before = reportOf([result(info('protocol.a', 'protocol', 'info'), { outcome: 'pass', reason: 'so' }), result(info('protocol.b', 'protocol', 'info'), { outcome: 'pass', reason: 'so' })]);
    const now = reportOf([result(info('protocol.a', 'protocol', 'info'), { outcome: 'fail', reason: 'it changed' }), before.results[1]!]);
    expect((await run(now)).exitCode).toBe(0);
    const { exitCode, stdout } = await run(now, '--baseline', await saved(before));
    expect(exitCode).toBe(1);
    expect(stdout).toContain('worse    protocol.a  pass → fail: it changed');
  });

  it('does not miss cases of the baseline that were not chosen', async () => {
    const chosen = { ...MIXED, results: selectCases(MIXED.results, ['protocol.*']) };
    const { stdout } = await run(chosen, '--json', '--case', 'protocol.*', '--baseline', await saved(MIXED));
    expect(JSON.parse(stdout)).toMatchObject({ comparison: { gone: [] } });
  });
});

describe('before a run', () => {
  it('a path that cannot be written is refused, and nothing is left there', async () => {
    await mkdir(at('reports'));
    expect(await refused('--html', at('none/r.html'))).toEqual({ exitCode: 2, message: `--html ${at('none/r.html')}: there is no folder ${at('none')}: make it first` });
    expect(await refused('--junit', at('reports'))).toMatchObject({ exitCode: 2, message: expect.stringMatching(/a folder stands there/) as string });
    expect(await refused('--junit', at('r'), '--sarif', `${folder}/reports/../r`)).toMatchObject({ exitCode: 2, message: expect.stringMatching(/name the same file/) as string });
    expect(await readdir(folder)).toEqual(['reports']);
  });

  it('a baseline that is missing, damaged, no file or of another subject is refused', async () => {
    expect(await refused('--baseline', at('none.json'))).toEqual({ exitCode: 2, message: `no such file or folder (${at('none.json')})` });
    await writeFile(at('damaged.json'), '{"format": "thrum handshake report"');
    expect(await refused('--baseline', at('damaged.json'))).toMatchObject({ exitCode: 2, message: expect.stringMatching(/^--baseline .*damaged\.json is not JSON/) as string });
    expect(await refused('--baseline', '/dev/zero')).toMatchObject({ exitCode: 2 });
    expect(await refused('--baseline', await saved({ ...MIXED, subject: 'client' }))).toMatchObject({ exitCode: 2, message: expect.stringMatching(/is the report of a client, and a broker is tested/) as string });
  });
});

describe('the catalogue', () => {
  it('is printed as a table or as JSON', () => {
    const cases = MIXED.results.map((one) => one.info);
    let stdout = '';
    const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += String(text)), true));
    try {
      printCatalogue(cases, options('--list'));
      expect(stdout).toMatch(/^Protocol {2}3 cases\n/);
      stdout = '';
      printCatalogue(cases, options('--list', '--json'));
      expect(JSON.parse(stdout)).toEqual(cases);
    } finally {
      spy.mockRestore();
    }
  });
});
