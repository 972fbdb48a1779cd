/**
 * The firmware of a sensor: when it measures, and what it says of a capture. Nothing here remembers: what a sensor must
 * keep is its FirmwareState, which the caller holds.
 */

import type { Measurement, SensorHeader, SensorMessage, Waveform, Zone, ZoneEvent } from '../frame/messages.ts';
import { SensorError } from './errors.ts';
import { featuresOf } from './features.ts';
import { nextZone } from './iso20816.ts';

/** What a sensor keeps in flash. */
export interface FirmwareState {
  /** Counts restarts, 0 to 2^32 - 1. */
  readonly bootEpoch: number;
  /** Number of the next measurement. It goes on over a restart. */
  readonly sequence: number;
  /** ISO 20816 zone of the last measurement. */
  readonly zone: Zone;
}

/** What one measurement gives: what to send, in order, and what to keep. */
export interface MeasureResult {
  readonly messages: readonly SensorMessage[];
  readonly state: FirmwareState;
}

/** A sensor: simulated or replaying a recording. All functions are pure. */
export interface Sensor {
  readonly sensorId: string;
  readonly name: string;
  /** Measurements it has in all: Infinity for a simulated machine, the windows of a recording for a replay. */
  readonly measurementCount: number;
  /** State of a sensor that was never switched on. */
  readonly initialState: FirmwareState;
  /** When the measurement of this number is due, ms since 1970, whole. */
  dueTimeMs(sequence: number): number;
  /** Takes measurement number `state.sequence`. Throws SensorError SENSOR_EXHAUSTED past `measurementCount`. */
  measure(state: FirmwareState): MeasureResult;
}

/** Samples as they come from an accelerometer. */
export interface Capture {
  readonly axes: readonly Int16Array[];
  readonly sampleRateHz: number;
  readonly fullScaleG: number;
}

/** What goes into a measurement besides the capture. */
export interface Surroundings {
  readonly temperatureC: number;
  readonly batteryPercent: number;
  readonly rssiDbm: number;
}

/** Where a capture's samples stand in a longer recording, when they are to be sent. */
export interface CapturePart {
  readonly captureId: number;
  readonly firstSample: number;
  readonly totalSamples: number;
}

export const INITIAL_STATE: FirmwareState = { bootEpoch: 0, sequence: 0, zone: 'A' };

/** Greatest number of a measurement: the header has 32 bits for it. */
export const MAX_SEQUENCE = 0xffff_ffff;

/** Refuses a measurement that the sensor does not have. */
export function assertMeasurable(sensorId: string, sequence: number, measurementCount: number): void {
  if (sequence < measurementCount && sequence <= MAX_SEQUENCE) return;
  throw new SensorError(
    'SENSOR_EXHAUSTED',
    `sensor ${sensorId} has no measurement ${sequence}: it has nothing more to measure`,
  );
}

/**
 * What the firmware says of a capture: always a measurement, then an event when the zone changed, then the waveform when
 * `part` asks for it.
 */
export function report(
  header: SensorHeader,
  state: FirmwareState,
  capture: Capture,
  surroundings: Surroundings,
  part: CapturePart | undefined,
): MeasureResult {
  const { axes, sampleRateHz, fullScaleG } = capture;
  const measurement: Measurement = {
    kind: 'measurement',
    ...header,
    ...featuresOf(axes, sampleRateHz, fullScaleG),
    ...surroundings,
  };
  const messages: SensorMessage[] = [measurement];
  const velocityRmsMmPerS = Math.fround(measurement.velocityMmPerS.totalRms);
  const zone = nextZone(state.zone, velocityRmsMmPerS);
  if (zone !== state.zone) {
    const event: ZoneEvent = {
      kind: 'event',
      ...header,
      event: 'zone-change',
      from: state.zone,
      to: zone,
      velocityRmsMmPerS,
    };
    messages.push(event);
  }
  if (part !== undefined) {
    const waveform: Waveform = { kind: 'waveform', ...header, ...part, sampleRateHz, fullScaleG, axes };
    messages.push(waveform);
  }
  return { messages, state: { bootEpoch: state.bootEpoch, sequence: state.sequence + 1, zone } };
}
