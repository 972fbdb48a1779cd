import { describe, expect, it } from 'vitest';
import { nextZone, zoneOf } from './iso20816.ts';

describe('ISO 20816 zones', () => {
  it('change at 1.4, 2.8 and 4.5 mm/s, a boundary belonging to the worse zone', () => {
    const velocities = [0, 1.399, 1.4, 2.799, 2.8, 4.499, 4.5, 100];
    expect(velocities.map(zoneOf).join('')).toBe('AABBCCDD');
  });

  it('are entered upwards at once, over several at a time', () => {
    expect(nextZone('A', 1.4)).toBe('B');
    expect(nextZone('A', 9)).toBe('D');
    expect(nextZone('B', 2)).toBe('B');
  });

  it('are left downwards only below 0.9 of the boundary', () => {
    expect(nextZone('B', 1.39)).toBe('B');
    expect(nextZone('B', 1.261)).toBe('B');
    expect(nextZone('B', 1.259)).toBe('A');
    expect(nextZone('D', 4.06)).toBe('D');
    expect(nextZone('D', 4.04)).toBe('C');
    expect(nextZone('D', 2.6)).toBe('C');
    expect(nextZone('D', 0)).toBe('A');
  });
});
