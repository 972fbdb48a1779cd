/** Plans a fleet: sites, machines, gateways and sensors, all from one seed and a few numbers. */

import { MAX_WAVEFORM_SAMPLES } from '../frame/messages.ts';
import { PlanError } from './errors.ts';
import { eui64, MAX_DEVICES_OF_A_KIND } from './identity.ts';
import type { Machine } from './machine.ts';
import { drawMachine } from './machines.ts';
import { POSITIONS } from './position.ts';
import { randomStream } from './random.ts';
import type { SensorSpec } from './simulated.ts';

/** What a fleet is planned from. All numbers are whole but `faultShare`. */
export interface FleetSettings {
  /** 0 to 2^53 - 1. */
  readonly seed: number;
  /** 1 to `gateways`. */
  readonly sites: number;
  /** 1 to `sensors`; at least one for MAX_SENSORS_PER_GATEWAY sensors. */
  readonly gateways: number;
  /** 1 to 2^24. */
  readonly sensors: number;
  /** 1 to `sensors`; at least one to a site and one for MAX_SENSORS_PER_MACHINE sensors. */
  readonly machines: number;
  /** Part of the machines that have a fault, 0 to 1. */
  readonly faultShare: number;
  /** Between the measurements of a sensor, 1 to 2^31 - 1. */
  readonly intervalMs: number;
  /** Every how many measurements the waveform is sent too; 0 never. */
  readonly waveformEvery: number;
  /** When the sensors are switched on, ms since 1970, 0 to 2^47. */
  readonly startMs: number;
  /** Samples per axis of a capture, 16 to MAX_WAVEFORM_SAMPLES. */
  readonly captureSamples: number;
}

export interface SitePlan {
  readonly name: string;
}

export interface GatewayPlan {
  /** EUI-64, 16 lower-case hex digits. */
  readonly gatewayId: string;
  readonly siteIndex: number;
  readonly sensors: readonly SensorSpec[];
}

export interface FleetPlan {
  readonly sites: readonly SitePlan[];
  readonly machines: readonly Machine[];
  readonly gateways: readonly GatewayPlan[];
}

export const MAX_SENSORS_PER_GATEWAY = 20;
export const MAX_SENSORS_PER_MACHINE = POSITIONS.length;
export const MIN_CAPTURE_SAMPLES = 16;

/** Least and greatest value of each whole number among the settings. */
const RANGES: Readonly<Record<Exclude<keyof FleetSettings, 'faultShare'>, readonly [number, number]>> = {
  seed: [0, Number.MAX_SAFE_INTEGER],
  sites: [1, MAX_DEVICES_OF_A_KIND],
  gateways: [1, MAX_DEVICES_OF_A_KIND],
  sensors: [1, MAX_DEVICES_OF_A_KIND],
  machines: [1, MAX_DEVICES_OF_A_KIND],
  intervalMs: [1, 0x7fff_ffff],
  waveformEvery: [0, 0xffff_ffff],
  startMs: [0, 2 ** 47],
  captureSamples: [MIN_CAPTURE_SAMPLES, MAX_WAVEFORM_SAMPLES],
};

function assertSettings(settings: FleetSettings): void {
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = settings[name as keyof typeof RANGES];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new PlanError('PLAN_VALUE', `${name} is ${value}: it must be a whole number from ${least} to ${most}`);
    }
  }
  if (!(settings.faultShare >= 0 && settings.faultShare <= 1)) {
    throw new PlanError('PLAN_VALUE', `faultShare is ${settings.faultShare}: it must be from 0 to 1`);
  }
}

/** Refuses counts that cannot be laid out, and says which to change. */
function assertCounts({ sites, gateways, sensors, machines }: FleetSettings): void {
  const gatewaysNeeded = Math.ceil(sensors / MAX_SENSORS_PER_GATEWAY);
  if (gateways < gatewaysNeeded) {
    throw new PlanError(
      'PLAN_GATEWAYS',
      `${sensors} sensors need at least ${gatewaysNeeded} gateways (20 sensors each): raise gateways from ${gateways}`,
    );
  }
  if (sites > gateways) {
    throw new PlanError(
      'PLAN_SITES',
      `${sites} sites need a gateway each: raise gateways from ${gateways} or lower sites`,
    );
  }
  if (gateways > sensors) {
    throw new PlanError(
      'PLAN_SENSORS',
      `${gateways} gateways need a sensor each: raise sensors from ${sensors} or lower gateways`,
    );
  }
  if (machines > sensors) {
    throw new PlanError(
      'PLAN_SENSORS',
      `${machines} machines need a sensor each: raise sensors from ${sensors} or lower machines`,
    );
  }
}

/** Splits `total` evenly over parts by weight: cumulative rounding, so each gets its share rounded up or down. */
function splitByWeight(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  let weightBefore = 0;
  let given = 0;
  return weights.map((weight) => {
    weightBefore += weight;
    const upTo = sum === 0 ? 0 : Math.floor((total * weightBefore) / sum);
    const share = upTo - given;
    given = upTo;
    return share;
  });
}

/** Index of the part that item `index` of `items` falls into when they are spread evenly over `parts`. */
function partOf(index: number, items: number, parts: number): number {
  return Math.floor((index * parts) / items);
}

/** Machines of each site: as many as its sensors need, the rest in proportion to the sensors left. */
function machinesPerSite(settings: FleetSettings, sensorsPerSite: readonly number[]): readonly number[] {
  const least = sensorsPerSite.map((sensors) => Math.ceil(sensors / MAX_SENSORS_PER_MACHINE));
  const needed = least.reduce((a, b) => a + b, 0);
  if (settings.machines < needed) {
    const why = `${settings.sensors} sensors on ${settings.sites} sites need at least ${needed} machines`;
    throw new PlanError(
      'PLAN_MACHINES',
      `${why} (${MAX_SENSORS_PER_MACHINE} sensors each): raise machines from ${settings.machines}`,
    );
  }
  const room = sensorsPerSite.map((sensors, site) => sensors - least[site]!);
  const extra = splitByWeight(settings.machines - needed, room);
  return least.map((count, site) => count + extra[site]!);
}

/** Indices of the faulty machines: the first of the machines in an order shuffled by the seed. */
function faultyMachines({ seed, machines, faultShare }: FleetSettings): ReadonlySet<number> {
  const random = randomStream(seed, 'faulty');
  const order = Array.from({ length: machines }, (_, index) => index);
  const count = Math.round(faultShare * machines);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random.uniform() * (machines - i));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return new Set(order.slice(0, count));
}

function planMachines(settings: FleetSettings, perSite: readonly number[]): readonly Machine[] {
  const { seed, startMs } = settings;
  const faulty = faultyMachines(settings);
  const digits = Math.max(2, String(settings.machines).length);
  const machines: Machine[] = [];
  perSite.forEach((count, siteIndex) => {
    for (let i = 0; i < count; i++) {
      const index = machines.length;
      const health = faulty.has(index) ? 'faulty' : 'sound';
      machines.push(drawMachine({ seed, index, siteIndex, digits, health, startMs }));
    }
  });
  return machines;
}

/** The sensors of one site, machine by machine, without their gateways. */
function siteSensors(
  settings: FleetSettings,
  machines: readonly Machine[],
  count: number,
  firstIndex: number,
): Omit<SensorSpec, 'gatewayId'>[] {
  const { seed, startMs, intervalMs, captureSamples, waveformEvery } = settings;
  const taken = machines.map(() => 0);
  return Array.from({ length: count }, (_, i) => {
    const machineIndex = partOf(i, count, machines.length);
    const machine = machines[machineIndex]!;
    const position = POSITIONS[taken[machineIndex]!++]!;
    const sensorId = eui64(seed, 'sensor', firstIndex + i);
    const name = `${machine.name} ${position.name}`;
    return { sensorId, name, seed, machine, position, startMs, intervalMs, captureSamples, waveformEvery };
  });
}

/**
 * Plans a fleet. Pure: equal settings, equal plan, on any machine. Sensors spread evenly over gateways, gateways over
 * sites; a machine's sensors report to gateways of its own site. Throws PlanError: PLAN_VALUE for a number out of its
 * range, PLAN_SITES, PLAN_GATEWAYS, PLAN_SENSORS or PLAN_MACHINES for numbers that do not go together.
 */
export function planFleet(settings: FleetSettings): FleetPlan {
  assertSettings(settings);
  assertCounts(settings);
  const sensorsPerGateway = splitByWeight(settings.sensors, new Array<number>(settings.gateways).fill(1));
  const siteOfGateway = sensorsPerGateway.map((_, index) => partOf(index, settings.gateways, settings.sites));
  const sensorsPerSite = new Array<number>(settings.sites).fill(0);
  sensorsPerGateway.forEach((count, index) => (sensorsPerSite[siteOfGateway[index]!]! += count));
  const perSite = machinesPerSite(settings, sensorsPerSite);
  const machines = planMachines(settings, perSite);

  const sensors: Omit<SensorSpec, 'gatewayId'>[] = [];
  let firstMachine = 0;
  sensorsPerSite.forEach((count, site) => {
    const here = machines.slice(firstMachine, firstMachine + perSite[site]!);
    firstMachine += here.length;
    for (const sensor of siteSensors(settings, here, count, sensors.length)) sensors.push(sensor);
  });

  let firstSensor = 0;
  const gateways = sensorsPerGateway.map((count, index): GatewayPlan => {
    const gatewayId = eui64(settings.seed, 'gateway', index);
    const own = sensors.slice(firstSensor, firstSensor + count).map((sensor) => ({ ...sensor, gatewayId }));
    firstSensor += count;
    return { gatewayId, siteIndex: siteOfGateway[index]!, sensors: own };
  });
  const sites = sensorsPerSite.map((_, index) => ({ name: `Site ${index + 1}` }));
  return { sites, machines, gateways };
}
