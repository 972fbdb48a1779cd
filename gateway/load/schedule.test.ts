import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { curveOf } from './pace.ts';
import { CLOSED_LOOP, curveSchedule, selfTuningSchedule } from './schedule.ts';
import { SelfTuningRate } from './self-tuning.ts';
import type { Pace } from './scenario.ts';

/** 2026: doubles are a quarter of a microsecond apart there. */
const START_US = 1_790_000_000_123_456;
type OpenPace = Exclude<Pace, { kind: 'closed' | 'self-tuning' }>;

const paces: fc.Arbitrary<OpenPace> = fc.oneof(
  fc.record({ kind: fc.constant('rate' as const), perS: fc.constantFrom(0.2, 1, 3, 7.77, 1_000, 10_000, 333_333, 10_000_000) }),
  fc.record({ kind: fc.constant('ramp' as const), fromPerS: fc.constantFrom(0, 10, 10_000), toPerS: fc.constantFrom(5, 50_000), overMs: fc.integer({ min: 100, max: 600_000 }) }),
  fc.record({ kind: fc.constant('steps' as const), fromPerS: fc.constantFrom(0, 100), toPerS: fc.constantFrom(300, 20_000), steps: fc.integer({ min: 2, max: 9 }), overMs: fc.integer({ min: 1_000, max: 60_000 }) }),
  fc.constant({ kind: 'spikes' as const, basePerS: 0, spikePerS: 500, periodMs: 1_000, spikeMs: 100 }),
);

describe('the schedule of a client', () => {
  it('has k + 1 messages due when the k-th is, and none of them before, after hours and at any rate', () => {
    fc.assert(
      fc.property(paces, fc.integer({ min: 1, max: 1_000 }), fc.nat(), fc.oneof(fc.nat(100), fc.nat(100_000_000)), (pace, clients, any, k) => {
        const schedule = curveSchedule(curveOf(pace, 0), START_US, any % clients, clients);
        const dueUs = schedule.dueUs(k);
        fc.pre(dueUs < START_US + 20 * 86_400e6); // no step may take longer
        // Messages that are due in the same quarter of a microsecond are due together.
        let together = 1;
        while (schedule.dueUs(k + together) === dueUs) together += 1;
        expect(schedule.dueBy(dueUs, 0)).toBe(k + together);
        expect(schedule.dueBy(dueUs - 1, 0)).toBeLessThanOrEqual(k);
      }),
      { numRuns: 1_000 },
    );
  });

  it('has nothing due before it begins', () => {
    fc.assert(
      fc.property(paces, fc.integer({ min: 1, max: 1_000_000_000 }), (pace, earlierUs) => {
        expect(curveSchedule(curveOf(pace, 0), START_US, 0, 3).dueBy(START_US - earlierUs, 0)).toBe(0);
      }),
    );
  });

  it('has nothing due while the rate is none', () => {
    const schedule = curveSchedule(curveOf({ kind: 'spikes', basePerS: 0, spikePerS: 10, periodMs: 10_000, spikeMs: 1_000 }, 0), START_US, 0, 1);
    expect(schedule.dueBy(START_US + 8_999_000, 0)).toBe(0);
    expect(schedule.dueBy(START_US + 9_001_000, 0)).toBe(1);
  });

  it('is a share of the group’s rate: all clients together send what the group is to send, evenly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 12.5, 1_000), (clients, perS) => {
        const curve = curveOf({ kind: 'rate', perS }, 0);
        const dues = Array.from({ length: clients }, (_, n) => curveSchedule(curve, START_US, n, clients)).flatMap((schedule) => Array.from({ length: 10 }, (_, k) => schedule.dueUs(k)));
        dues.sort((a, b) => a - b);
        for (const [index, dueUs] of dues.entries()) expect(Math.abs(dueUs - START_US - (index / perS) * 1e6)).toBeLessThan(1);
        const us = START_US + 2_345_678;
        const due = Array.from({ length: clients }, (_, n) => curveSchedule(curve, START_US, n, clients).dueBy(us, 0)).reduce((a, b) => a + b);
        expect(due).toBe(Math.floor(2.345678 * perS) + 1);
      }),
    );
  });

  it('is never due for what a pace never comes to', () => {
    const schedule = curveSchedule(curveOf({ kind: 'ramp', fromPerS: 10, toPerS: 0, overMs: 1_000 }, 0), START_US, 0, 1);
    expect(schedule.dueUs(6)).toBe(Infinity);
    expect(schedule.dueBy(START_US + 1e12, 0)).toBeLessThanOrEqual(6);
  });

  it('has no times in a closed loop: due is what is sent', () => {
    expect(CLOSED_LOOP.dueUs(7)).toBe(-Infinity);
    expect(CLOSED_LOOP.dueBy(START_US, 7)).toBe(7);
  });
});

describe('a self-tuning schedule', () => {
  it('gives each of those who share a rate the same part of it', () => {
    const rate = new SelfTuningRate(40, 4);
    const dues = [0, 0.25, 0.5, 0.75].map((phase) => selfTuningSchedule(rate, START_US, phase)).flatMap((schedule) => [0, 1, 2].map((k) => schedule.dueUs(k)));
    expect(dues.map((dueUs) => Math.round((dueUs - START_US) / 25_000)).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('rises while answers come and falls when they stay out, within its limits', () => {
    const rate = new SelfTuningRate(1_000, 1);
    for (let i = 0; i < 100; i++) rate.judge(0, 0);
    expect(rate.perS).toBe(1_000);
    rate.judge(251, 0);
    expect(rate.perS).toBeCloseTo(667, 0);
    for (let i = 0; i < 100; i++) rate.judge(0, 1);
    expect(rate.perS).toBe(1);
  });

  it('stays below a limit under one a second, and is harmless where nobody shares it', () => {
    const slow = new SelfTuningRate(0.1, 1);
    for (let i = 0; i < 10; i++) slow.judge(0, 0);
    expect(slow.perS).toBe(0.1);
    const nobody = new SelfTuningRate(0, 0);
    nobody.judge(0, 0);
    expect(nobody.perS).toBe(0);
  });
});
