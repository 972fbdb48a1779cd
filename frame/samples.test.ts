import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitReader, finishReading } from './bit-reader.ts';
import { bitWriter, finishBits, writeBits } from './bit-writer.ts';
import type { Cursor } from './cursor.ts';
import { MAX_WAVEFORM_SAMPLES } from './messages.ts';
import { decodeSamples, encodeSamples, MAX_SAMPLES_PER_BYTE, maxSampleBits } from './samples.ts';

function compress(samples: Int16Array): Uint8Array {
  const writer = bitWriter(new Uint8Array(Math.ceil(maxSampleBits(samples.length) / 8)), 0);
  encodeSamples(samples, writer);
  return writer.buffer.slice(0, finishBits(writer));
}

function expand(bytes: Uint8Array, count: number): Int16Array {
  const cursor: Cursor = { bytes, position: 0, end: bytes.length, atEnd: 'FRAME_MALFORMED' };
  const out = new Int16Array(count);
  const reader = bitReader(cursor);
  decodeSamples(reader, out);
  finishReading(reader, cursor);
  expect(cursor.position).toBe(bytes.length);
  return out;
}

/** Compresses, checks that it comes back and keeps to both bounds of its size, and returns the bytes taken. */
function bytesOf(samples: Int16Array): number {
  const bytes = compress(samples);
  expect(expand(bytes, samples.length)).toEqual(samples);
  expect(bytes.length).toBeLessThanOrEqual(samples.length * 2 * 1.001 + 16);
  expect(bytes.length * MAX_SAMPLES_PER_BYTE).toBeGreaterThanOrEqual(samples.length);
  return bytes.length;
}

/** Uniform numbers of 0 to 2^32 - 1 from a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** A shaft's tone with noise that grows and fades, somewhat like a bearing. */
function machine(count: number): Int16Array {
  const random = randomOf(7);
  return Int16Array.from({ length: count }, (_, index) => {
    const noise = (random() % 400) + (random() % 400) - 400;
    return Math.round(4000 * Math.sin(index / 40) + noise * (1 + Math.sin(index / 300)));
  });
}

const LENGTHS = [0, 1, 2, 3, 4, 5, 31, 32, 33, 100, 4095, 4096, 4097, 8192, 10_000, MAX_WAVEFORM_SAMPLES];

describe('samples', () => {
  it.each(LENGTHS)('come back when there are %i of them', (count) => {
    const random = randomOf(count);
    bytesOf(machine(count));
    bytesOf(new Int16Array(count).fill(-32768));
    bytesOf(Int16Array.from({ length: count }, () => random()));
    bytesOf(Int16Array.from({ length: count }, (_, index) => (index & 1 ? -32768 : 32767)));
    bytesOf(Int16Array.from({ length: count }, (_, index) => index));
  });

  it('come back whatever they are', () => {
    const short = fc.int16Array({ maxLength: 300 });
    const extremes = fc
      .array(fc.constantFrom(-32768, -1, 0, 1, 32767), { maxLength: 300 })
      .map((values) => Int16Array.from(values));
    fc.assert(fc.property(fc.oneof(short, extremes), (samples) => void bytesOf(samples)), { numRuns: 1000 });
  });

  it('take every method: each order of prediction, constant, verbatim', () => {
    const random = randomOf(3);
    const orders = [0, 1, 2, 3, 4].map((order) => {
      let signal: number[] = Array.from({ length: 512 }, () => (random() & 1) - (random() & 1));
      for (let times = 0; times < order; times++) {
        let sum = 0;
        let level = 0;
        signal = signal.map((value) => (sum += value));
        // Keep the sums near 0 without a jump: feed a little of the level back.
        signal = signal.map((value) => value - (level += Math.sign(value - level)));
      }
      return Int16Array.from(signal);
    });
    const polynomial = Int16Array.from({ length: 64 }, (_, index) => (index - 32) ** 3);
    const random16 = Int16Array.from({ length: 512 }, () => random());
    for (const signal of [...orders, polynomial, random16, new Int16Array(512)]) bytesOf(signal);
    expect(compress(polynomial)[0]! >>> 5).toBe(2 + 4);
    expect(compress(random16)[0]! >>> 5).toBe(1);
    expect(compress(new Int16Array(512))[0]! >>> 5).toBe(0);
  });

  it('shrink when they are predictable and keep their size when they are not', () => {
    expect(bytesOf(machine(65_536))).toBeLessThan(65_536 * 2 * 0.7);
    const random = randomOf(1);
    const noise = Int16Array.from({ length: 65_536 }, () => random());
    expect(bytesOf(noise)).toBeLessThanOrEqual(65_536 * 2 + 6);
  });

  it.each([
    ['the undefined method', [[7, 3]], 4],
    ['a prediction from as many samples as there are', [[2 + 4, 3]], 4],
    ['filled zeros after a constant', [[0, 3], [5, 16], [1, 1]], 8],
    ['a sample beyond 16 bits', [[2 + 1, 3], [0x7fff, 16], [0, 3], [0, 5], [0b001, 3]], 2],
  ] as const)('are refused for %s', (_, fields, count) => {
    const writer = bitWriter(new Uint8Array(16), 0);
    for (const [value, bits] of fields) writeBits(writer, value, bits);
    finishBits(writer);
    expect(() => expand(writer.buffer, count)).toThrow(expect.objectContaining({ code: 'FRAME_MALFORMED' }));
  });
});

const recordings = new URL('../../shared/data/vibration/', import.meta.url);

it.skipIf(!existsSync(recordings))('the recordings of shared/data/vibration come back from three quarters of their size', () => {
  let raw = 0;
  let compressed = 0;
  for (const name of readdirSync(recordings).filter((each) => each.endsWith('.wav'))) {
    const wav = readFileSync(new URL(name, recordings));
    const samples = Int16Array.from({ length: (wav.length - 44) / 2 }, (_, index) => wav.readInt16LE(44 + 2 * index));
    raw += samples.length * 2;
    compressed += bytesOf(samples);
  }
  expect(raw).toBe(960_000);
  expect(compressed).toBeLessThan(raw * 0.75);
});
