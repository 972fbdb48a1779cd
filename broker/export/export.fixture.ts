/** What the export tests share: a fleet's messages in a real store, items as exports read them, bytes that were written. */
import { join } from 'node:path';
import { asSent, batchOf, frameOf, readBatchHeader, type Measurement, type SensorMessage } from '../../frame/mod.ts';
import { createSensor, planFleet } from '../../sensors/mod.ts';
import { makeProject, NOW_MS, publish, type TestHome } from '../broker.fixture.ts';
import { readProject, type StoredBatch } from '../store/read.ts';
import { localSource } from '../store/segment-source.ts';
import type { ExportEntry, ExportItem, ExportProject, Place } from './entry.ts';
import type { ExportRequest } from './export.ts';

export const SENSOR = '00124b00000000aa';
export const GATEWAY = '00124b0000000001';

export function projectOf(more: Partial<ExportProject> = {}): ExportProject {
  return { projectId: 'p-0123456789abcdef', projectName: 'Mill', places: new Map(), gatewaySites: new Map(), ...more };
}

export function placeOf(more: Partial<Place> = {}): Place {
  return { siteName: 'North', assetName: 'Pump 4', positionName: 'Drive end', ...more };
}

export function measurementOf(more: Partial<Measurement> = {}): Measurement {
  const band = { rms: { x: 1, y: NaN, z: 3 }, totalRms: 3.2, totalAbsMax: 5, totalAbsMin: 0, totalCrestFactor: 1.5625 };
  return {
    kind: 'measurement', sensorId: SENSOR, bootEpoch: 2, sequence: 3, timeMs: NOW_MS, accelerationRmsG: { x: 0.1, y: NaN, z: 0.3 },
    accelerationG: band, velocityMmPerS: band, temperatureC: NaN, batteryPercent: 80, rssiDbm: -60, ...more,
  };
}

/** A stored batch of these messages. */
export function batchWith(messages: readonly SensorMessage[], sequence = 1, receivedMs = NOW_MS + 5): StoredBatch {
  const batch = { kind: 'batch', gatewayId: GATEWAY, bootEpoch: 1, sequence, messages } as const;
  return { channel: 'data', receivedMs, payloadBytes: 1, batch, undecodable: undefined, file: 'segment', record: 1 };
}

export async function* itemsOf(entries: Iterable<ExportEntry> | AsyncIterable<ExportEntry>, project = projectOf()): AsyncGenerator<ExportItem> {
  for await (const entry of entries) yield { project, entry };
}

export function requestOf(format: ExportRequest['format'], more: Partial<ExportRequest> = {}): ExportRequest {
  return { format, selection: {}, withNames: false, accountId: '123456789012', nowMs: NOW_MS, ...more };
}

/** Takes what an export writes. */
export function collector(): { readonly pieces: Uint8Array[]; readonly write: (bytes: Uint8Array) => Promise<void>; text(): string; bytes(): Buffer } {
  const pieces: Uint8Array[] = [];
  return {
    pieces,
    write: (bytes) => {
      pieces.push(bytes.slice());
      return Promise.resolve();
    },
    text: () => Buffer.concat(pieces).toString('utf8'),
    bytes: () => Buffer.concat(pieces),
  };
}

/** A small fleet that measured for two days into a real store, and what it meant to say. */
export interface StoredFleet {
  readonly sent: readonly SensorMessage[];
  items(): AsyncGenerator<ExportItem>;
}

export async function storeFleet(home: TestHome): Promise<StoredFleet> {
  const { projectId } = await makeProject(home);
  const plan = planFleet({ seed: 5, sites: 1, gateways: 2, sensors: 6, machines: 3, faultShare: 1, intervalMs: 3_600_000, waveformEvery: 12, startMs: NOW_MS, captureSamples: 256 });
  const sink = await home.openSink();
  const sent: SensorMessage[] = [];
  for (const { gatewayId, sensors } of plan.gateways) {
    let sequence = 0;
    for (const spec of sensors) {
      const sensor = createSensor(spec);
      for (let state = sensor.initialState; state.sequence < 48; ) {
        const measured = sensor.measure(state);
        state = measured.state;
        sent.push(...measured.messages.map((message) => asSent(message)));
        const payload = Buffer.from(batchOf({ gatewayId, bootEpoch: 1, sequence: sequence++ }, measured.messages.map((message) => frameOf(message))));
        const error = await publish(sink, projectId, { channel: 'data', receivedMs: NOW_MS + sequence, payload, batch: readBatchHeader(payload) });
        if (error) throw error;
      }
    }
  }
  await sink.close();
  return { sent, items: () => itemsOf(readProject(localSource(join(home.store, projectId)), projectId, home.keys), projectOf({ projectId })) };
}
