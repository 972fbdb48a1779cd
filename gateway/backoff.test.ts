import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffMs, DEFAULT_BACKOFF } from './backoff.ts';

const limits = fc.record({ baseMs: fc.integer({ min: 1, max: 10_000 }), capMs: fc.integer({ min: 1, max: 600_000 }) });
const below1 = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it('waits at least nothing and never longer than the cap or the doubled base, for any attempt', () => {
  fc.assert(
    fc.property(fc.nat(), limits, below1, (attempt, { baseMs, capMs }, random) => {
      const waitMs = backoffMs(attempt, { baseMs, capMs }, () => random);
      expect(waitMs).toBeGreaterThanOrEqual(0);
      expect(waitMs).toBeLessThanOrEqual(capMs);
      if (attempt < 30) expect(waitMs).toBeLessThanOrEqual(baseMs * 2 ** attempt);
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

it('spreads a fleet over a quarter of a second at first, over half a minute in the end', () => {
  expect(backoffMs(0, DEFAULT_BACKOFF, () => 0.999_999)).toBeCloseTo(250, 2);
  expect(backoffMs(1e9, DEFAULT_BACKOFF, () => 0.5)).toBe(15_000);
});
