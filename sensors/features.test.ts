import { describe, expect, it } from 'vitest';
import { featuresOf } from './features.ts';

const RATE_HZ = 26_667;
const FULL_SCALE_G = 16;

/** A tone of a velocity in mm/s RMS, as 16-bit codes. */
function velocityTone(
  velocityRms: number,
  frequencyHz: number,
  samples: number,
  phaseTurns: number,
  rateHz = RATE_HZ,
): Int16Array {
  return tone(
    (velocityRms * Math.SQRT2 * 2 * Math.PI * frequencyHz) / 9806.65,
    frequencyHz,
    samples,
    phaseTurns,
    rateHz,
  );
}

/** A tone of a peak acceleration in g, as 16-bit codes. */
function tone(peakG: number, frequencyHz: number, samples: number, phaseTurns: number, rateHz = RATE_HZ): Int16Array {
  return Int16Array.from({ length: samples }, (_, i) =>
    Math.round((peakG * Math.sin(2 * Math.PI * ((frequencyHz * i) / rateHz + phaseTurns)) * 32_768) / FULL_SCALE_G),
  );
}

const relative = (value: number, expected: number): number => Math.abs(value / expected - 1);
const PHASES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

describe('features of a steady tone', () => {
  it.each([
    [10, 24.7, 8192],
    [10, 50, 8192],
    [10, 123.4, 8192],
    [4, 500, 8192],
    [1.5, 990, 8192],
    [10, 50, 26_667],
    [10, 33.3, 10_000],
    [10, 50, 8191],
  ])(
    'of %d mm/s at %d Hz in %i samples: velocity RMS within 0.1 %%, peaks within 1 %%, at any phase',
    (v, hz, samples) => {
      const peakG = (v * Math.SQRT2 * 2 * Math.PI * hz) / 9806.65;
      for (const phase of PHASES) {
        const { accelerationG, velocityMmPerS } = featuresOf(
          [velocityTone(v, hz, samples, phase)],
          RATE_HZ,
          FULL_SCALE_G,
        );
        expect(relative(velocityMmPerS.totalRms, v)).toBeLessThan(0.001);
        expect(relative(velocityMmPerS.totalAbsMax, v * Math.SQRT2)).toBeLessThan(0.01);
        expect(relative(accelerationG.totalRms, peakG / Math.SQRT2)).toBeLessThan(0.001);
        expect(relative(accelerationG.totalAbsMax, peakG)).toBeLessThan(0.01);
        expect(relative(velocityMmPerS.totalCrestFactor, Math.SQRT2)).toBeLessThan(0.01);
      }
    },
  );

  it.each([5, 2000])('of %d Hz counts in the wide acceleration but hardly in 10–1000 Hz', (hz) => {
    for (const phase of PHASES) {
      const features = featuresOf([tone(1, hz, 16_384, phase)], RATE_HZ, FULL_SCALE_G);
      const velocityIfCounted = (Math.SQRT1_2 * 9806.65) / (2 * Math.PI * hz);
      expect(features.velocityMmPerS.totalRms).toBeLessThan(0.001 * velocityIfCounted);
      expect(features.accelerationG.totalRms).toBeLessThan(0.002);
      expect(relative(features.accelerationRmsG.x, Math.SQRT1_2)).toBeLessThan(0.02);
    }
  });

  it('above 6000 Hz is left out of the wide acceleration too', () => {
    expect(featuresOf([tone(1, 8000, 8192, 0)], RATE_HZ, FULL_SCALE_G).accelerationRmsG.x).toBeLessThan(0.02);
  });

  it('on top of a large constant is the tone alone', () => {
    const codes = tone(1, 100, 8192, 0).map((code) => code + 20_000);
    const { accelerationRmsG, velocityMmPerS } = featuresOf([codes], RATE_HZ, FULL_SCALE_G);
    expect(relative(accelerationRmsG.x, Math.SQRT1_2)).toBeLessThan(0.005);
    expect(relative(velocityMmPerS.totalRms, (Math.SQRT1_2 * 9806.65) / (2 * Math.PI * 100))).toBeLessThan(0.001);
  });
});

describe('features over the axes', () => {
  it('of a vector that turns at constant length have that length as greatest, smallest and RMS', () => {
    const axes = [velocityTone(5, 60, 8192, 0), velocityTone(5, 60, 8192, 0.25), new Int16Array(8192)];
    const { velocityMmPerS } = featuresOf(axes, RATE_HZ, FULL_SCALE_G);
    const length = 5 * Math.SQRT2;
    for (const value of [velocityMmPerS.totalAbsMax, velocityMmPerS.totalAbsMin, velocityMmPerS.totalRms]) {
      expect(relative(value, length)).toBeLessThan(0.005);
    }
  });

  it('put the RMS of each axis in its place and its root of squares in the total', () => {
    const axes = [velocityTone(1, 100, 8192, 0), velocityTone(2, 150, 8192, 0), velocityTone(3, 200, 8192, 0)];
    const { rms, totalRms, totalAbsMax, totalCrestFactor } = featuresOf(axes, RATE_HZ, FULL_SCALE_G).velocityMmPerS;
    expect(rms.x).toBeCloseTo(1, 2);
    expect(rms.y).toBeCloseTo(2, 2);
    expect(rms.z).toBeCloseTo(3, 2);
    expect(totalRms).toBe(Math.sqrt(rms.x * rms.x + rms.y * rms.y + rms.z * rms.z));
    expect(totalCrestFactor).toBe(totalAbsMax / totalRms);
  });

  it('that are missing are NaN and left out of the total', () => {
    const one = featuresOf([velocityTone(3, 100, 8192, 0)], RATE_HZ, FULL_SCALE_G);
    expect([one.velocityMmPerS.rms.y, one.velocityMmPerS.rms.z]).toEqual([NaN, NaN]);
    expect([one.accelerationRmsG.y, one.accelerationG.rms.z]).toEqual([NaN, NaN]);
    expect(one.velocityMmPerS.totalRms).toBe(one.velocityMmPerS.rms.x);
    const two = featuresOf([velocityTone(3, 100, 8192, 0), velocityTone(4, 100, 8192, 0)], RATE_HZ, FULL_SCALE_G);
    expect(two.velocityMmPerS.totalRms).toBeCloseTo(5, 2);
    expect(two.velocityMmPerS.rms.z).toBeNaN();
  });
});

describe('features of odd windows', () => {
  it.each([0, 1, 2, 3, 4, 5, 10])('of %i samples are numbers, not NaN', (samples) => {
    const axis = Int16Array.from({ length: samples }, (_, i) => (i % 2 === 0 ? 1000 : -1000));
    for (const rate of [1, 100, 26_667, 4_294_967_295]) {
      const { accelerationG, velocityMmPerS, accelerationRmsG } = featuresOf([axis, axis, axis], rate, FULL_SCALE_G);
      const numbers = [accelerationRmsG, accelerationG.rms, velocityMmPerS.rms].flatMap((axes) => [
        axes.x,
        axes.y,
        axes.z,
      ]);
      for (const band of [accelerationG, velocityMmPerS]) {
        numbers.push(band.totalRms, band.totalAbsMax, band.totalAbsMin, band.totalCrestFactor);
      }
      expect(numbers.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    }
  });

  it.each([0, 1])('of %i samples are all zero', (samples) => {
    const { accelerationG, velocityMmPerS, accelerationRmsG } = featuresOf([new Int16Array(samples).fill(99)], 1000, 8);
    expect([
      accelerationRmsG.x,
      accelerationG.totalAbsMax,
      velocityMmPerS.totalRms,
      velocityMmPerS.totalCrestFactor,
    ]).toEqual([0, 0, 0, 0]);
  });

  it('sampled at 400 Hz end their band at 200 Hz and are right below', () => {
    const { velocityMmPerS } = featuresOf([velocityTone(10, 50, 4096, 0.3, 400)], 400, FULL_SCALE_G);
    expect(relative(velocityMmPerS.totalRms, 10)).toBeLessThan(0.001);
  });

  it('without a band below the Nyquist frequency still give the wide RMS exactly', () => {
    const axis = Int16Array.from([3, -7, 12, 5, -9, 1, 30, -2, 8]);
    const mean = axis.reduce((a, b) => a + b, 0) / axis.length;
    const rms = Math.sqrt(axis.reduce((sum, code) => sum + (code - mean) ** 2, 0) / axis.length);
    for (const codes of [axis, axis.subarray(0, 9)]) {
      expect(featuresOf([codes], 15, 32_768).accelerationRmsG.x).toBe(Math.fround(rms));
    }
  });
});
