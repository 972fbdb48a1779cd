/** A scan tells of a batch what decoding it tells, and refuses what that refuses. */

import { expect, it } from 'vitest';
import { batchOf } from './batch.ts';
import { scanBatch } from './batch-scan.ts';
import { endFrame } from './envelope.ts';
import { FrameError } from './errors.ts';
import { decodeBatch, frameOf } from './frame.ts';
import type { Measurement } from './messages.ts';
import { randomOf } from './signals.fixture.ts';

const HEADER = { gatewayId: '00a0b1c2d3e4f500', bootEpoch: 3, sequence: 70_000 };
const VARIANTS = 60_000;

/** Measurements of a few sensors, some of them of extremes. */
function measurements(random: () => number, count: number): Measurement[] {
  const below = (end: number): number => (random() & 0x7fff) % end;
  const one = (): number => [0, NaN, 40, below(1000) / 500][below(4)]!;
  const band = () => ({ rms: { x: one(), y: one(), z: one() }, totalRms: one(), totalAbsMax: one(), totalAbsMin: one(), totalCrestFactor: one() });
  return Array.from({ length: count }, (_, index) => ({
    kind: 'measurement',
    sensorId: ['00a0b1c2d3e4f501', '00a0b1c2d3e4f502', '00a0b1c2d3000001', '1122334455667788', HEADER.gatewayId][below(5)]!,
    bootEpoch: 1 + below(2), sequence: index, timeMs: 1_700_000_000_000 + below(30_000) * (below(2) === 0 ? 1 : 1e6),
    accelerationRmsG: { x: one(), y: one(), z: one() }, accelerationG: band(), velocityMmPerS: band(),
    temperatureC: [NaN, 327, -327, below(5000) / 100][below(4)]!, batteryPercent: below(101), rssiDbm: -below(128),
  }));
}

type Told = readonly (readonly [string, number, string])[] | 'refused';

function told(tell: () => Told): Told {
  try {
    return tell();
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return 'refused';
  }
}

const decoded = (bytes: Uint8Array): Told => told(() => decodeBatch(bytes).messages.map(({ sensorId, timeMs, kind }) => [sensorId, timeMs, kind]));
const scanned = (bytes: Uint8Array): Told =>
  told(() => {
    const seen: [string, number, string][] = [];
    scanBatch(bytes, (...message) => seen.push(message));
    return seen;
  });

it('whatever the measurements, and whatever became of their bytes before the checksum', { timeout: 60_000 }, () => {
  const random = randomOf(5);
  let [refused, accepted] = [0, 0];
  for (let variant = 0; variant < VARIANTS; variant++) {
    const bytes = batchOf(HEADER, measurements(random, 1 + (variant % 6)).map(frameOf));
    for (let changes = variant % 4; changes > 0; changes--) bytes[12 + ((random() & 0x7fff) % (bytes.length - 16))]! ^= 1 << (random() & 7);
    endFrame(bytes, 0, bytes.length - 4);
    const [expected, found] = [decoded(bytes), scanned(bytes)];
    if (expected === 'refused' && found !== 'refused' && found.some(([, , kind]) => kind !== 'measurement')) continue; // a change made another kind of one, whose body is not looked at
    expect(found, Buffer.from(bytes).toString('hex')).toEqual(expected);
    if (expected === 'refused') refused += 1;
    else if (variant % 4 > 0) accepted += 1;
  }
  expect(refused).toBeGreaterThan(VARIANTS / 10);
  expect(accepted).toBeGreaterThan(VARIANTS / 10);
});
