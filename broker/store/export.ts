/** Stored data in other people's formats: NDJSON and CSV a line at a time, WAV a file per capture. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bitsPerSampleOf, frameToJson, interleave, wavHeader, WavError, type Measurement, type SensorMessage, type Waveform } from '../../frame/mod.ts';

/** One message as a line of NDJSON, without the line's end. */
export function toNdjson(message: SensorMessage, gatewayId: string, receivedMs: number): string {
  return JSON.stringify({ gatewayId, receivedTime: new Date(receivedMs).toISOString(), ...(frameToJson(message) as object) });
}

type Column = readonly [name: string, value: (m: Measurement) => number | string];

const COLUMNS: readonly Column[] = [
  ['time', (m) => new Date(m.timeMs).toISOString()],
  ['sensorId', (m) => m.sensorId],
  ['bootEpoch', (m) => m.bootEpoch],
  ['sequence', (m) => m.sequence],
  ['accelerationRmsXG', (m) => m.accelerationRmsG.x],
  ['accelerationRmsYG', (m) => m.accelerationRmsG.y],
  ['accelerationRmsZG', (m) => m.accelerationRmsG.z],
  ...bandColumns('acceleration10To1000Hz', 'G', (m) => m.accelerationG),
  ...bandColumns('velocity10To1000Hz', 'MmPerS', (m) => m.velocityMmPerS),
  ['temperatureC', (m) => m.temperatureC],
  ['batteryPercent', (m) => m.batteryPercent],
  ['rssiDbm', (m) => m.rssiDbm],
];

function bandColumns(name: string, unit: string, band: (m: Measurement) => Measurement['accelerationG']): Column[] {
  return [
    [`${name}RmsX${unit}`, (m) => band(m).rms.x],
    [`${name}RmsY${unit}`, (m) => band(m).rms.y],
    [`${name}RmsZ${unit}`, (m) => band(m).rms.z],
    [`${name}TotalRms${unit}`, (m) => band(m).totalRms],
    [`${name}TotalAbsMax${unit}`, (m) => band(m).totalAbsMax],
    [`${name}TotalAbsMin${unit}`, (m) => band(m).totalAbsMin],
    [`${name}TotalCrestFactor`, (m) => band(m).totalCrestFactor],
  ];
}

/** The first line of the CSV, without the line's end. */
export const CSV_HEADER = COLUMNS.map(([name]) => name).join(',');

/** A measurement as a line of CSV (RFC 4180; numbers, ids and times need no quotes), unknown values empty. */
export function toCsv(message: Measurement): string {
  return COLUMNS.map(([, value]) => value(message))
    .map((value) => (Number.isNaN(value) ? '' : String(value)))
    .join(',');
}

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
  readonly incomplete: readonly { readonly capture: string; readonly samples: number; readonly totalSamples: number }[];
}

/** Puts captures together from their parts, in any order, holding no samples in memory. Files appear when whole. */
export class WavExport {
  readonly #directory: string;
  readonly #captures = new Map<string, OpenCapture>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  async add(part: Waveform): Promise<void> {
    const name = `${part.sensorId}-${part.bootEpoch}-${part.captureId}`;
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
        await rename(partial, path);
        files.push(path);
      } else {
        await rm(partial, { force: true });
        incomplete.push({ capture: name, samples, totalSamples });
      }
    }
    return { files, incomplete };
  }

  /** Removes what was begun, when the export cannot go on. */
  async discard(): Promise<void> {
    for (const { partial } of this.#captures.values()) await rm(partial, { force: true });
  }

  async #begin(name: string, part: Waveform): Promise<OpenCapture> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `${name}.wav`);
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
