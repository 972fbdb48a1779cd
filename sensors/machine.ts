/**
 * A rotating machine and what it is doing at a time. The state is a function of the machine and the time alone: no
 * history is integrated, so any moment of any year can be computed first.
 */

import type { BearingName, FaultKind } from './bearing.ts';
import { cosineOfTurns, sineOfTurns, TWO_PI } from './elementary.ts';

export const DAY_MS = 86_400_000;

/** Load through the day (UTC): mean plus a daily and a half-daily cosine. mean ± both swings must stay in 0..1. */
export interface LoadProfile {
  readonly mean: number;
  readonly dailySwing: number;
  readonly halfDailySwing: number;
  /** Time of the greatest load, as a part of the day, 0 to 1. */
  readonly peakDayFraction: number;
}

/** Damage in the machine's bearing. */
export interface BearingFault {
  readonly kind: FaultKind;
  /** Severity at `sinceMs`: 0 none, 1 about to fail. */
  readonly severity: number;
  /** Growth of the severity per day, 0 or more. It stops at 1. */
  readonly growthPerDay: number;
  readonly sinceMs: number;
}

/** A machine: plain data, may be copied to another thread. */
export interface Machine {
  readonly name: string;
  readonly siteIndex: number;
  /** Shaft speed at full load, turns a minute. */
  readonly shaftRpm: number;
  /** Slip of the motor at full load, as a part of the synchronous speed: 0.01 to 0.04 for induction motors. */
  readonly ratedSlip: number;
  readonly load: LoadProfile;
  /** Velocity of the 1× vibration at the drive end, horizontal, full load, without fault: mm/s RMS. */
  readonly imbalanceMmPerS: number;
  /** Velocity of 2× (misalignment) and 3× (looseness) as parts of 1×. */
  readonly secondHarmonic: number;
  readonly thirdHarmonic: number;
  readonly bearing: BearingName;
  readonly fault: BearingFault;
  /** Structural resonance that the bearing's impulses excite, Hz, and its damping ratio. */
  readonly resonanceHz: number;
  readonly dampingRatio: number;
  /** Broadband background at the drive end at full load, g RMS per axis. */
  readonly backgroundG: number;
  /** Mean temperature around it, and how far full load heats it above that, °C. */
  readonly ambientC: number;
  readonly loadRiseC: number;
  /** Time constant of its heating, ms. */
  readonly thermalLagMs: number;
}

/** What a machine is doing at one time. */
export interface MachineState {
  /** 0 idle to 1 full. */
  readonly load: number;
  readonly shaftHz: number;
  /** Severity of its bearing fault, 0 to 1. */
  readonly severity: number;
  /** Velocity of 1× at the drive end, mm/s RMS. */
  readonly imbalanceMmPerS: number;
  readonly backgroundG: number;
}

/** A worn bearing lets the shaft move: at severity 1 the shaft's vibration is this much stronger than without. */
const LOOSENESS_AT_FAILURE = 4;

/** Part of the day that has passed at a time, 0 to 1. */
export function dayFraction(timeMs: number): number {
  return (timeMs % DAY_MS) / DAY_MS;
}

/** Load at a time, 0 to 1. */
export function loadAt(profile: LoadProfile, timeMs: number): number {
  const turns = dayFraction(timeMs) - profile.peakDayFraction;
  return profile.mean + profile.dailySwing * cosineOfTurns(turns) + profile.halfDailySwing * cosineOfTurns(2 * turns);
}

/**
 * The load as felt through a first-order lag of `lagMs`, in the steady state: a cosine of angular frequency w comes out
 * as (cos + w·lag·sin) / (1 + (w·lag)²).
 */
export function laggedLoadAt(profile: LoadProfile, timeMs: number, lagMs: number): number {
  const turns = dayFraction(timeMs) - profile.peakDayFraction;
  return (
    profile.mean +
    profile.dailySwing * laggedCosine(turns, DAY_MS, lagMs) +
    profile.halfDailySwing * laggedCosine(2 * turns, DAY_MS / 2, lagMs)
  );
}

/** cos(2π·turns) of a period after a first-order lag, steady state. */
function laggedCosine(turns: number, periodMs: number, lagMs: number): number {
  const wt = (TWO_PI * lagMs) / periodMs;
  return (cosineOfTurns(turns) + wt * sineOfTurns(turns)) / (1 + wt * wt);
}

/** Severity of a fault at a time: linear growth, within 0..1. */
export function severityAt(fault: BearingFault, timeMs: number): number {
  if (fault.kind === 'none') return 0;
  const grown = fault.severity + (fault.growthPerDay * (timeMs - fault.sinceMs)) / DAY_MS;
  return Math.min(1, Math.max(0, grown));
}

/**
 * State of a machine at a time. An induction motor's speed falls linearly with load, from synchronous (no load) to
 * rated (full load); vibration and background grow with load.
 */
export function machineStateAt(machine: Machine, timeMs: number): MachineState {
  const load = loadAt(machine.load, timeMs);
  const severity = severityAt(machine.fault, timeMs);
  const synchronousHz = machine.shaftRpm / 60 / (1 - machine.ratedSlip);
  const looseness = 1 + (LOOSENESS_AT_FAILURE - 1) * severity;
  return {
    load,
    shaftHz: synchronousHz * (1 - machine.ratedSlip * load),
    severity,
    imbalanceMmPerS: machine.imbalanceMmPerS * looseness * (0.7 + 0.3 * load),
    backgroundG: machine.backgroundG * (0.5 + 0.5 * load),
  };
}
