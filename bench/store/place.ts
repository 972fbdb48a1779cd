/** A store to measure: a home in a folder that is removed afterwards, and batches to put into it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyService, Projects, type Arrival } from '../../broker/mod.ts';
import { now } from '../../cli/clock.ts';
import { batchOf, frameOf, readBatchHeader } from '../../frame/mod.ts';
import { createSensor, planFleet } from '../../sensors/mod.ts';
import { measurements } from '../publish.ts';
import { fitting } from '../publisher.ts';

/** The disk that is measured is the one this folder is on. */
export const BENCH_FOLDER = process.env['THRUM_BENCH_DIR'] ?? tmpdir();

export interface Place {
  readonly store: string;
  readonly directory: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly keys: KeyService;
  readonly projects: Projects;
}

/** Makes a home, works with it, removes it. */
export async function withPlace<T>(work: (place: Place) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(BENCH_FOLDER, 'thrum-bench-store-'));
  try {
    const keys = new KeyService(join(folder, 'keys'), { kind: 'file' }, now);
    const projects = new Projects(join(folder, 'projects'), keys);
    const { projectId, keyId } = await projects.create('bench', { nowMs: now() });
    const store = join(folder, 'store');
    return await work({ store, directory: join(store, projectId), projectId, keyId, keys, projects });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes batches of about `payloadBytes`, numbered on and on: the store keeps each number once. */
export function batchMaker(payloadBytes: number): (gateway?: number) => Arrival {
  const frames = payloadBytes < 32_000 ? fitting(measurements(Math.ceil(payloadBytes / 20)).map(frameOf), payloadBytes) : [waveformOf(payloadBytes)];
  const next = new Map<number, number>();
  return (gateway = 0) => {
    const sequence = next.get(gateway) ?? 0;
    next.set(gateway, sequence + 1);
    const payload = Buffer.from(batchOf({ gatewayId: `70b3d5e75f${String(gateway).padStart(6, '0')}`, bootEpoch: 1_790_000_000, sequence }, frames));
    return { channel: 'data', receivedMs: now(), payload, batch: readBatchHeader(payload) };
  };
}

/** The frame of a waveform, of the length that comes nearest: a sample of three axes takes about four bytes. */
function waveformOf(bytes: number): Uint8Array {
  const plan = planFleet({
    seed: 1, sites: 1, gateways: 1, sensors: 1, machines: 1, faultShare: 0, intervalMs: 3_600_000, waveformEvery: 1, captureSamples: Math.round(bytes / 4), startMs: Date.UTC(2026, 0, 1),
  });
  const sensor = createSensor(plan.gateways[0]!.sensors[0]!);
  return frameOf(sensor.measure({ ...sensor.initialState, sequence: 1000 }).messages.find(({ kind }) => kind === 'waveform')!);
}
