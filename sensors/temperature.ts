/**
 * Temperature of the case under a sensor: surroundings plus the machine's heat, in closed form, so that any moment can
 * be computed without those before it.
 */

import { cosineOfTurns } from './elementary.ts';
import { DAY_MS, dayFraction, laggedLoadAt, severityAt, type Machine } from './machine.ts';
import type { Position } from './position.ts';

const YEAR_MS = 365.2425 * DAY_MS;
/** Swing of the surroundings within the day (warmest 15:00 UTC) and the year (warmest in mid-July), °C. */
const DAILY_SWING_C = 3;
const YEARLY_SWING_C = 6;
const WARMEST_DAY_FRACTION = 0.625;
const WARMEST_YEAR_FRACTION = 0.54;
/** Friction of a failing bearing, °C at severity 1 at the drive end. */
const FAULT_RISE_C = 15;

/** Temperature around a machine, °C. */
export function ambientC(machine: Machine, timeMs: number): number {
  const day = cosineOfTurns(dayFraction(timeMs) - WARMEST_DAY_FRACTION);
  const year = cosineOfTurns((timeMs % YEAR_MS) / YEAR_MS - WARMEST_YEAR_FRACTION);
  return machine.ambientC + DAILY_SWING_C * day + YEARLY_SWING_C * year;
}

/**
 * Case temperature at a position, °C, in steps of 0.01: the load's heat follows it with a first-order lag (steady
 * state), the bearing's friction adds to it in proportion to the fault's severity.
 */
export function caseTemperatureC(machine: Machine, position: Position, timeMs: number): number {
  const loadC = machine.loadRiseC * laggedLoadAt(machine.load, timeMs, machine.thermalLagMs);
  const faultC = FAULT_RISE_C * severityAt(machine.fault, timeMs);
  const exact = ambientC(machine, timeMs) + position.heat * (loadC + faultC);
  return Math.round(exact * 100) / 100;
}
