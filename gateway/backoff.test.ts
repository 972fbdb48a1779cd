import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffMs, DEFAULT_BACKOFF } from './backoff.ts';

const limits = fc.record({ baseMs: fc.integer({ min: 1, max: 10_000 }), capMs: fc.integer({ min: 1, max: 600_000 }) });
const below1 = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it('waits at least half of the doubled base or the cap, and never longer, for any attempt', () => {
  fc.assert(
    fc.property(fc.nat(), limits, below1, (attempt, { baseMs, capMs }, random) => {
      const waitMs = backoffMs(attempt, { baseMs, capMs }, () => random);
      const boundMs = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
      expect(waitMs).toBeGreaterThanOrEqual(boundMs / 2);
      expect(waitMs).toBeLessThanOrEqual(boundMs);
    }),
  );
});

it('never shortens its bound from one attempt to the next', () => {
  fc.assert(
    fc.property(fc.nat(2000), limits, (attempt, given) => {
      expect(backoffMs(attempt + 1, given, () => 0.5)).toBeGreaterThanOrEqual(backoffMs(attempt, given, () => 0.5));
    }),
  );
});

it('keeps a gateway away for a second at least, and spreads a fleet over a quarter of a minute in the end', () => {
  expect(backoffMs(0, DEFAULT_BACKOFF, () => 0)).toBe(1_000);
  expect(backoffMs(0, DEFAULT_BACKOFF, () => 0.999_999)).toBeCloseTo(2_000, 2);
  expect(backoffMs(1e9, DEFAULT_BACKOFF, () => 0)).toBe(15_000);
  expect(backoffMs(1e9, DEFAULT_BACKOFF, () => 0.999_999)).toBeCloseTo(30_000, 1);
});
