import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACCELERATION_UNITS_PER_G,
  fromMinifloat,
  MINIFLOAT_MAX,
  MINIFLOAT_NAN,
  toMinifloat,
  VELOCITY_UNITS_PER_MM_PER_S,
} from './minifloat.ts';

const SCALES = [1, ACCELERATION_UNITS_PER_G, VELOCITY_UNITS_PER_MM_PER_S];

/** The definition, without a shortcut: the code whose value is nearest, the greater one of two equally near. */
function nearestCode(units: number): number {
  let best = 0;
  for (let code = 1; code <= MINIFLOAT_MAX; code++) {
    if (Math.abs(fromMinifloat(code, 1) - units) <= Math.abs(fromMinifloat(best, 1) - units)) best = code;
  }
  return best;
}

describe('minifloat', () => {
  it('gives every code back from its value, at every scale', () => {
    for (const scale of SCALES) {
      for (let code = 0; code <= MINIFLOAT_NAN; code++) {
        expect(toMinifloat(fromMinifloat(code, scale), scale, 'it')).toBe(code);
      }
    }
  });

  it('grows with its code', () => {
    for (let code = 1; code <= MINIFLOAT_MAX; code++) {
      expect(fromMinifloat(code, 1)).toBeGreaterThan(fromMinifloat(code - 1, 1));
    }
  });

  it('rounds the middle between two codes up, and what is just below it down', () => {
    for (let code = 0; code < MINIFLOAT_MAX; code++) {
      const middle = (fromMinifloat(code, 1) + fromMinifloat(code + 1, 1)) / 2;
      expect(toMinifloat(middle, 1, 'it')).toBe(code + 1);
      expect(toMinifloat(middle * (1 - Number.EPSILON), 1, 'it')).toBe(code);
    }
    expect(toMinifloat(0.49999999999999994, 1, 'it')).toBe(0);
  });

  it('is the nearest code', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 9_000_000, noNaN: true }), (units) => {
        expect(toMinifloat(units, 1, 'it')).toBe(nearestCode(units));
      }),
      { numRuns: 200 },
    );
  });

  it('is off by at most half a unit or 1/512 of the value', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 83.5584, noNaN: true }), (g) => {
        const back = fromMinifloat(toMinifloat(g, ACCELERATION_UNITS_PER_G, 'it'), ACCELERATION_UNITS_PER_G);
        expect(Math.abs(back - g)).toBeLessThanOrEqual(Math.max(0.5 / ACCELERATION_UNITS_PER_G, g / 512) * 1.000001);
      }),
    );
  });

  it('saturates, keeps NaN, and takes -0 for 0', () => {
    expect(toMinifloat(Infinity, 2000, 'it')).toBe(MINIFLOAT_MAX);
    expect(toMinifloat(1e9, 2000, 'it')).toBe(MINIFLOAT_MAX);
    expect(toMinifloat(Number.MAX_VALUE, 2000, 'it')).toBe(MINIFLOAT_MAX);
    expect(fromMinifloat(MINIFLOAT_MAX, VELOCITY_UNITS_PER_MM_PER_S)).toBe(4177.92);
    expect(fromMinifloat(MINIFLOAT_MAX, ACCELERATION_UNITS_PER_G)).toBe(83.5584);
    expect(toMinifloat(NaN, 2000, 'it')).toBe(MINIFLOAT_NAN);
    expect(fromMinifloat(MINIFLOAT_NAN, 2000)).toBeNaN();
    expect(toMinifloat(-0, 2000, 'it')).toBe(0);
    expect(Object.is(toMinifloat(-0, 2000, 'it'), 0)).toBe(true);
  });

  it.each([-Number.MIN_VALUE, -1, -Infinity])('refuses %s and names the field', (value) => {
    expect(() => toMinifloat(value, 2000, 'velocity')).toThrow(
      expect.objectContaining({ code: 'FRAME_VALUE', message: expect.stringContaining('velocity') as string }),
    );
  });
});
