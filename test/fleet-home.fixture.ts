/** A home, the commands of a broker and of gateways on it, each a process of its own, and what its store must hold in the end. */
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { createSensor, planFleet, type FleetPlan, type FleetSettings } from '../sensors/mod.ts';
import { freePort, thrum, type Running } from './cli.ts';
import { measured, messagesOf, sorted, storedMessages } from './store-contents.ts';

/** How long to wait for what a process does, and how often to look. */
export const WAIT = { timeout: 30_000, interval: 20 };

export interface TestFleet {
  readonly options: readonly string[];
  /** What the commands make of these options. */
  readonly plan: FleetPlan;
}

/** A fleet of one site whose sensors measure ten times a second. */
export function fleetOf({ seed, gateways, sensors, machines }: Pick<FleetSettings, 'seed' | 'gateways' | 'sensors' | 'machines'>): TestFleet {
  const given = { seed, sites: 1, gateways, sensors, machines, 'capture-samples': 1024, 'waveform-every': 6, speed: 36_000 };
  return {
    options: Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]),
    plan: planFleet({ seed, sites: 1, gateways, sensors, machines, faultShare: 0.3, intervalMs: 3_600_000, waveformEvery: 6, captureSamples: 1024, startMs: Date.UTC(2026, 0, 1) }),
  };
}

export interface FleetHome {
  readonly home: string;
  readonly plan: FleetPlan;
  /** Arguments of the broker, and of each gateway. */
  readonly broker: readonly string[];
  readonly gateways: readonly (readonly string[])[];
}

/** Makes nothing yet: the broker makes its home. */
export async function fleetHomeIn(folder: string, { options, plan }: TestFleet): Promise<FleetHome> {
  const home = join(folder, 'home');
  const port = String(await freePort());
  const gateways = plan.gateways.map((_, index) => ['gateway', '--number', String(index + 1), '--home', home, '--url', `mqtts://localhost:${port}`, ...options]);
  return { home, plan, broker: ['broker', '--home', home, '--port', port], gateways };
}

/** Asks it to end, which it does well. */
export async function stop({ child, exited }: Running): Promise<void> {
  child.kill('SIGTERM');
  const { exitCode, stderr } = await exited;
  expect(exitCode, stderr).toBe(0);
}

export async function waitUntilStored(home: string, moreThan: number): Promise<void> {
  await vi.waitFor(async () => expect((await storedMessages(home)).length).toBeGreaterThan(moreThan), WAIT);
}

/** Once all are stopped: the store has what the sensors said, each message once, more than so many, and says so itself. */
export async function expectAllStoredOnce({ home, plan }: FleetHome, moreThan = 0): Promise<void> {
  const counts = await measured(home);
  const expected = plan.gateways.flatMap(({ sensors }) => sensors.flatMap((spec) => messagesOf(createSensor(spec), counts.get(spec.sensorId) ?? 0)));
  expect(expected.length).toBeGreaterThan(moreThan);
  expect(sorted(await storedMessages(home))).toEqual(sorted(expected));
  expect(await thrum(['store', 'verify', '--home', home])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('all as they were written') as string });
}
