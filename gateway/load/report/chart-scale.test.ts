import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearScale, logScale, timeScale } from './chart-scale.ts';

const rounded = (ticks: readonly number[]): number[] => ticks.map((tick) => Number(tick.toPrecision(6)));

describe('an axis', () => {
  it('has ticks that people would choose', () => {
    expect(rounded(linearScale(400).ticks)).toEqual([0, 100, 200, 300, 400, 500]);
    expect(rounded(linearScale(0.37).ticks)).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
    expect(rounded(logScale([3, 120]).ticks)).toEqual([1, 10, 100, 1_000]);
    expect(timeScale(64).ticks).toEqual([0, 15, 30, 45, 60]);
    expect(timeScale(7_300).ticks).toEqual([0, 1_800, 3_600, 5_400, 7_200]);
  });

  it('has a place for every value, and few ticks, whatever the values are', () => {
    const value = fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e12, noNaN: true }));
    fc.assert(fc.property(fc.array(value, { maxLength: 5 }), (values) => {
      const most = Math.max(0, ...values);
      for (const scale of [linearScale(most), logScale(values), timeScale(most)]) {
        expect(scale.ticks.length).toBeGreaterThan(0);
        expect(scale.ticks.length).toBeLessThan(10);
        for (const one of [...values, ...scale.ticks]) {
          expect(scale.place(one)).toBeGreaterThanOrEqual(0);
          expect(scale.place(one)).toBeLessThanOrEqual(1);
        }
      }
    }), { numRuns: 300 });
  });
});
