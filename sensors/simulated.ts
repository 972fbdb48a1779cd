/** A sensor on a simulated machine. */

import type { SensorHeader } from '../frame/messages.ts';
import { digitise, IIS3DWB, ZERO_G_LEVEL_G } from './accelerometer.ts';
import {
  assertMeasurable,
  INITIAL_STATE,
  report,
  type Capture,
  type CapturePart,
  type FirmwareState,
  type MeasureResult,
  type Sensor,
} from './firmware.ts';
import { machineStateAt, type Machine } from './machine.ts';
import type { Position } from './position.ts';
import { batteryPercent, meanRssiDbm, rssiDbm } from './radio.ts';
import { randomStream } from './random.ts';
import { caseTemperatureC } from './temperature.ts';
import { vibrationAt } from './vibration.ts';

/** All that a simulated sensor is: plain data, may be copied to another thread. */
export interface SensorSpec {
  /** EUI-64, 16 lower-case hex digits. */
  readonly sensorId: string;
  readonly name: string;
  readonly gatewayId: string;
  readonly seed: number;
  readonly machine: Machine;
  readonly position: Position;
  /** When it was switched on, ms since 1970. */
  readonly startMs: number;
  readonly intervalMs: number;
  /** Samples per axis of a capture. */
  readonly captureSamples: number;
  /** Every how many measurements the waveform is sent too; 0 never. */
  readonly waveformEvery: number;
}

/** What differs from one sensor to the next by chance, drawn once. */
interface Individual {
  readonly phaseMs: number;
  readonly meanRssiDbm: number;
  readonly offsetsG: readonly number[];
}

function individualOf(spec: SensorSpec): Individual {
  const random = randomStream(spec.seed, 'sensor', spec.sensorId);
  const phaseMs = Math.floor(random.uniform() * spec.intervalMs);
  const mean = meanRssiDbm(random);
  const offsetsG = [random.gaussian(), random.gaussian(), random.gaussian()].map((g) => g * ZERO_G_LEVEL_G);
  return { phaseMs, meanRssiDbm: mean, offsetsG };
}

function measureAt(spec: SensorSpec, individual: Individual, state: FirmwareState, timeMs: number): MeasureResult {
  const { sensorId, seed, machine, position, captureSamples, waveformEvery } = spec;
  const { bootEpoch, sequence } = state;
  const random = randomStream(seed, 'capture', sensorId, sequence);
  const machineState = machineStateAt(machine, timeMs);
  const { sampleRateHz, fullScaleG } = IIS3DWB;
  const signals = vibrationAt(machine, machineState, position, random, captureSamples, sampleRateHz);
  const axes = signals.map((signal, axis) => digitise(signal, individual.offsetsG[axis]!, IIS3DWB, random));

  const header: SensorHeader = { sensorId, bootEpoch, sequence, timeMs };
  const capture: Capture = { axes, sampleRateHz, fullScaleG };
  const waveforms = waveformEvery === 0 ? 0 : Math.ceil(sequence / waveformEvery);
  const surroundings = {
    temperatureC: caseTemperatureC(machine, position, timeMs),
    batteryPercent: batteryPercent(timeMs - spec.startMs, sequence, waveforms),
    rssiDbm: rssiDbm(individual.meanRssiDbm, random),
  };
  const sends = waveformEvery !== 0 && sequence % waveformEvery === 0;
  const part: CapturePart | undefined = sends
    ? { captureId: sequence, firstSample: 0, totalSamples: captureSamples }
    : undefined;
  return report(header, state, capture, surroundings, part);
}

/**
 * A sensor on a simulated machine. It measures every `intervalMs`, at a phase of its own within the interval. What it
 * measures is a function of the spec and the number of the measurement; only the zone depends on what went before.
 */
export function createSensor(spec: SensorSpec): Sensor {
  const individual = individualOf(spec);
  const dueTimeMs = (sequence: number): number => spec.startMs + individual.phaseMs + sequence * spec.intervalMs;
  return {
    sensorId: spec.sensorId,
    name: spec.name,
    measurementCount: Infinity,
    initialState: INITIAL_STATE,
    dueTimeMs,
    measure: (state) => {
      assertMeasurable(spec.sensorId, state.sequence, Infinity);
      return measureAt(spec, individual, state, dueTimeMs(state.sequence));
    },
  };
}
