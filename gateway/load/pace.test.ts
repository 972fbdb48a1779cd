import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { curveOf } from './pace.ts';
import type { Pace } from './scenario.ts';

const rate = fc.double({ min: 0.01, max: 1e6, noNaN: true });
const rateOrNone = fc.oneof(fc.constant(0), rate);
const overMs = fc.integer({ min: 1, max: 3_600_000 });
type OpenPace = Exclude<Pace, { kind: 'closed' | 'self-tuning' }>;

const paces: fc.Arbitrary<OpenPace> = fc.oneof(
  fc.record({ kind: fc.constant('rate' as const), perS: rate }),
  fc.record({ kind: fc.constant('searched' as const) }),
  fc.record({ kind: fc.constant('ramp' as const), fromPerS: rateOrNone, toPerS: rate, overMs }),
  fc.record({ kind: fc.constant('ramp' as const), fromPerS: rate, toPerS: rateOrNone, overMs }),
  fc.record({ kind: fc.constant('steps' as const), fromPerS: rateOrNone, toPerS: rate, steps: fc.integer({ min: 1, max: 50 }), overMs }),
  fc
    .record({ basePerS: rateOrNone, spikePerS: rate, periodMs: fc.integer({ min: 2, max: 600_000 }), part: fc.double({ min: 0.01, max: 0.99, noNaN: true }) })
    .map(({ periodMs, part, ...rates }) => ({ kind: 'spikes' as const, ...rates, periodMs, spikeMs: Math.max(1, Math.round(periodMs * part)) }))
    .filter(({ spikeMs, periodMs }) => spikeMs < periodMs),
);

describe('the curve of a pace', () => {
  it('knows when a message is due, and at that time how many have been', () => {
    fc.assert(
      fc.property(paces, fc.double({ min: 0, max: 1e9, noNaN: true }), (pace, messages) => {
        const curve = curveOf(pace, 123);
        const s = curve.timeOfS(messages);
        fc.pre(Number.isFinite(s));
        // Where the rate is 0 the curve is level; elsewhere a nanosecond of a day is what floating point leaves.
        const slack = 1e-6 + messages * 1e-9 + s * 1e-9 * 1e6;
        expect(Math.abs(curve.messagesAt(s) - messages)).toBeLessThanOrEqual(slack);
      }),
      { numRuns: 500 },
    );
  });

  it('never goes back', () => {
    fc.assert(
      fc.property(paces, fc.double({ min: 0, max: 86_400, noNaN: true }), fc.double({ min: 0, max: 3_600, noNaN: true }), (pace, s, moreS) => {
        const curve = curveOf(pace, 5);
        const before = curve.messagesAt(s);
        expect(curve.messagesAt(s + moreS)).toBeGreaterThanOrEqual(before - before * 1e-12);
        const dueS = curve.timeOfS(before);
        expect(curve.timeOfS(before + moreS)).toBeGreaterThanOrEqual(dueS - dueS * 1e-12);
      }),
      { numRuns: 500 },
    );
  });

  it('comes to a number that is nearly nothing at once', () => {
    expect(curveOf({ kind: 'ramp', fromPerS: 0, toPerS: 0.01, overMs: 40 }, 0).timeOfS(5e-324)).toBe(0);
  });

  it('rises in a ramp from one rate to the other, and goes on with that', () => {
    const curve = curveOf({ kind: 'ramp', fromPerS: 0, toPerS: 100, overMs: 10_000 }, 0);
    expect(curve.messagesAt(5)).toBeCloseTo(125);
    expect(curve.messagesAt(10)).toBeCloseTo(500);
    expect(curve.messagesAt(12)).toBeCloseTo(700);
    expect(curve.timeOfS(125)).toBeCloseTo(5);
  });

  it('never comes to more messages than a ramp to nothing has', () => {
    const curve = curveOf({ kind: 'ramp', fromPerS: 100, toPerS: 0, overMs: 10_000 }, 0);
    expect(curve.messagesAt(1e6)).toBeCloseTo(500);
    expect(curve.timeOfS(499)).toBeLessThan(10);
    expect(curve.timeOfS(501)).toBe(Infinity);
  });

  it('has a spike at the end of each period', () => {
    const curve = curveOf({ kind: 'spikes', basePerS: 0, spikePerS: 1_000, periodMs: 10_000, spikeMs: 1_000 }, 0);
    expect(curve.messagesAt(8.9)).toBe(0);
    expect(curve.messagesAt(10)).toBeCloseTo(1_000);
    expect(curve.messagesAt(39.5)).toBeCloseTo(3_500);
    expect(curve.timeOfS(0)).toBeCloseTo(9);
    expect(curve.timeOfS(3_500)).toBeCloseTo(39.5);
  });

  it('goes up in equal steps', () => {
    const curve = curveOf({ kind: 'steps', fromPerS: 10, toPerS: 40, steps: 4, overMs: 40_000 }, 0);
    expect([5, 15, 25, 35, 45].map((s) => Math.round(curve.messagesAt(s + 0.5) - curve.messagesAt(s - 0.5)))).toEqual([10, 20, 30, 40, 40]);
  });
});
