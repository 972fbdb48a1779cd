import { describe, expect, it } from 'vitest';
import { cosineOfTurns, exponential, naturalLog, sineOfTurns } from './elementary.ts';

describe('own elementary functions', () => {
  it('agree with the engine to 1e-14 over several turns', () => {
    for (let i = -3000; i <= 3000; i++) {
      const turns = i / 1000;
      expect(Math.abs(sineOfTurns(turns) - Math.sin(turns * 2 * Math.PI))).toBeLessThan(1e-14);
      expect(Math.abs(cosineOfTurns(turns) - Math.cos(turns * 2 * Math.PI))).toBeLessThan(1e-14);
    }
  });

  it('are exact at quarter turns, however many', () => {
    for (const whole of [0, 1, -1, 1e6, -1e12]) {
      expect([0, 0.25, 0.5, 0.75].map((part) => sineOfTurns(whole + part) + 0)).toEqual([0, 1, 0, -1]);
      expect([0, 0.25, 0.5, 0.75].map((part) => cosineOfTurns(whole + part) + 0)).toEqual([1, 0, -1, 0]);
    }
  });

  it('give exponentials and logarithms to 1e-13 of their size', () => {
    for (let x = -690; x <= 690; x += 0.37) {
      expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-13);
      expect(Math.abs(naturalLog(Math.exp(x)) - x)).toBeLessThan(1e-13 * Math.max(1, Math.abs(x)));
    }
    expect([exponential(0), exponential(-1000), exponential(1000), naturalLog(1)]).toEqual([1, 0, Infinity, 0]);
  });
});
