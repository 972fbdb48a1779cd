/** Axes of every character come back exactly, in both modes, and both kernels write the same bytes. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeFrame, encodeMessage, frameOf, maxFrameLength } from './frame.ts';
import { allKernels, kernel, useKernel } from './kernel/choose.ts';
import { MAX_WAVEFORM_SAMPLES, type SampleArray, type Waveform, type WaveformMode } from './messages.ts';
import { SIGNALS, samplesOf, randomOf } from './signals.fixture.ts';
import { readWav } from './wav.ts';

const kernels = allKernels();
const MODES: readonly WaveformMode[] = ['tight', 'fast'];
const LENGTHS = [0, 1, 2, 3, 5, 127, 128, 129, 511, 512, 513, 1024, 4095, 4096, 4097, 8192];
const first = kernel();
afterAll(() => useKernel(first));

function capture(axes: readonly SampleArray[]): Waveform {
  const totalSamples = axes[0]!.length;
  return {
    kind: 'waveform', sensorId: '00a0b1c2d3e4f506', bootEpoch: 1, sequence: 300, timeMs: 1_700_000_000_000,
    captureId: 300, firstSample: 0, totalSamples, sampleRateHz: 26_667, fullScaleG: 16, axes,
  };
}

function encode(message: Waveform, mode: WaveformMode): Uint8Array {
  const buffer = new Uint8Array(maxFrameLength(message));
  return buffer.slice(0, encodeMessage(message, buffer, 0, mode));
}

/** Bytes of the frame beside the samples. */
const HEAD = frameOf(capture([new Int16Array(0)])).length + 6;

/** Encodes with each kernel, decodes with each, and returns the bytes of the frame. */
function bytesOf(axes: readonly SampleArray[], mode: WaveformMode): number {
  const message = capture(axes);
  const frames = kernels.map((one) => {
    useKernel(one);
    return encode(message, mode);
  });
  for (const frame of frames) expect(frame).toEqual(frames[0]);
  for (const one of kernels) {
    useKernel(one);
    const { axes: decoded } = decodeFrame(frames[0]!) as Waveform;
    expect(decoded).toEqual(axes);
  }
  return frames[0]!.length;
}

it('there are two kernels here', () => {
  expect(kernels.map(({ name }) => name)).toEqual(['typescript', 'wasm']);
});

describe.each(MODES)('in mode %s', (mode) => {
  describe.each([16, 24] as const)('%i-bit samples', (bits) => {
    it.each(SIGNALS)('of $name come back, and never take more than a byte beside their own', (signal) => {
      for (const length of LENGTHS) {
        const samples = samplesOf(signal, length, bits);
        expect(bytesOf([samples], mode)).toBeLessThanOrEqual(HEAD + 1 + (length * bits) / 8);
      }
    });

    it('of the greatest number on three axes come back', () => {
      const axes = [9, 11, 13].map((index) => samplesOf(SIGNALS[index]!, MAX_WAVEFORM_SAMPLES, bits));
      bytesOf(axes, mode);
    });
  });

  it('any few samples come back', () => {
    const narrow = fc.int16Array({ minLength: 0, maxLength: 300 });
    const wide = fc.array(fc.integer({ min: -(2 ** 23), max: 2 ** 23 - 1 }), { maxLength: 300 }).map((codes) => Int32Array.from(codes));
    fc.assert(fc.property(fc.oneof(narrow, wide), (samples) => void bytesOf([samples], mode)), { numRuns: 300 });
  });

  it('any mixture of levels, noises and steps comes back', () => {
    const piece = fc.record({ length: fc.integer({ min: 1, max: 700 }), level: fc.integer({ min: -32_768, max: 32_767 }), noise: fc.constantFrom(0, 1, 3, 40, 1000, 65_536) });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), fc.integer(), (pieces, seed) => {
        const random = randomOf(seed);
        const codes = pieces.flatMap(({ length, level, noise }) => Array.from({ length }, () => level + (noise === 0 ? 0 : (random() % noise) - (noise >> 1))));
        bytesOf([Int16Array.from(codes, (code) => Math.max(-32_768, Math.min(32_767, code)))], mode);
      }),
      { numRuns: 100 },
    );
  });
});

it('the tight mode never takes more than the fast one, or a byte', () => {
  for (const signal of SIGNALS) {
    const samples = samplesOf(signal, 8192, 16);
    expect(encode(capture([samples]), 'tight').length).toBeLessThanOrEqual(encode(capture([samples]), 'fast').length + 1);
  }
});

it('the fast mode takes no more than delta and bit-packing in blocks of 128 with a byte each', () => {
  for (const signal of SIGNALS) {
    const samples = samplesOf(signal, 8192, 16);
    expect(encode(capture([samples]), 'fast').length - HEAD).toBeLessThanOrEqual(Math.max(8192 / 64, deltaPackedBytes(samples)) + 6);
  }
});

/** Differences from the sample before, zigzag, each block in as many bits as its longest, and a byte that says how many. */
function deltaPackedBytes(samples: SampleArray): number {
  let bytes = 0;
  for (let start = 0; start < samples.length; start += 128) {
    let mask = 0;
    for (let i = start; i < start + 128; i++) {
      const difference = ((samples[i]! - (samples[i - 1] ?? 0)) << 16) >> 16;
      mask |= (difference << 1) ^ (difference >> 31);
    }
    bytes += 1 + 16 * (32 - Math.clz32(mask));
  }
  return bytes;
}

it('decoding gives the samples into arrays that the caller has', () => {
  const message = capture([samplesOf(SIGNALS[8]!, 500, 16), samplesOf(SIGNALS[9]!, 500, 16)]);
  const pool = [new Int16Array(500), new Int16Array(500)];
  let next = 0;
  const decoded = decodeFrame(frameOf(message), () => pool[next++]!) as Waveform;
  expect(decoded.axes).toEqual(message.axes);
  expect(decoded.axes[0]).toBe(pool[0]);
});

const RECORDINGS = new URL('../../shared/data/vibration/', import.meta.url);
it.skipIf(!existsSync(RECORDINGS))('four recorded bearings take no more bytes than FLAC 1.4.2 at -8 (needs ../shared/data/vibration)', () => {
  useKernel(kernels.at(-1)!);
  const sizes = { tight: 0, fast: 0 };
  for (const name of readdirSync(RECORDINGS).filter((file) => file.endsWith('.wav'))) {
    const [samples] = readWav(readFileSync(new URL(name, RECORDINGS))).axes;
    for (let start = 0; start < samples!.length; start += MAX_WAVEFORM_SAMPLES) {
      const part = samples!.slice(start, start + MAX_WAVEFORM_SAMPLES);
      for (const mode of MODES) {
        const frame = encode(capture([part]), mode);
        expect((decodeFrame(frame) as Waveform).axes[0]).toEqual(part);
        sizes[mode] += frame.length;
      }
    }
  }
  expect(sizes.tight).toBeLessThanOrEqual(635_881);
  expect(sizes.tight).toBeLessThan(580_000); // what it is today, so that it does not grow unnoticed
  expect(sizes.fast).toBeLessThan(757_000);
});
