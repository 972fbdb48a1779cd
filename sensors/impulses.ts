/**
 * The signal of a damaged bearing: a train of impulses at the defect's rate, with random slip, each ringing a
 * structural resonance that dies away (Randall & Antoni 2011; the "McFadden & Smith" model, J. Sound Vib. 96, 1984).
 */

import { BEARINGS, bearingFrequencies, strikesPerTurn, type FaultKind } from './bearing.ts';
import { cosineOfTurns, exponential, sineOfTurns, TWO_PI } from './elementary.ts';
import type { Machine, MachineState } from './machine.ts';
import type { RandomStream } from './random.ts';

/** Standard deviation of the time between strikes as a part of its mean: 1–2 % (Randall & Antoni 2011). */
const SLIP = 0.012;
/** Standard deviation of a strike's strength as a part of its mean. */
const STRENGTH_SPREAD = 0.1;
/** First peak of the ringing at severity 1 and full load, g, by kind of fault. */
const PEAK_AT_FAILURE_G: Readonly<Record<FaultKind, number>> = { none: 0, outer: 10, inner: 10, ball: 7, cage: 4 };

/** Part of the greatest load that imbalance and preload put on every place of the ring. */
const UNLOADED_SHARE = 0.1;

/**
 * Stribeck's load zone with a load factor of 0.5 (zero clearance): the part of the greatest load that a place `turns`
 * away from the direction of the load carries, (1 - (1 - cos φ))^1.5 = cos^1.5 φ within ±90°, over a small share that
 * is there everywhere.
 */
function loadZone(turns: number): number {
  const cosine = cosineOfTurns(turns);
  const zone = cosine <= 0 ? 0 : cosine * Math.sqrt(cosine);
  return UNLOADED_SHARE + (1 - UNLOADED_SHARE) * zone;
}

/** Turns per second at which the defect travels through the load zone. */
function defectTravelHz(machine: Machine, shaftHz: number): number {
  const kind = machine.fault.kind;
  if (kind === 'inner') return shaftHz;
  if (kind === 'ball') return shaftHz * bearingFrequencies(BEARINGS[machine.bearing]).ftf;
  return 0;
}

/**
 * `count` samples of the bearing's acceleration at the bearing, g; empty when the bearing is sound. An outer-race
 * defect stands in the load zone; an inner-race one passes it once per turn, a ball once per turn of the cage.
 */
export function bearingSignal(
  machine: Machine,
  state: MachineState,
  random: RandomStream,
  count: number,
  sampleRateHz: number,
): Float64Array {
  const strikeHz = strikesPerTurn(machine.bearing, machine.fault.kind) * state.shaftHz;
  const peakG = PEAK_AT_FAILURE_G[machine.fault.kind] * state.severity * (0.5 + 0.5 * state.load);
  if (peakG === 0) return new Float64Array(0);
  const travelPerSample = defectTravelHz(machine, state.shaftHz) / sampleRateHz;
  const travelStart = travelPerSample === 0 ? 0 : random.uniform();
  const period = sampleRateHz / strikeHz;
  const ringTurns = machine.resonanceHz / sampleRateHz;
  const decay = TWO_PI * machine.dampingRatio * ringTurns;
  const turnCos = exponential(-decay) * cosineOfTurns(ringTurns);
  const turnSin = exponential(-decay) * sineOfTurns(ringTurns);

  const signal = new Float64Array(count);
  let strikeAt = -random.uniform() * period;
  let re = 0;
  let im = 0;
  for (let i = 0; i < count; i++) {
    const turned = re * turnCos - im * turnSin;
    im = re * turnSin + im * turnCos;
    re = turned;
    while (strikeAt <= i) {
      const late = i - strikeAt;
      const zone = loadZone(travelStart + strikeAt * travelPerSample);
      const strength = peakG * zone * (1 + STRENGTH_SPREAD * random.gaussian()) * exponential(-decay * late);
      re += strength * cosineOfTurns(ringTurns * late);
      im += strength * sineOfTurns(ringTurns * late);
      strikeAt += period * Math.max(0.5, 1 + SLIP * random.gaussian());
    }
    signal[i] = im;
  }
  return signal;
}
