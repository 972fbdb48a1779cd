import { describe, expect, it } from 'vitest';
import { DAY_MS, laggedLoadAt, loadAt, machineStateAt, severityAt, type Machine } from './machine.ts';
import { drawMachine } from './machines.ts';
import { POSITIONS } from './position.ts';
import { caseTemperatureC } from './temperature.ts';

const START_MS = Date.UTC(2026, 0, 5);

function machineOf(index: number, health: 'sound' | 'faulty' = 'sound'): Machine {
  return drawMachine({ seed: 11, index, siteIndex: 0, digits: 2, health, startMs: START_MS });
}

describe('a machine', () => {
  it('carries a load between 0 and 1 at every time of day, whichever machine', () => {
    for (let index = 0; index < 200; index++) {
      for (let hour = 0; hour < 24; hour++) {
        const { load } = machineStateAt(machineOf(index), START_MS + (hour * DAY_MS) / 24);
        expect(load > 0 && load < 1).toBe(true);
      }
    }
  });

  it('slows down with load, from synchronous speed to rated speed', () => {
    const machine = { ...machineOf(0), shaftRpm: 1480, ratedSlip: 0.02 };
    const at = (mean: number): number =>
      machineStateAt({ ...machine, load: { mean, dailySwing: 0, halfDailySwing: 0, peakDayFraction: 0 } }, START_MS)
        .shaftHz;
    expect(at(1)).toBeCloseTo(1480 / 60, 9);
    expect(at(0)).toBeCloseTo(1480 / 60 / 0.98, 9);
    expect(at(0.5)).toBeLessThan(at(0));
  });

  it('repeats its load from day to day but for nothing else than time', () => {
    const { load } = machineOf(3);
    expect(loadAt(load, START_MS + DAY_MS / 3)).toBe(loadAt(load, START_MS + 400 * DAY_MS + DAY_MS / 3));
  });

  it('gets worse by its growth per day, up to 1, and a sound one never', () => {
    const fault = { kind: 'outer', severity: 0.5, growthPerDay: 0.01, sinceMs: START_MS } as const;
    expect(severityAt(fault, START_MS + 10 * DAY_MS)).toBeCloseTo(0.6, 12);
    expect(severityAt(fault, START_MS + 900 * DAY_MS)).toBe(1);
    expect(severityAt({ ...fault, kind: 'none' }, START_MS)).toBe(0);
  });
});

describe('its temperature', () => {
  it('follows the load as the lag equation says: lag · dT/dt = load - T', () => {
    const { load, thermalLagMs } = machineOf(5);
    const step = 1000;
    for (let timeMs = START_MS; timeMs < START_MS + DAY_MS; timeMs += DAY_MS / 50) {
      const slope =
        (laggedLoadAt(load, timeMs + step, thermalLagMs) - laggedLoadAt(load, timeMs - step, thermalLagMs)) /
        (2 * step);
      const residue = thermalLagMs * slope - (loadAt(load, timeMs) - laggedLoadAt(load, timeMs, thermalLagMs));
      expect(Math.abs(residue)).toBeLessThan(1e-6);
    }
  });

  it('stays plausible through the year, in steps of 0.01 °C', () => {
    for (let index = 0; index < 50; index++) {
      for (let day = 0; day < 365; day += 13.37) {
        const celsius = caseTemperatureC(
          machineOf(index, 'faulty'),
          POSITIONS[0]!,
          Math.round(START_MS + day * DAY_MS),
        );
        expect(celsius > 0 && celsius < 100).toBe(true);
        expect(Math.round(celsius * 100) / 100).toBe(celsius);
      }
    }
  });
});
