/** Signals of every character that the compression treats differently, all seeded. */

import type { SampleArray } from './messages.ts';

/** Uniform numbers of 0 to 2^32 - 1 from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** About Gaussian, standard deviation 1: the sum of twelve uniform numbers. */
function gaussianOf(seed: number): () => number {
  const random = randomOf(seed);
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += random() / 2 ** 32;
    return sum;
  };
}

export interface Signal {
  readonly name: string;
  /** Sample i of a full scale of 1; values outside saturate. */
  readonly at: () => (i: number) => number;
}

export const SIGNALS: readonly Signal[] = [
  { name: 'silence', at: () => () => 0 },
  { name: 'a constant', at: () => () => -0.3 },
  { name: 'the least value', at: () => () => -1 },
  { name: 'alternating extremes', at: () => (i) => (i % 2 === 0 ? 1 : -1) },
  { name: 'a ramp', at: () => (i) => ((i * 0.0007) % 2) - 1 },
  { name: 'a pure tone', at: () => (i) => 0.9 * Math.sin(i * 0.05) },
  { name: 'a tone that saturates', at: () => (i) => 3 * Math.sin(i * 0.01) },
  ...[0.00002, 0.0005, 0.02, 0.3].map((scale): Signal => ({ name: `noise of ${scale}`, at: () => { const noise = gaussianOf(1); return () => scale * noise(); } })),
  { name: 'white noise of full scale', at: () => { const random = randomOf(2); return () => random() / 2 ** 31 - 1; } },
  { name: 'impulses in silence', at: () => (i) => (i % 997 === 5 ? -0.9 : 0) },
  {
    name: 'a machine: tones, noise, bursts, an offset',
    at: () => {
      const noise = gaussianOf(3);
      return (i) => 0.1 + 0.05 * Math.sin(i * 0.02) + 0.02 * Math.sin(i * 0.3) + (i % 400 < 60 ? 0.05 : 0.003) * noise();
    },
  },
  { name: 'noise that grows', at: () => { const noise = gaussianOf(4); return (i) => noise() * Math.min(0.3, i * 1e-5); } },
];

/** `length` samples of a signal in 16 or 24 bits. */
export function samplesOf(signal: Signal, length: number, bits: 16 | 24): SampleArray {
  const at = signal.at();
  const most = 2 ** (bits - 1) - 1;
  const code = (_: unknown, i: number): number => Math.max(-most - 1, Math.min(most, Math.round(at(i) * (most + 1))));
  return bits === 16 ? Int16Array.from({ length }, code) : Int32Array.from({ length }, code);
}
