/** Stored data in other people's formats: NDJSON and CSV a line at a time, WAV a file per capture. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { frameToJson, interleave, wavHeader, type Measurement, type SensorMessage, type Waveform } from '../../frame/mod.ts';
import { StoreError } from '../errors.ts';

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
  readonly partial: string;
  readonly path: string;
  readonly totalSamples: number;
  readonly parts: Set<number>;
  samples: number;
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
    if (part.totalSamples !== capture.totalSamples) throw new StoreError('STORE_DAMAGED', `the parts of capture ${name} disagree on its length`);
    if (capture.parts.has(part.firstSample)) return;
    capture.parts.add(part.firstSample);
    const samples = part.axes[0]?.length ?? 0;
    capture.samples += samples;
    await writeAt(capture.partial, 44 + part.firstSample * part.axes.length * 2, interleave(part.axes));
  }

  /** Gives whole captures their names, removes the others. */
  async finish(): Promise<WavResult> {
    const files: string[] = [];
    const incomplete: { capture: string; samples: number; totalSamples: number }[] = [];
    for (const [name, { partial, path, samples, totalSamples }] of this.#captures) {
      if (samples === totalSamples) {
        await rename(partial, path);
        files.push(path);
      } else {
        await rm(partial);
        incomplete.push({ capture: name, samples, totalSamples });
      }
    }
    return { files, incomplete };
  }

  async #begin(name: string, part: Waveform): Promise<OpenCapture> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `${name}.wav`);
    const partial = `${path}.partial`;
    await rm(partial, { force: true });
    await writeAt(partial, 0, wavHeader(part.axes.length, part.sampleRateHz, part.totalSamples));
    return { partial, path, totalSamples: part.totalSamples, parts: new Set(), samples: 0 };
  }
}

async function writeAt(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, position === 0 ? 'w' : 'r+', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  } finally {
    await handle.close();
  }
}
