/**
 * Acceleration at a sensor's place on a machine: shaft harmonics, the bearing's impulses, and broadband background.
 * Axes: x horizontal radial, y vertical radial, z axial.
 */

import { cosineOfTurns, exponential, sineOfTurns, TWO_PI } from './elementary.ts';
import { bearingSignal } from './impulses.ts';
import type { Machine, MachineState } from './machine.ts';
import type { Position } from './position.ts';
import type { RandomStream } from './random.ts';

/** Standard gravity, mm/s² (ISO 80000-3). */
export const GRAVITY_MM_PER_S2 = 9_806.65;

/** Corner of the background's first-order spectrum, Hz: flow and rolling noise fall off above it. */
const BACKGROUND_CORNER_HZ = 2_500;

/** Amplitudes of sine and cosine of 1×, 2×, 3× in one axis, g. */
type AxisHarmonics = readonly [number, number, number, number, number, number];

/** Peak acceleration of one harmonic, g, split into sine and cosine by its phase. */
function harmonic(velocityRmsMmPerS: number, frequencyHz: number, phaseTurns: number): readonly [number, number] {
  const peakG = (velocityRmsMmPerS * Math.SQRT2 * TWO_PI * frequencyHz) / GRAVITY_MM_PER_S2;
  return [peakG * cosineOfTurns(phaseTurns), peakG * sineOfTurns(phaseTurns)];
}

/** Harmonics of one axis. The vertical follows the horizontal by a quarter turn: the imbalance turns. */
function axisHarmonics(machine: Machine, state: MachineState, gain: number, phase: readonly number[]): AxisHarmonics {
  const v = state.imbalanceMmPerS * gain;
  const [s1, c1] = harmonic(v, state.shaftHz, phase[0]!);
  const [s2, c2] = harmonic(v * machine.secondHarmonic, 2 * state.shaftHz, phase[1]!);
  const [s3, c3] = harmonic(v * machine.thirdHarmonic, 3 * state.shaftHz, phase[2]!);
  return [s1, c1, s2, c2, s3, c3];
}

/** Adds the shaft's harmonics to the three axes, all from one rotation per sample. */
function addShaft(axes: readonly Float64Array[], all: readonly AxisHarmonics[], turnsPerSample: number): void {
  const stepCos = cosineOfTurns(turnsPerSample);
  const stepSin = sineOfTurns(turnsPerSample);
  for (let axis = 0; axis < axes.length; axis++) {
    const out = axes[axis]!;
    const [a1, b1, a2, b2, a3, b3] = all[axis]!;
    let c = 1;
    let s = 0;
    for (let i = 0; i < out.length; i++) {
      const c2 = 2 * c * c - 1;
      const s2 = 2 * s * c;
      const c3 = c2 * c - s2 * s;
      const s3 = s2 * c + c2 * s;
      out[i]! += a1 * s + b1 * c + a2 * s2 + b2 * c2 + a3 * s3 + b3 * c3;
      const next = c * stepCos - s * stepSin;
      s = c * stepSin + s * stepCos;
      c = next;
    }
  }
}

/** Fills an axis with background noise of the given RMS, white below the corner and falling above it. */
function fillBackground(out: Float64Array, random: RandomStream, rmsG: number, sampleRateHz: number): void {
  const keep = exponential((-TWO_PI * BACKGROUND_CORNER_HZ) / sampleRateHz);
  const drive = rmsG * Math.sqrt(1 - keep * keep);
  let value = rmsG * random.gaussian();
  for (let i = 0; i < out.length; i++) {
    value = keep * value + drive * random.gaussian();
    out[i] = value;
  }
}

function addScaled(out: Float64Array, signal: Float64Array, gain: number): void {
  for (let i = 0; i < signal.length; i++) out[i]! += gain * signal[i]!;
}

/**
 * `count` samples of acceleration on the axes x, y, z at a position, in g. Phases of shaft and strikes come from
 * `random`: they are as unrelated from one capture to the next as those of a machine that ran on in between.
 */
export function vibrationAt(
  machine: Machine,
  state: MachineState,
  position: Position,
  random: RandomStream,
  count: number,
  sampleRateHz: number,
): readonly [Float64Array, Float64Array, Float64Array] {
  const phase = [random.uniform(), random.uniform(), random.uniform()];
  const vertical = phase.map((turns) => turns - 0.25);
  const bearing = bearingSignal(machine, state, random, count, sampleRateHz);
  const axes = [new Float64Array(count), new Float64Array(count), new Float64Array(count)] as const;
  for (let axis = 0; axis < 3; axis++) {
    fillBackground(axes[axis]!, random, state.backgroundG, sampleRateHz);
    addScaled(axes[axis]!, bearing, position.bearing[axis]!);
  }
  const harmonics = position.shaft.map((gain, i) => axisHarmonics(machine, state, gain, i === 1 ? vertical : phase));
  addShaft(axes, harmonics, state.shaftHz / sampleRateHz);
  return axes;
}
