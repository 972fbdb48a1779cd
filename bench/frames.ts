/** How fast and how small frames are: measurements of a simulated fleet, encoded one at a time into one buffer. */
import { batchOf, decodeMessage, encodeMessage, frameOf, type Measurement } from '../frame/mod.ts';
import { createSensor, planFleet } from '../sensors/mod.ts';
import { median, perSecond } from './statistics.ts';

export interface FrameFigures {
  readonly measurementsEncodedPerS: number;
  readonly measurementsDecodedPerS: number;
  readonly bytesPerMeasurementAlone: number;
  readonly bytesPerMeasurementInBatchOf20: number;
  readonly waveformBytesPerSample: number;
}

const REPEATS = 5;
const OPERATIONS = 400_000;

export function measureFrames(): FrameFigures {
  const plan = planFleet({
    seed: 1, sites: 1, gateways: 1, sensors: 20, machines: 7, faultShare: 0.3, intervalMs: 3_600_000, waveformEvery: 1, captureSamples: 8192, startMs: Date.UTC(2026, 0, 1),
  });
  const all = plan.gateways[0]!.sensors.map(createSensor).flatMap((sensor) => sensor.measure({ ...sensor.initialState, sequence: 1000 }).messages);
  const measurements = all.filter((message): message is Measurement => message.kind === 'measurement');
  const waveforms = all.filter((message) => message.kind === 'waveform');
  const frames = measurements.map(frameOf);
  const buffer = new Uint8Array(64 * 1024);
  const encoded = perSecond(REPEATS, OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) encodeMessage(measurements[i % measurements.length]!, buffer, 0);
  });
  const decoded = perSecond(REPEATS, OPERATIONS, () => {
    for (let i = 0; i < OPERATIONS; i++) decodeMessage(frames[i % frames.length]!);
  });
  const samples = waveforms.reduce((sum, { axes }) => sum + axes.reduce((n, axis) => n + axis.length, 0), 0);
  return {
    measurementsEncodedPerS: median(encoded),
    measurementsDecodedPerS: median(decoded),
    bytesPerMeasurementAlone: frames.reduce((sum, frame) => sum + frame.length, 0) / frames.length,
    bytesPerMeasurementInBatchOf20: batchOf({ gatewayId: '70b3d5e75f000001', bootEpoch: 1_790_000_000, sequence: 1000 }, frames).length / frames.length,
    waveformBytesPerSample: waveforms.reduce((sum, message) => sum + frameOf(message).length, 0) / samples,
  };
}
