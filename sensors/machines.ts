/** Machines drawn by chance: what kinds there are and how their numbers spread. Plausible, not surveyed. */

import { BEARINGS, type BearingName, type FaultKind } from './bearing.ts';
import type { BearingFault, Machine } from './machine.ts';
import { randomStream, type RandomStream } from './random.ts';

const KINDS = ['Pump', 'Fan', 'Compressor', 'Conveyor', 'Mixer', 'Blower'] as const;
/** Rated speeds of 6-, 4- and 2-pole induction motors on 50 Hz and 60 Hz. */
const RATED_RPM = [985, 1_185, 1_480, 1_480, 1_780, 2_960, 3_560] as const;
const DAMAGED_PARTS: readonly FaultKind[] = ['outer', 'outer', 'inner', 'inner', 'ball', 'cage'];
/** Days in which a fault grows from nothing to failure, at the slowest and fastest. */
const SLOWEST_GROWTH_DAYS = 400;
const FASTEST_GROWTH_DAYS = 60;

function between(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.uniform();
}

function oneOf<T>(random: RandomStream, choices: readonly T[]): T {
  return choices[Math.floor(random.uniform() * choices.length)]!;
}

function drawFault(random: RandomStream, sinceMs: number): BearingFault {
  return {
    kind: oneOf(random, DAMAGED_PARTS),
    severity: between(random, 0.2, 1),
    growthPerDay: 1 / between(random, FASTEST_GROWTH_DAYS, SLOWEST_GROWTH_DAYS),
    sinceMs,
  };
}

/** What a machine is drawn from. */
export interface MachineOrder {
  readonly seed: number;
  /** Place in the fleet; the machine's numbers hang on it and the seed alone. */
  readonly index: number;
  readonly siteIndex: number;
  /** Digits of the number in its name. */
  readonly digits: number;
  readonly health: 'sound' | 'faulty';
  /** When its fault, if any, has its first severity, ms since 1970. */
  readonly startMs: number;
}

/** Draws a machine. Sound machines run in zones A and B; a fault adds to what the machine would be without it. */
export function drawMachine(order: MachineOrder): Machine {
  const random = randomStream(order.seed, 'machine', order.index);
  const name = `${oneOf(random, KINDS)} ${String(order.index + 1).padStart(order.digits, '0')}`;
  const dailySwing = between(random, 0.05, 0.25);
  const halfDailySwing = between(random, 0, 0.05);
  const fault = drawFault(random, order.startMs);
  return {
    name,
    siteIndex: order.siteIndex,
    shaftRpm: oneOf(random, RATED_RPM),
    ratedSlip: between(random, 0.01, 0.03),
    load: { mean: between(random, 0.4, 0.7), dailySwing, halfDailySwing, peakDayFraction: between(random, 0.35, 0.65) },
    imbalanceMmPerS: between(random, 0.3, 1.2),
    secondHarmonic: between(random, 0.05, 0.4),
    thirdHarmonic: between(random, 0.02, 0.15),
    bearing: oneOf(random, Object.keys(BEARINGS) as BearingName[]),
    resonanceHz: between(random, 3_000, 4_000),
    dampingRatio: between(random, 0.03, 0.05),
    backgroundG: between(random, 0.01, 0.04),
    ambientC: between(random, 16, 26),
    loadRiseC: between(random, 15, 40),
    thermalLagMs: between(random, 20, 90) * 60_000,
    fault: order.health === 'faulty' ? fault : { kind: 'none', severity: 0, growthPerDay: 0, sinceMs: order.startMs },
  };
}
