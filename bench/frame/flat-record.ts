/**
 * A measurement as the peers are given it: one flat object, the sensor's id as 8 bytes, the 13 independent features and
 * the temperature as 32-bit floats. The features that follow from others are left out, as frames leave them out.
 */
import type { Measurement } from '../../frame/mod.ts';

/** Names of what is a 32-bit float, in the order of their fields. */
export const FLOATS = [
  'accRmsX', 'accRmsY', 'accRmsZ', 'accBandX', 'accBandY', 'accBandZ', 'accMax', 'accMin', 'velX', 'velY', 'velZ', 'velMax', 'velMin', 'temperatureC',
] as const;

export type FlatRecord = Record<(typeof FLOATS)[number], number> & {
  readonly sensorId: Uint8Array;
  readonly bootEpoch: number;
  readonly sequence: number;
  readonly timeMs: number;
  readonly batteryPercent: number;
  readonly rssiDbm: number;
};

export function flatRecordOf(message: Measurement): FlatRecord {
  const { accelerationRmsG, accelerationG, velocityMmPerS } = message;
  return {
    sensorId: Buffer.from(message.sensorId, 'hex'),
    bootEpoch: message.bootEpoch,
    sequence: message.sequence,
    timeMs: message.timeMs,
    accRmsX: Math.fround(accelerationRmsG.x),
    accRmsY: Math.fround(accelerationRmsG.y),
    accRmsZ: Math.fround(accelerationRmsG.z),
    accBandX: Math.fround(accelerationG.rms.x),
    accBandY: Math.fround(accelerationG.rms.y),
    accBandZ: Math.fround(accelerationG.rms.z),
    accMax: Math.fround(accelerationG.totalAbsMax),
    accMin: Math.fround(accelerationG.totalAbsMin),
    velX: Math.fround(velocityMmPerS.rms.x),
    velY: Math.fround(velocityMmPerS.rms.y),
    velZ: Math.fround(velocityMmPerS.rms.z),
    velMax: Math.fround(velocityMmPerS.totalAbsMax),
    velMin: Math.fround(velocityMmPerS.totalAbsMin),
    temperatureC: Math.fround(message.temperatureC),
    batteryPercent: message.batteryPercent,
    rssiDbm: message.rssiDbm,
  };
}

/** Throws unless each record that came back has what was sent. */
export function checkRecords(codec: string, sent: readonly FlatRecord[], received: readonly unknown[]): void {
  if (received.length !== sent.length) throw new Error(`${codec}: ${received.length} of ${sent.length} records came back`);
  for (const [index, record] of sent.entries()) {
    const other = received[index] as FlatRecord;
    for (const name of Object.keys(record) as (keyof FlatRecord)[]) {
      const [expected, actual] = [record[name], other[name]];
      const same = expected instanceof Uint8Array ? actual instanceof Uint8Array && Buffer.compare(expected, actual) === 0 : Object.is(expected, actual);
      if (!same) throw new Error(`${codec}: ${name} of record ${index} came back as ${String(actual)}, not ${String(expected)}`);
    }
  }
}
