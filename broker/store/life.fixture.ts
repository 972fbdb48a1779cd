/** What the tests of the life of data share: batches of several sensors and gateways, a project's log to change, faults at each step. Not part of the face. */
import { join } from 'node:path';
import { batchOf, frameOf, readBatchHeader, type SensorMessage } from '../../frame/mod.ts';
import { NOW_MS, publish, type TestHome } from '../broker.fixture.ts';
import type { Project } from '../projects.ts';
import type { Arrival } from './arrival.ts';
import { isConnection, readProject, type StoredBatch } from './read.ts';
import type { LogToChange } from './rewrite.ts';
import type { Selection } from './segment-index.ts';
import { localSource, type SegmentSource } from './segment-source.ts';

export const G1 = '00124b0000000001';
export const G2 = '00124b0000000002';
export const S1 = '00124b00000000a1';
export const S2 = '00124b00000000a2';
export const S3 = '00124b00000000a3';

/** One message of each sensor, measured at `timeMs`. */
export function batchFrom(gatewayId: string, sequence: number, sensors: readonly string[], timeMs = NOW_MS + sequence, receivedMs = NOW_MS): Arrival {
  const messages = sensors.map((sensorId): SensorMessage => ({
    kind: 'event', sensorId, bootEpoch: 1, sequence, timeMs, event: 'zone-change', from: 'A', to: 'B', velocityRmsMmPerS: 2.5,
  }));
  const payload = Buffer.from(batchOf({ gatewayId, bootEpoch: 1, sequence }, messages.map((message) => frameOf(message))));
  return { channel: 'data', receivedMs, payload, batch: readBatchHeader(payload) };
}

/** Batches of one sensor, half a MiB of them, which is more than a part of a segment. `place` tells those of one gateway apart. */
export function manyFrom(gatewayId: string, sensorId: string, place = 0): Arrival[] {
  const [batches, messages] = [120, 120];
  return Array.from({ length: batches }, (_, n) => batchFrom(gatewayId, place * batches + n, Array<string>(messages).fill(sensorId)));
}

/** A segment for every entry. */
export async function fill(home: TestHome, projectId: string, segments: readonly (readonly Arrival[])[]): Promise<void> {
  for (const arrivals of segments) {
    const sink = await home.openSink();
    const answers = await Promise.all(arrivals.map((arrival) => publish(sink, projectId, arrival)));
    await sink.close();
    for (const error of answers) if (error) throw error;
  }
}

export function logOf(home: TestHome, { projectId, keyId }: Pick<Project, 'projectId' | 'keyId'>, source = localSource(join(home.store, projectId))): LogToChange {
  return { source, projectId, keyId, keys: home.keys };
}

export async function batchesOf(home: TestHome, projectId: string, selection: Selection = {}, source = localSource(join(home.store, projectId))): Promise<StoredBatch[]> {
  const batches: StoredBatch[] = [];
  for await (const item of readProject(source, projectId, home.keys, selection)) if (!isConnection(item)) batches.push(item);
  return batches;
}

/** `gateway/number: sensor sensor`, in the order of storing. */
export function told(batches: readonly StoredBatch[]): string[] {
  return batches.map(({ batch }) => `${batch.gatewayId.slice(-1)}/${batch.sequence}: ${batch.messages.map(({ sensorId }) => sensorId.slice(-2)).join(' ')}`);
}

/** A source that fails for good at the `at`th change of the disk: what comes after does not happen, as when the process is killed. */
export function killedAt(source: SegmentSource, at: number): { readonly source: SegmentSource; readonly killed: () => boolean } {
  let step = 0;
  const step1 = async (work: () => Promise<void>): Promise<void> => {
    if (step++ >= at) throw new Error('killed');
    await work();
  };
  return {
    killed: () => step > at,
    source: {
      ...source,
      replaceKeyFile: (file, key) => step1(() => source.replaceKeyFile(file, key)),
      put: (file, key, bytes) => step1(() => source.put(file, key, bytes)),
      remove: (file) => step1(() => source.remove(file)),
      replaceAmendments: (bytes) => step1(() => source.replaceAmendments(bytes)),
    },
  };
}
