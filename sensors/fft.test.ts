import { describe, expect, it } from 'vitest';
import { fft } from './fft.ts';
import { randomStream } from './random.ts';

function randomSignal(length: number): { re: Float64Array; im: Float64Array } {
  const random = randomStream(9, 'fft', length);
  const re = Float64Array.from({ length }, () => random.gaussian());
  const im = Float64Array.from({ length }, () => random.gaussian());
  return { re, im };
}

function naiveDft(re: Float64Array, im: Float64Array): { re: number[]; im: number[] } {
  const n = re.length;
  const out = { re: new Array<number>(n).fill(0), im: new Array<number>(n).fill(0) };
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      const angle = (-2 * Math.PI * ((k * i) % n)) / n;
      out.re[k]! += re[i]! * Math.cos(angle) - im[i]! * Math.sin(angle);
      out.im[k]! += re[i]! * Math.sin(angle) + im[i]! * Math.cos(angle);
    }
  }
  return out;
}

const energy = (re: Float64Array, im: Float64Array): number =>
  re.reduce((sum, value, i) => sum + value * value + im[i]! * im[i]!, 0);

describe('fft', () => {
  it.each([1, 2, 3, 4, 5, 7, 8, 12, 16, 31, 64, 100, 127, 128, 360, 509, 512])(
    'of %i points is the sum that defines it',
    (n) => {
      const { re, im } = randomSignal(n);
      const expected = naiveDft(re, im);
      fft(re, im);
      for (let k = 0; k < n; k++) {
        expect(Math.abs(re[k]! - expected.re[k]!)).toBeLessThan(1e-10);
        expect(Math.abs(im[k]! - expected.im[k]!)).toBeLessThan(1e-10);
      }
    },
  );

  it.each([8192, 12_000, 8191, 120_000])('of %i points keeps the energy (Parseval) and comes back', (n) => {
    const { re, im } = randomSignal(n);
    const original = re.slice();
    const before = energy(re, im);
    fft(re, im);
    expect(Math.abs(energy(re, im) / n / before - 1)).toBeLessThan(1e-12);
    fft(im, re);
    const worst = re.reduce((max, value, i) => Math.max(max, Math.abs(value / n - original[i]!)), 0);
    expect(worst).toBeLessThan(1e-11);
  });

  it('of nothing is nothing', () => {
    expect(() => fft(new Float64Array(0), new Float64Array(0))).not.toThrow();
  });

  it('stays right when many lengths push each other out of the tables', () => {
    for (let n = 20; n < 60; n++) {
      const re = new Float64Array(n).fill(1);
      const im = new Float64Array(n);
      fft(re, im);
      expect(re[0]).toBeCloseTo(n, 9);
      expect(Math.abs(re[1]!)).toBeLessThan(1e-10);
    }
  });
});
