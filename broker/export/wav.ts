/**
 * Waveforms as WAV files, one for each capture. Promises: a capture is put together from its parts in any order, with no
 * samples kept in memory; its file appears when it is whole, and only its owner can read it.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { bitsPerSampleOf, interleave, wavHeader, WavError, type Waveform } from '../../frame/mod.ts';

interface OpenCapture {
  readonly bits: 16 | 24;
  readonly partial: string;
  readonly path: string;
  readonly totalSamples: number;
  readonly sampleRateHz: number;
  readonly axes: number;
  /** First sample to number of samples. */
  readonly parts: Map<number, number>;
  /** Parts contradict each other, or what they claim is no WAV file: whatever the samples are, they are not one capture. */
  contradictory: boolean;
}

/** What became of the captures: files written whole, and captures of which parts are missing. */
export interface WavResult {
  readonly files: readonly string[];
  /** Bytes of all files. */
  readonly bytes: number;
  /** SHA-256, in hexadecimal digits, of what `sha256sum` prints of the files, sorted by name. */
  readonly sha256: string;
  readonly incomplete: readonly { readonly capture: string; readonly samples: number; readonly totalSamples: number }[];
}

/** Takes parts of captures; `finish` or `discard` ends it. */
export class WavExport {
  readonly #directory: string;
  readonly #captures = new Map<string, OpenCapture>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** `folder` in the directory keeps apart what may have the same name: projects, when there are several. */
  async add(part: Waveform, folder = ''): Promise<void> {
    const name = join(folder, `${part.sensorId}-${part.bootEpoch}-${part.captureId}`);
    let capture = this.#captures.get(name);
    if (!capture) this.#captures.set(name, (capture = await this.#begin(name, part)));
    const samples = part.axes[0]?.length ?? 0;
    if (contradicts(part, samples, capture)) capture.contradictory = true;
    if (capture.contradictory || capture.parts.has(part.firstSample)) return;
    capture.parts.set(part.firstSample, samples);
    await writeAt(capture.partial, 44 + part.firstSample * part.axes.length * (bitsPerSampleOf(part) / 8), interleave(part.axes));
  }

  /** Gives whole captures their names, removes the others. */
  async finish(): Promise<WavResult> {
    const files: string[] = [];
    const incomplete: { capture: string; samples: number; totalSamples: number }[] = [];
    for (const [name, capture] of this.#captures) {
      const { partial, path, totalSamples } = capture;
      const samples = coveredSamples(capture.parts);
      if (!capture.contradictory && samples === totalSamples) {
        await syncFile(partial);
        await rename(partial, path);
        files.push(path);
      } else {
        await rm(partial, { force: true });
        incomplete.push({ capture: name, samples, totalSamples });
      }
    }
    return { files, incomplete, ...(await this.#digest(files)) };
  }

  async #digest(files: readonly string[]): Promise<{ bytes: number; sha256: string }> {
    const list = createHash('sha256');
    let bytes = 0;
    for (const path of [...files].sort()) {
      const hash = createHash('sha256');
      await pipeline(createReadStream(path).on('data', (chunk) => (bytes += chunk.length)), hash);
      list.update(`${hash.digest('hex')}  ${relative(this.#directory, path)}\n`);
    }
    return { bytes, sha256: list.digest('hex') };
  }

  /** Removes what was begun, when the export cannot go on. */
  async discard(): Promise<void> {
    for (const { partial } of this.#captures.values()) await rm(partial, { force: true });
  }

  async #begin(name: string, part: Waveform): Promise<OpenCapture> {
    const path = join(this.#directory, `${name}.wav`);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const partial = `${path}.partial`;
    await rm(partial, { force: true });
    const header = headerOf(part);
    if (header) await writeAt(partial, 0, header);
    const { totalSamples, sampleRateHz } = part;
    return { partial, path, totalSamples, sampleRateHz, axes: part.axes.length, bits: bitsPerSampleOf(part), parts: new Map(), contradictory: !header };
  }
}

/** Undefined when a sensor claims more samples than a WAV file can hold. */
function headerOf(part: Waveform): Uint8Array | undefined {
  try {
    return wavHeader(part.axes.length, part.sampleRateHz, part.totalSamples, bitsPerSampleOf(part));
  } catch (error) {
    if (error instanceof WavError) return undefined;
    throw error;
  }
}

function contradicts(part: Waveform, samples: number, capture: OpenCapture): boolean {
  const before = capture.parts.get(part.firstSample);
  return (
    part.totalSamples !== capture.totalSamples ||
    part.sampleRateHz !== capture.sampleRateHz ||
    part.axes.length !== capture.axes ||
    bitsPerSampleOf(part) !== capture.bits ||
    (before !== undefined && before !== samples)
  );
}

/** How many samples the parts hold, each counted once: parts may overlap. */
function coveredSamples(parts: ReadonlyMap<number, number>): number {
  let covered = 0;
  let end = 0;
  for (const [first, samples] of [...parts].sort(([a], [b]) => a - b)) {
    covered += Math.max(0, first + samples - Math.max(first, end));
    end = Math.max(end, first + samples);
  }
  return covered;
}

async function writeAt(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, position === 0 ? 'w' : 'r+', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  } finally {
    await handle.close();
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
