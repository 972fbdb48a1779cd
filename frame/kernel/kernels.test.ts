/** Each kernel is held against the same plain definitions. */

import { describe, expect, it } from 'vitest';
import { crc32c } from '../crc32c.ts';
import { SIGNALS, randomOf, samplesOf } from '../signals.fixture.ts';
import { allKernels } from './choose.ts';
import type { Kernel, SampleBits } from './kernel.ts';
import { codeWords, CODE_LENGTHS, MAX_CODE_BITS, PREFIX_CODES, SYMBOLS } from './prefix-codes.ts';

function load(kernel: Kernel, samples: Int16Array | Int32Array): SampleBits {
  const { samples16, samples32 } = kernel.workspace;
  if (samples instanceof Int16Array) samples16.set(samples);
  else samples32.set(samples);
  return samples instanceof Int16Array ? 16 : 24;
}

function residuals(kernel: Kernel, bits: SampleBits, n: number): number[] {
  const { residuals16, residuals32 } = kernel.workspace;
  return [...(bits === 16 ? residuals16 : residuals32).subarray(0, n)];
}

const wrapped = (value: number, bits: SampleBits): number => Number(BigInt.asIntN(bits, BigInt(value)));

describe.each(allKernels())('the $name kernel', (kernel) => {
  it.each([16, 24] as const)('predicts and restores %i-bit samples by the formula, in exact numbers', (bits) => {
    const samples = samplesOf(SIGNALS.at(-2)!, 1300, bits);
    for (const [order, shift, offset, segment] of [[0, 0, -7, 1300], [1, 0, 100, 1300], [5, 9, 3, 384], [32, 12, -2000, 384], [32, 15, 30_000, 1300]] as const) {
      const random = randomOf(order);
      const coefficients = Array.from({ length: order }, () => (random() % 8192) - 4096);
      load(kernel, samples);
      kernel.workspace.coefficients.fill(-1).set(coefficients);
      kernel.predict(bits, 1300, segment, order, shift, offset);
      const expected = Array.from(samples, (sample, i) => {
        const start = i - (i % segment);
        let sum = BigInt(offset) << BigInt(shift);
        coefficients.forEach((c, j) => (sum += BigInt(c) * BigInt((i - 1 - j < start ? offset : samples[i - 1 - j]!) - offset)));
        if (bits === 16) sum = BigInt.asIntN(32, sum);
        return wrapped(sample - Number(BigInt.asIntN(40, sum >> BigInt(shift))), bits);
      });
      expect(residuals(kernel, bits, 1300)).toEqual(expected);
      const sums = Array.from({ length: 11 }, (_, b) => expected.slice(128 * b, 128 * (b + 1)).reduce((sum, e) => sum + Math.abs(e), 0));
      expect([...kernel.workspace.sums.subarray(0, 11)]).toEqual(sums);
      kernel.workspace.samples32.fill(0);
      kernel.restore(bits, 1300, segment, order, shift, offset);
      const restored = bits === 16 ? kernel.workspace.samples16 : kernel.workspace.samples32;
      expect([...restored.subarray(0, 1300)]).toEqual([...samples]);
    }
  });

  it('knows extremes, sums and masks', () => {
    for (const bits of [16, 24] as const) {
      const samples = samplesOf(SIGNALS[9]!, 300, bits);
      load(kernel, samples);
      kernel.survey(bits, 300);
      expect([...kernel.workspace.lags.subarray(0, 3)]).toEqual([Math.min(...samples), Math.max(...samples), [...samples].reduce((sum, x) => sum + x, 0)]);
      kernel.masks(bits, 300, 5);
      const zigzagMask = (from: number, order: number): number => {
        let mask = 0;
        for (let i = from; i < Math.min(300, from + 128); i++) {
          const at = (j: number): number => samples[Math.max(0, j)]!;
          const d = wrapped(order === 0 ? at(i) - 5 : order === 1 ? at(i) - at(i - 1) : at(i) - 2 * at(i - 1) + at(i - 2), bits);
          mask |= d < 0 ? -2 * d - 1 : 2 * d;
        }
        return mask;
      };
      for (const order of [0, 1, 2]) for (const b of [0, 1, 2]) expect(kernel.workspace.sums[512 * order + b]).toBe(zigzagMask(128 * b, order));
    }
  });

  it('correlates windowed samples exactly', () => {
    for (const bits of [16, 24] as const) {
      const samples = samplesOf(SIGNALS[10]!, 900, bits);
      load(kernel, samples);
      const { window, lags } = kernel.workspace;
      for (let i = 0; i < 777; i++) window[i] = 32_767 - 40 * i;
      lags.fill(0);
      const down = bits === 16 ? 2 : 10;
      kernel.autocorrelate(bits, 100, 777, 12, 0, down);
      const y = Array.from({ length: 777 }, (_, i) => Math.floor((((samples[100 + i]! - 12) >> down) * (32_767 - 40 * i) + 0x4000) / 2 ** 15));
      for (const lag of [0, 1, 7, 31, 32]) expect(lags[lag]).toBe(y.slice(lag).reduce((sum, value, i) => sum + value * y[i]!, 0));
    }
  });

  it('packs any descriptors and unpacks them again, and sees where they end', () => {
    const random = randomOf(17);
    for (const bits of [16, 24] as const) {
      for (let round = 0; round < 40; round++) {
        const n = 1 + (random() % 700);
        const blockLog = 7 + (random() % 3);
        const target = bits === 16 ? kernel.workspace.residuals16 : kernel.workspace.residuals32;
        target.fill(0, 0, n + 200);
        for (let start = 0, b = 0; start < n; start += 1 << blockLog, b++) {
          const code = random() % 8;
          const k = random() % (code === 0 ? bits + 1 : bits);
          kernel.workspace.descriptors[b] = (code << 5) | k;
          const width = code === 0 ? k : Math.min(bits, k + (random() % 7));
          for (let i = start; i < Math.min(n, start + (1 << blockLog)); i++) target[i] = width === 0 ? 0 : wrapped(random() & (2 ** width - 1), bits) << (32 - width) >> (32 - width);
        }
        const before = residuals(kernel, bits, n);
        const end = kernel.pack(bits, n, blockLog, 10);
        target.fill(-1);
        expect(kernel.unpack(bits, n, blockLog, 10, end)).toBe(end);
        expect(residuals(kernel, bits, n)).toEqual(before);
        if (end > 10) expect(kernel.unpack(bits, n, blockLog, 10, end - 1)).toBe(-1);
      }
    }
  });

  it('checks as the tables do, at every length', () => {
    const random = randomOf(5);
    for (const length of [0, 1, 7, 8, 4096, 13_375, 13_376, 13_377, 20_001, 655_360]) {
      const bytes = Uint8Array.from({ length }, random);
      kernel.workspace.bytes.set(bytes);
      expect(kernel.crc32c(length)).toBe(crc32c(bytes));
    }
  });
});

it('the sparse polynomial is a multiple of the one of CRC-32C', () => {
  let power = 0x8000_0000 >>> 0; // x^0, reflected
  let sum = 0;
  for (let exponent = 0; exponent <= 209; exponent++) {
    if ([0, 14, 39, 54, 144, 209].includes(exponent)) sum ^= power;
    power = (power & 1 ? (power >>> 1) ^ 0x82f63b78 : power >>> 1) >>> 0;
  }
  expect(sum).toBe(0);
});

it('the prefix codes are complete, and no code word begins another', () => {
  expect(CODE_LENGTHS).toHaveLength(PREFIX_CODES + 1);
  for (const lengths of CODE_LENGTHS.slice(1)) {
    expect(lengths).toHaveLength(SYMBOLS);
    expect(lengths.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
    const words = codeWords(lengths);
    const seen = new Set<number>();
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      for (let rest = words[symbol]!; rest < 1 << MAX_CODE_BITS; rest += 1 << lengths[symbol]!) {
        expect(seen.has(rest)).toBe(false);
        seen.add(rest);
      }
    }
    expect(seen.size).toBe(1 << MAX_CODE_BITS);
  }
});
