import { describe, expect, it } from 'vitest';
import { randomStream } from './random.ts';

const COUNT = 400_000;

describe('a random stream', () => {
  it('repeats itself for the same seed and labels and differs for others', () => {
    const first = (seed: number, ...labels: (string | number)[]): number[] => {
      const stream = randomStream(seed, ...labels);
      return [stream.uint32(), stream.uint32(), stream.uint32()];
    };
    expect(first(1, 'a', 2)).toEqual(first(1, 'a', 2));
    const others = [first(2, 'a', 2), first(1, 'a', '2'), first(1, 'a2'), first(1, 'a', 3), first(1)];
    const all = new Set([first(1, 'a', 2), ...others].map(String));
    expect(all.size).toBe(6);
  });

  it('is pinned to these numbers', () => {
    const stream = randomStream(42, 'pinned');
    const numbers = [stream.uint32(), stream.uniform(), stream.gaussian(), stream.gaussian()];
    expect(numbers).toMatchInlineSnapshot(`
      [
        1682708243,
        0.5667727349791676,
        1.1608112151626007,
        0.04533775742115755,
      ]
    `);
  });

  it('gives uniform numbers in [0, 1) with the right mean and variance', () => {
    const stream = randomStream(3, 'uniform');
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < COUNT; i++) {
      const u = stream.uniform();
      if (u < 0 || u >= 1) throw new Error(`${u} is out of range`);
      sum += u;
      squares += u * u;
    }
    expect(sum / COUNT).toBeCloseTo(1 / 2, 2);
    expect(squares / COUNT).toBeCloseTo(1 / 3, 2);
  });

  it('gives normal numbers: moments, and the share beyond 1, 2, 3 and 3.5 deviations', () => {
    const stream = randomStream(4, 'normal');
    const moments = [0, 0, 0, 0];
    const beyond = [0, 0, 0, 0];
    for (let i = 0; i < COUNT; i++) {
      const g = stream.gaussian();
      for (let m = 0, power = g; m < 4; m++, power *= g) moments[m]! += power / COUNT;
      [1, 2, 3, 3.5].forEach((limit, k) => (beyond[k]! += Math.abs(g) > limit ? 1 / COUNT : 0));
    }
    expect(moments[0]).toBeCloseTo(0, 2);
    expect(Math.abs(moments[1]! - 1)).toBeLessThan(0.01);
    expect(Math.abs(moments[2]!)).toBeLessThan(0.02);
    expect(Math.abs(moments[3]! - 3)).toBeLessThan(0.06);
    [0.3173, 0.0455, 0.0027, 0.000465].forEach((share, k) => {
      expect(Math.abs(beyond[k]! - share)).toBeLessThan(4 * Math.sqrt(share / COUNT));
    });
  });
});
