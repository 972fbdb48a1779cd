/** The signals that waveform codecs are measured on: recordings of bearings, where they are, and synthetic ones. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeWav, MAX_WAVEFORM_SAMPLES, readWav, type Recording, type SampleArray, type Waveform } from '../../frame/mod.ts';
import { randomStream } from '../../sensors/mod.ts';

/** Some files, each of which travels as waveforms of at most MAX_WAVEFORM_SAMPLES samples per axis. */
export interface Capture {
  readonly name: string;
  readonly bits: 16 | 24;
  readonly files: readonly Recording[];
  readonly waveforms: readonly Waveform[];
  /** Axes of all waveforms, one after the other. */
  readonly axes: readonly SampleArray[];
  /** The same samples in two or three bytes each: what "raw" means everywhere. */
  readonly raw: Buffer;
}

/** Beside the repository, whose `dist/bench/frame` this file is compiled to. */
const RECORDINGS = fileURLToPath(new URL('../../../../shared/data/vibration/', import.meta.url));
const FULL_SCALE_G = 8;
const TIME_MS = Date.UTC(2026, 0, 1);

/** `say` hears when the recordings are missing. */
export function captures(say: (line: string) => void): Capture[] {
  return [recordings() ?? insteadOfRecordings(say), captureOf('synthetic, 24 bit, 3 axes', [synthetic(24, 3, 65_536, 26_667, '24')])];
}

function recordings(): Capture | undefined {
  let names: string[];
  try {
    names = readdirSync(RECORDINGS).filter((name) => name.endsWith('.wav')).sort();
  } catch {
    return undefined;
  }
  if (names.length === 0) return undefined;
  return captureOf(`${names.length} recordings, 16 bit`, names.map((name) => readWav(readFileSync(join(RECORDINGS, name)))));
}

function insteadOfRecordings(say: (line: string) => void): Capture {
  say('the recordings of ../shared/data/vibration are missing: synthetic signals take their place');
  return captureOf('4 synthetic, 16 bit', Array.from({ length: 4 }, (_, index) => synthetic(16, 1, 120_000, 12_000, String(index))));
}

/** Tones of a shaft and what it drives, and noise, up to about a tenth of full scale. */
function synthetic(bits: 16 | 24, axes: number, samples: number, sampleRateHz: number, label: string): Recording {
  const full = 2 ** (bits - 1);
  const make = (_: unknown, axis: number): SampleArray => {
    const random = randomStream(1, 'bench', label, String(axis));
    const tones = [29.9, 59.8, 107.2, 162, 1_210, 2_840].map((hz, index) => ({ step: (2 * Math.PI * hz) / sampleRateHz, phase: 6.28 * random.uniform(), amplitude: 0.03 / (1 + index) }));
    const data = bits === 16 ? new Int16Array(samples) : new Int32Array(samples);
    for (let i = 0; i < samples; i++) {
      const signal = tones.reduce((sum, { step, phase, amplitude }) => sum + amplitude * Math.sin(step * i + phase), 0.005 * random.gaussian());
      data[i] = Math.round(signal * full);
    }
    return data;
  };
  return { axes: Array.from({ length: axes }, make), sampleRateHz };
}

function captureOf(name: string, files: readonly Recording[]): Capture {
  const waveforms = files.flatMap(waveformsOf);
  const axes = waveforms.flatMap((waveform) => waveform.axes);
  return { name, bits: axes[0] instanceof Int32Array ? 24 : 16, files, waveforms, axes, raw: Buffer.concat(axes.map(rawBytes)) };
}

function waveformsOf({ axes, sampleRateHz }: Recording, index: number): Waveform[] {
  const totalSamples = axes[0]!.length;
  return Array.from({ length: Math.ceil(totalSamples / MAX_WAVEFORM_SAMPLES) }, (_, part) => {
    const firstSample = part * MAX_WAVEFORM_SAMPLES;
    return {
      kind: 'waveform',
      sensorId: `70b3d5e75f00000${index}`,
      bootEpoch: 1,
      sequence: 1000 + part,
      timeMs: TIME_MS,
      captureId: 1000,
      firstSample,
      totalSamples,
      sampleRateHz,
      fullScaleG: FULL_SCALE_G,
      axes: axes.map((axis) => axis.slice(firstSample, firstSample + MAX_WAVEFORM_SAMPLES)),
    };
  });
}

/** An axis as WAV data of one channel. */
function rawBytes(axis: SampleArray): Uint8Array {
  return encodeWav([axis], 1).subarray(44);
}
