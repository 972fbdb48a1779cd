/** What all measurement codecs are given: one measurement of each of 20 sensors of a simulated gateway, in order of time. */
import { asSent, type Measurement } from '../../frame/mod.ts';
import { createSensor, planFleet } from '../../sensors/mod.ts';

export const SENSORS = 20;

/** With numbers as a frame holds them, so that no codec has digits to carry that another has not. */
export function gatewayMeasurements(): Measurement[] {
  const plan = planFleet({
    seed: 1, sites: 1, gateways: 1, sensors: SENSORS, machines: 7, faultShare: 0.3, intervalMs: 3_600_000, waveformEvery: 0, captureSamples: 1024, startMs: Date.UTC(2026, 0, 1),
  });
  const messages = plan.gateways[0]!.sensors.map(createSensor).flatMap((sensor) => sensor.measure({ ...sensor.initialState, sequence: 1000 }).messages);
  return messages
    .map(asSent)
    .filter((message): message is Measurement => message.kind === 'measurement')
    .sort((a, b) => a.timeMs - b.timeMs);
}
