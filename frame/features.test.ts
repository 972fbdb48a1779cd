import { describe, expect, it } from 'vitest';
import { crestFactorOf, totalRmsOf } from './features.ts';

describe('derived features', () => {
  it('sum the squares of the axes that are there', () => {
    expect(totalRmsOf({ x: 3, y: 4, z: 12 })).toBe(13);
    expect(totalRmsOf({ x: 3, y: NaN, z: 4 })).toBe(5);
    expect(totalRmsOf({ x: 0, y: 0, z: 0 })).toBe(0);
    expect(totalRmsOf({ x: NaN, y: NaN, z: NaN })).toBeNaN();
  });

  it('give a crest factor of 0 at rest and NaN when something is missing', () => {
    expect(crestFactorOf(6, 2)).toBe(3);
    expect(crestFactorOf(0, 0)).toBe(0);
    expect(crestFactorOf(6, 0)).toBe(0);
    expect(crestFactorOf(NaN, 2)).toBeNaN();
    expect(crestFactorOf(6, NaN)).toBeNaN();
    expect(crestFactorOf(NaN, 0)).toBeNaN();
  });
});
