/**
 * FLAC as a whole process, from file to file, where `flac` is installed: the bytes of each file of a capture on its own
 * (without the padding and seek table that flac adds for editors and players, and once as it comes), the speed on one
 * file of at least 60 MB that repeats them. Samples go in and come out raw, for flac refuses three channels in a plain WAV
 * file. Files are in a temporary folder that `close` removes.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interleave, type Recording } from '../../frame/mod.ts';
import type { Capture } from './captures.ts';
import type { Job } from './turns.ts';

const LONG_FILE_BYTES = 60_000_000;
const BARE = ['--no-padding', '--no-seektable'];
const RAW = ['--force-raw-format', '--endian=little', '--sign=signed'];

export interface FlacRow {
  readonly name: string;
  readonly bytes: number;
  readonly encode?: Job;
  readonly decode?: Job;
}

export interface Flac {
  readonly rows: readonly FlacRow[];
  /** Once all jobs have run: throws unless flac gave the samples back exactly. */
  verify(): void;
  close(): void;
}

/** Undefined when there is no `flac`. Throws when it fails. */
export function openFlac({ files, bits }: Capture): Flac | undefined {
  const { error } = spawnSync('flac', ['--version']);
  if (error !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'thrum-flac-'));
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const long = repeated(files, bits);
    const samples = interleave(long.axes);
    const raw = join(folder, 'long.raw');
    writeFileSync(raw, samples);
    const format = formatOf(long, bits);
    const measured = ['-5', '-8'].map((level) => ({
      name: `flac ${level}`,
      bytes: bytesOfFiles(files, bits, folder, [level, ...BARE]),
      ...jobs(raw, join(folder, `long${level}`), [...format, level], samples.length),
    }));
    const padded = { name: 'flac -5, padded as it comes', bytes: bytesOfFiles(files, bits, folder, ['-5']) };
    const verify = (): void => {
      for (const level of ['-5', '-8']) if (!readFileSync(join(folder, `long${level}.raw`)).equals(samples)) throw new Error(`flac ${level}: the samples did not come back as they were`);
    };
    return { rows: [...measured, padded], verify, close };
  } catch (failure) {
    close();
    throw failure;
  }
}

function formatOf({ axes, sampleRateHz }: Recording, bits: number): string[] {
  return [...RAW, `--channels=${axes.length}`, `--bps=${bits}`, `--sample-rate=${sampleRateHz}`];
}

/** Encodes to `path`.flac, decodes that to `path`.raw. */
function jobs(raw: string, path: string, options: readonly string[], rawBytes: number): { encode: Job; decode: Job } {
  const encode = (): void => flac([...options, ...BARE, '-o', `${path}.flac`, raw]);
  const decode = (): void => flac(['-d', ...RAW, '-o', `${path}.raw`, `${path}.flac`]);
  const job = (once: () => void): Job => ({
    unitsPerPass: rawBytes,
    run: (passes) => {
      for (let pass = 0; pass < passes; pass++) once();
    },
  });
  return { encode: job(encode), decode: job(decode) };
}

function bytesOfFiles(files: readonly Recording[], bits: number, folder: string, options: readonly string[]): number {
  const [raw, coded] = [join(folder, 'one.raw'), join(folder, 'one.flac')];
  return files.reduce((sum, file) => {
    writeFileSync(raw, interleave(file.axes));
    flac([...formatOf(file, bits), ...options, '-o', coded, raw]);
    return sum + statSync(coded).size;
  }, 0);
}

function flac(options: readonly string[]): void {
  const { status, stderr } = spawnSync('flac', ['--silent', '--force', ...options], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`flac failed: ${stderr}`);
}

/** All files one after the other, again and again; they have the same number of axes. */
function repeated(files: readonly Recording[], bits: 16 | 24): Recording {
  const { axes: first, sampleRateHz } = files[0]!;
  const samples = files.reduce((sum, { axes }) => sum + axes[0]!.length, 0);
  const times = Math.ceil(LONG_FILE_BYTES / ((samples * first.length * bits) / 8));
  const axes = first.map((_, axis) => {
    const long = bits === 16 ? new Int16Array(samples * times) : new Int32Array(samples * times);
    let at = 0;
    for (let time = 0; time < times; time++) {
      for (const file of files) {
        long.set(file.axes[axis]!, at);
        at += file.axes[axis]!.length;
      }
    }
    return long;
  });
  return { axes, sampleRateHz };
}
