/** What the codec makes of a recording: bytes, and how fast, on this machine. */

import { decodeMessage, encodeMessage, maxFrameLength } from './frame.ts';
import { kernel } from './kernel/choose.ts';
import { MAX_WAVEFORM_SAMPLES, type AllocateSamples, type SampleArray, type Waveform, type WaveformMode } from './messages.ts';
import { bitsPerSampleOf } from './waveform.ts';
import type { Recording } from './wav.ts';

export interface CodecFigures {
  readonly mode: WaveformMode;
  readonly kernel: 'wasm' | 'typescript';
  /** The samples as they are, two or three bytes each. */
  readonly rawBytes: number;
  /** All frames, with their headers. */
  readonly bytes: number;
  /** 10^6 bytes of raw samples a second, medians. */
  readonly encodeMBps: number;
  readonly decodeMBps: number;
}

const ROUNDS = 7;
/** A round repeats the recording for at least so long. */
const ROUND_MS = 60;
/** Before that it runs for so long, until the engine's best compiler has had its turn. */
const WARM_UP_MS = 300;

/**
 * Encodes and decodes a recording in the kernel in use, again and again, and compares what comes out; `nowMs` is a clock in
 * milliseconds. Throws FrameError FRAME_VALUE when a recording has no axes, or more than three, and an Error when the codec fails.
 */
export function measureCodec(recording: Recording, mode: WaveformMode, nowMs: () => number): CodecFigures {
  const messages = partsOf(recording);
  const buffer = new Uint8Array(Math.max(...messages.map(maxFrameLength)));
  const frames = messages.map((message) => buffer.slice(0, encodeMessage(message, buffer, 0, mode)));
  frames.forEach((frame, index) => compare(decodeMessage(frame) as Waveform, messages[index]!));
  const rawBytes = messages.reduce((sum, message) => sum + message.axes.reduce((all, axis) => all + (axis.length * bitsPerSampleOf(message)) / 8, 0), 0);
  const reuse = reusedArrays();
  return {
    mode,
    kernel: kernel().name,
    rawBytes,
    bytes: frames.reduce((sum, frame) => sum + frame.length, 0),
    encodeMBps: speed(rawBytes, nowMs, () => {
      for (const message of messages) encodeMessage(message, buffer, 0, mode);
    }),
    decodeMBps: speed(rawBytes, nowMs, () => {
      for (const frame of frames) decodeMessage(frame, reuse);
    }),
  };
}

function partsOf({ axes, sampleRateHz }: Recording): Waveform[] {
  const totalSamples = axes[0]?.length ?? 0;
  const header = { sensorId: '0000000000000000', bootEpoch: 0, sequence: 0, timeMs: 0, captureId: 0, totalSamples, sampleRateHz, fullScaleG: 1 };
  return Array.from({ length: Math.ceil(totalSamples / MAX_WAVEFORM_SAMPLES) }, (_, part) => {
    const firstSample = part * MAX_WAVEFORM_SAMPLES;
    return { kind: 'waveform', ...header, firstSample, axes: axes.map((axis) => axis.slice(firstSample, firstSample + MAX_WAVEFORM_SAMPLES)) };
  });
}

function compare(decoded: Waveform, message: Waveform): void {
  const same = decoded.axes.every((axis, index) => axis.every((sample, i) => sample === message.axes[index]![i]));
  if (!same) throw new Error('the codec does not give the samples back: please report this recording');
}

/** Two arrays, one of each width, that every axis is decoded into. */
function reusedArrays(): AllocateSamples {
  const arrays: Record<16 | 24, SampleArray> = { 16: new Int16Array(MAX_WAVEFORM_SAMPLES), 24: new Int32Array(MAX_WAVEFORM_SAMPLES) };
  return (bits, samples) => arrays[bits].subarray(0, samples);
}

function speed(rawBytes: number, nowMs: () => number, work: () => void): number {
  rate(rawBytes, nowMs, work, WARM_UP_MS);
  const rates = Array.from({ length: ROUNDS }, () => rate(rawBytes, nowMs, work, ROUND_MS));
  return rates.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

/** 10^6 bytes a second, over at least so many milliseconds. */
function rate(rawBytes: number, nowMs: () => number, work: () => void, leastMs: number): number {
  const start = nowMs();
  let elapsed: number;
  let repeats = 0;
  do {
    work();
    repeats++;
    elapsed = nowMs() - start;
  } while (elapsed < leastMs);
  return (rawBytes * repeats) / elapsed / 1000;
}
