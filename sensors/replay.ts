/** A sensor that measures a recording instead of a machine: window after window, each with its samples. */

import { MAX_WAVEFORM_SAMPLES } from '../frame/messages.ts';
import { SensorError } from './errors.ts';
import {
  assertMeasurable,
  INITIAL_STATE,
  report,
  type FirmwareState,
  type MeasureResult,
  type Sensor,
} from './firmware.ts';
import { batteryPercent, meanRssiDbm, rssiDbm } from './radio.ts';
import { randomStream } from './random.ts';
import type { Recording } from '../frame/mod.ts';

/** What a replay needs to know. */
export interface ReplaySpec {
  /** EUI-64, 16 lower-case hex digits. */
  readonly sensorId: string;
  readonly name: string;
  /** Decides the signal strengths, nothing else. */
  readonly seed: number;
  readonly recording: Recording;
  /** Acceleration of code 32768 in the recording, g; taken as the nearest 32-bit float. */
  readonly fullScaleG: number;
  /** Samples per axis of a window, 1 to MAX_WAVEFORM_SAMPLES. The last one may be shorter. */
  readonly captureSamples: number;
  /** Time of the first measurement, and from one to the next, ms, whole. */
  readonly startMs: number;
  readonly intervalMs: number;
}

/** The axes as this firmware takes them, 16-bit. Throws SensorError SENSOR_VALUE for others. */
function playable(axes: Recording['axes']): readonly Int16Array[] {
  const narrow = axes.filter((axis) => axis instanceof Int16Array);
  if (narrow.length < axes.length) throw new SensorError('SENSOR_VALUE', 'the recording has 24-bit samples; a sensor has 16: convert the file first');
  return narrow;
}

function assertSpec({ recording, fullScaleG, captureSamples }: ReplaySpec): void {
  const samples = recording.axes[0]?.length ?? 0;
  const fail = (message: string): never => {
    throw new SensorError('SENSOR_VALUE', message);
  };
  if (recording.axes.length < 1 || recording.axes.length > 3) fail('a recording has 1 to 3 axes');
  if (samples === 0) fail('the recording holds no samples');
  if (samples > 0xffff_ffff) fail('a recording ends at 4294967295 samples per axis');
  if (recording.axes.some((axis) => axis.length !== samples)) fail('the axes of the recording differ in length');
  if (!Number.isInteger(captureSamples) || captureSamples < 1 || captureSamples > MAX_WAVEFORM_SAMPLES) {
    fail(`${captureSamples} samples per capture; 1 to ${MAX_WAVEFORM_SAMPLES} are possible`);
  }
  const scale = Math.fround(fullScaleG);
  if (!(scale > 0 && scale < Infinity)) fail(`full scale of ${fullScaleG} g; it must be above 0`);
}

/** What is worked out once. */
interface Constants {
  readonly axes: readonly Int16Array[];
  readonly fullScaleG: number;
  readonly meanRssiDbm: number;
}

function measureWindow(spec: ReplaySpec, constants: Constants, state: FirmwareState, timeMs: number): MeasureResult {
  const { sensorId, recording, captureSamples } = spec;
  const { bootEpoch, sequence } = state;
  const firstSample = sequence * captureSamples;
  const axes = constants.axes.map((axis) => axis.slice(firstSample, firstSample + captureSamples));
  const random = randomStream(spec.seed, 'capture', sensorId, sequence);
  return report(
    { sensorId, bootEpoch, sequence, timeMs },
    state,
    { axes, sampleRateHz: recording.sampleRateHz, fullScaleG: constants.fullScaleG },
    {
      temperatureC: NaN,
      batteryPercent: batteryPercent(timeMs - spec.startMs, sequence, sequence),
      rssiDbm: rssiDbm(constants.meanRssiDbm, random),
    },
    { captureId: 0, firstSample, totalSamples: recording.axes[0]!.length },
  );
}

/**
 * A sensor that replays a recording: `measurementCount` windows, one after another, each measured by the same firmware
 * and always sent with its samples. The parts carry capture 0 and, put together, are the recording bit for bit. Its
 * temperature is unknown (NaN). Throws SensorError SENSOR_VALUE for a spec outside the ranges above.
 */
export function createReplaySensor(spec: ReplaySpec): Sensor {
  assertSpec(spec);
  const constants: Constants = {
    axes: playable(spec.recording.axes),
    fullScaleG: Math.fround(spec.fullScaleG),
    meanRssiDbm: meanRssiDbm(randomStream(spec.seed, 'sensor', spec.sensorId)),
  };
  const measurementCount = Math.ceil(spec.recording.axes[0]!.length / spec.captureSamples);
  const dueTimeMs = (sequence: number): number => spec.startMs + sequence * spec.intervalMs;
  return {
    sensorId: spec.sensorId,
    name: spec.name,
    measurementCount,
    initialState: INITIAL_STATE,
    dueTimeMs,
    measure: (state) => {
      assertMeasurable(spec.sensorId, state.sequence, measurementCount);
      return measureWindow(spec, constants, state, dueTimeMs(state.sequence));
    },
  };
}
