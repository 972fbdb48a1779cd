import { describe, expect, it } from 'vitest';
import { PlanError } from './errors.ts';
import { planFleet, type FleetSettings } from './plan.ts';

const SETTINGS: FleetSettings = {
  seed: 1,
  sites: 2,
  gateways: 3,
  sensors: 60,
  machines: 20,
  faultShare: 0.25,
  intervalMs: 60_000,
  waveformEvery: 10,
  startMs: 0,
  captureSamples: 8192,
};

describe('a fleet plan', () => {
  it('is the same for the same settings and another for another seed', () => {
    expect(planFleet(SETTINGS)).toEqual(planFleet({ ...SETTINGS }));
    expect(planFleet({ ...SETTINGS, seed: 2 })).not.toEqual(planFleet(SETTINGS));
  });

  it('is plain data that survives a copy to another thread', () => {
    const plan = planFleet(SETTINGS);
    expect(structuredClone(plan)).toEqual(plan);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('gives three positions to each of 20 machines with 60 sensors', () => {
    const plan = planFleet({ ...SETTINGS, sites: 1 });
    const positions = new Map<string, string[]>();
    for (const sensor of plan.gateways.flatMap((gateway) => gateway.sensors)) {
      positions.set(sensor.machine.name, [...(positions.get(sensor.machine.name) ?? []), sensor.position.name]);
    }
    expect(positions.size).toBe(20);
    for (const names of positions.values()) expect(names).toEqual(['drive end', 'non-drive end', 'load end']);
  });

  it.each([
    [1, 1, 1, 1],
    [2, 3, 60, 20],
    [3, 7, 100, 40],
    [4, 4, 80, 80],
    [5, 9, 173, 33],
    [1, 10, 10, 2],
    [10, 10, 10, 10],
  ])('of %i sites, %i gateways, %i sensors and %i machines adds up', (sites, gateways, sensors, machines) => {
    const plan = planFleet({ ...SETTINGS, sites, gateways, sensors, machines });
    const all = plan.gateways.flatMap((gateway) => gateway.sensors);
    expect([plan.sites.length, plan.gateways.length, all.length, plan.machines.length]).toEqual([
      sites,
      gateways,
      sensors,
      machines,
    ]);
    const counts = plan.gateways.map((gateway) => gateway.sensors.length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(20);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(new Set(all.map((sensor) => sensor.machine.name)).size).toBe(machines);
    expect(new Set(all.map((sensor) => sensor.name)).size).toBe(sensors);
    const ids = [...all.map((sensor) => sensor.sensorId), ...plan.gateways.map((gateway) => gateway.gatewayId)];
    expect(new Set(ids).size).toBe(sensors + gateways);
    expect(ids.every((id) => /^[0-9a-f]{16}$/.test(id))).toBe(true);
    for (const gateway of plan.gateways) {
      for (const sensor of gateway.sensors) {
        expect([sensor.gatewayId, sensor.machine.siteIndex]).toEqual([gateway.gatewayId, gateway.siteIndex]);
      }
    }
  });

  it('has exactly the share of faulty machines that was asked for', () => {
    for (const faultShare of [0, 0.25, 0.5, 1]) {
      const { machines } = planFleet({ ...SETTINGS, faultShare });
      expect(machines.filter((machine) => machine.fault.kind !== 'none').length).toBe(20 * faultShare);
    }
  });

  it.each([
    [{ sensors: 61 }, 'PLAN_GATEWAYS', 'raise gateways from 3'],
    [{ sites: 4 }, 'PLAN_SITES', 'lower sites'],
    [{ sensors: 2, machines: 2 }, 'PLAN_SENSORS', 'lower gateways'],
    [{ machines: 61 }, 'PLAN_SENSORS', 'lower machines'],
    [{ machines: 9 }, 'PLAN_MACHINES', 'raise machines from 9'],
    [{ sites: 0 }, 'PLAN_VALUE', 'sites is 0'],
    [{ sensors: 1.5 }, 'PLAN_VALUE', 'sensors is 1.5'],
    [{ seed: -1 }, 'PLAN_VALUE', 'seed is -1'],
    [{ seed: NaN }, 'PLAN_VALUE', 'seed is NaN'],
    [{ faultShare: 1.1 }, 'PLAN_VALUE', 'faultShare is 1.1'],
    [{ intervalMs: 0 }, 'PLAN_VALUE', 'intervalMs is 0'],
    [{ captureSamples: 65_537 }, 'PLAN_VALUE', 'captureSamples is 65537'],
    [{ startMs: -5 }, 'PLAN_VALUE', 'startMs is -5'],
  ] as const)('of %o is refused as %s and says what to change', (change, code, hint) => {
    const plan = (): unknown => planFleet({ ...SETTINGS, ...change });
    expect(plan).toThrow(PlanError);
    expect(plan).toThrow(expect.objectContaining({ code, message: expect.stringContaining(hint) as string }) as Error);
    expect(plan).toThrow(/^[^\n]+$/);
  });
});
