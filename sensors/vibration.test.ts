import { describe, expect, it } from 'vitest';
import { BEARINGS, bearingFrequencies, type FaultKind } from './bearing.ts';
import { fft } from './fft.ts';
import { machineStateAt, type Machine } from './machine.ts';
import { drawMachine } from './machines.ts';
import { POSITIONS } from './position.ts';
import { randomStream } from './random.ts';
import { vibrationAt } from './vibration.ts';

const START_MS = Date.UTC(2026, 2, 1, 12);
const RATE_HZ = 26_667;
const SAMPLES = 32_768;

function machineWith(kind: FaultKind, index: number): Machine {
  const machine = drawMachine({ seed: 5, index, siteIndex: 0, digits: 2, health: 'sound', startMs: START_MS });
  return {
    ...machine,
    shaftRpm: 1780,
    bearing: '6205',
    fault: { kind, severity: 0.6, growthPerDay: 0, sinceMs: START_MS },
  };
}

function verticalSignal(machine: Machine, index: number): Float64Array {
  const state = machineStateAt(machine, START_MS);
  return vibrationAt(machine, state, POSITIONS[0]!, randomStream(1, index), SAMPLES, RATE_HZ)[1];
}

/** Magnitudes of the spectrum of the envelope of 2–5 kHz: band and negative frequencies cut, so |signal| is Hilbert's. */
function envelopeSpectrum(signal: Float64Array): Float64Array {
  const re = signal.slice();
  const im = new Float64Array(re.length);
  fft(re, im);
  const binHz = RATE_HZ / re.length;
  for (let k = 0; k < re.length; k++) {
    const inBand = k * binHz >= 2000 && k * binHz <= 5000;
    if (!inBand) re[k] = im[k] = 0;
  }
  fft(im, re);
  const envelope = re.map((value, i) => Math.sqrt(value * value + im[i]! * im[i]!));
  const mean = envelope.reduce((a, b) => a + b, 0) / envelope.length;
  const imag = new Float64Array(re.length);
  const real = envelope.map((value) => value - mean);
  fft(real, imag);
  return real.map((value, i) => Math.sqrt(value * value + imag[i]! * imag[i]!));
}

/** Bin of the greatest magnitude between two frequencies. */
function strongestBin(spectrum: Float64Array, lowHz: number, highHz: number): number {
  const binHz = RATE_HZ / SAMPLES;
  let best = Math.ceil(lowHz / binHz);
  for (let k = best; k <= highHz / binHz; k++) if (spectrum[k]! > spectrum[best]!) best = k;
  return best;
}

describe('the vibration of a damaged bearing', () => {
  it.each(['outer', 'inner'] as const)(
    'with an %s-race fault has the line of its defect in the envelope spectrum',
    (kind) => {
      for (let index = 0; index < 12; index++) {
        const machine = machineWith(kind, index);
        const { shaftHz } = machineStateAt(machine, START_MS);
        const { bpfo, bpfi } = bearingFrequencies(BEARINGS['6205']);
        const expectedBin = ((kind === 'outer' ? bpfo : bpfi) * shaftHz * SAMPLES) / RATE_HZ;
        const found = strongestBin(envelopeSpectrum(verticalSignal(machine, index)), 2.5 * shaftHz, 6.5 * shaftHz);
        expect(Math.abs(found - expectedBin)).toBeLessThanOrEqual(1);
      }
    },
  );

  it('with an inner-race fault is modulated by the shaft, with an outer-race fault is not', () => {
    const sideband = (kind: FaultKind): number => {
      const machine = machineWith(kind, 1);
      const { shaftHz } = machineStateAt(machine, START_MS);
      const spectrum = envelopeSpectrum(verticalSignal(machine, 1));
      const shaft = strongestBin(spectrum, 0.9 * shaftHz, 1.1 * shaftHz);
      const line = strongestBin(spectrum, 2.5 * shaftHz, 6.5 * shaftHz);
      return spectrum[shaft]! / spectrum[line]!;
    };
    expect(sideband('inner')).toBeGreaterThan(0.4);
    expect(sideband('outer')).toBeLessThan(0.3);
  });

  it('is far stronger than that of a sound one, whatever the part', () => {
    const rms = (kind: FaultKind): number => {
      const signal = verticalSignal(machineWith(kind, 2), 2);
      return Math.sqrt(signal.reduce((sum, g) => sum + g * g, 0) / signal.length);
    };
    for (const kind of ['outer', 'inner', 'ball', 'cage'] as const) expect(rms(kind)).toBeGreaterThan(2 * rms('none'));
  });

  it('turns with the shaft: 1× is the strongest line below 100 Hz, and has the velocity that the state says', () => {
    const machine = { ...machineWith('none', 3), imbalanceMmPerS: 4 };
    const state = machineStateAt(machine, START_MS);
    const re = vibrationAt(machine, state, POSITIONS[0]!, randomStream(1, 3), SAMPLES, RATE_HZ)[0].slice();
    const im = new Float64Array(SAMPLES);
    fft(re, im);
    const power = re.map((value, k) => value * value + im[k]! * im[k]!);
    const line = strongestBin(power, 5, 100);
    expect(Math.abs((line * RATE_HZ) / SAMPLES - state.shaftHz)).toBeLessThanOrEqual(RATE_HZ / SAMPLES);
    let sum = 0;
    for (let k = line - 8; k <= line + 8; k++) sum += power[k]!;
    const velocity = ((Math.sqrt(2 * sum) / SAMPLES) * 9806.65) / (2 * Math.PI * state.shaftHz);
    expect(Math.abs(velocity / state.imbalanceMmPerS - 1)).toBeLessThan(0.03);
  });
});
