/** What clients publish: packets made beforehand from simulated measurements, from bytes, or from a text. */
import { frameOf, type SensorMessage } from '../../frame/mod.ts';
import { createSensor, planFleet, randomStream } from '../../sensors/mod.ts';
import { bytesTemplate, frameTemplate, textTemplate, type PublishHead, type PublishTemplate } from './publish-template.ts';
import type { ClientNames } from './identities.ts';
import type { Payload } from './scenario.ts';
import { STAMP_BYTES } from './stamp.ts';
import { fillIn } from './topics.ts';

/** Measurements in the pool; each client takes another part of it. */
const POOL = 64;
/** Different payloads of a client, taken in turn. */
const VARIATIONS = 2;
/** Of a batch frame without measurements, with its stamp, about. */
const EMPTY_BATCH_BYTES = 34;
/** Of a measurement within a batch, about. */
const MEASUREMENT_BYTES = 29;

export interface TemplateRequest {
  readonly payload: Payload;
  readonly head: PublishHead;
  readonly names: ClientNames;
  readonly number: number;
  readonly runEpoch: number;
  /** Key and index of the stream within its client's. */
  readonly key: number;
  readonly stream: number;
}

let pool: readonly Uint8Array[] | undefined;

/** Measurements of a sensor with a worn bearing, one an hour, as frames. */
function framePool(): readonly Uint8Array[] {
  if (pool) return pool;
  const plan = planFleet({ seed: 1, sites: 1, gateways: 1, sensors: 1, machines: 1, faultShare: 1, intervalMs: 3_600_000, waveformEvery: 0, captureSamples: 1024, startMs: Date.UTC(2026, 0, 1) });
  const sensor = createSensor(plan.gateways[0]!.sensors[0]!);
  const measure = (sequence: number): SensorMessage => sensor.measure({ ...sensor.initialState, sequence }).messages[0]!;
  return (pool = Array.from({ length: POOL }, (_, i) => frameOf(measure(1000 + i))));
}

/** Whether messages with it say which they are. */
export function isStamped(payload: Payload): boolean {
  return payload.kind === 'frames' || (payload.kind !== 'template' && payload.bytes >= STAMP_BYTES);
}

/** Throws FrameError for a payload that no frame can be as long as. */
export function templatesFor({ payload, head, names, number, runEpoch, key, stream }: TemplateRequest): readonly PublishTemplate[] {
  switch (payload.kind) {
    case 'frames': {
      const frames = framePool();
      const count = Math.max(1, Math.round((payload.bytes - EMPTY_BATCH_BYTES) / MEASUREMENT_BYTES));
      return Array.from({ length: VARIATIONS }, (_, variation) => {
        const first = (number * VARIATIONS + variation) * 7;
        const own = Array.from({ length: count }, (_, i) => frames[(first + i) % POOL]!);
        return frameTemplate(head, { gatewayId: names.gateway, bootEpoch: runEpoch + stream }, own);
      });
    }
    case 'fixed':
      return [bytesTemplate(head, runEpoch, key, Buffer.alloc(payload.bytes, 'thrum load test '))];
    case 'random': {
      const random = randomStream(1, `load payload ${number}`);
      return Array.from({ length: VARIATIONS }, () => bytesTemplate(head, runEpoch, key, Uint8Array.from({ length: payload.bytes }, () => random.uniform() * 256)));
    }
    case 'template': {
      const random = randomStream(1, `load template ${number}`);
      const render = (sequence: number, dueUs: number): string =>
        fillIn(payload.text, { ...names, sequence, timestampMs: Math.round(dueUs / 1000), random: Math.floor(random.uniform() * 1e6) });
      const longest = fillIn(payload.text, { ...names, sequence: 2 ** 32, timestampMs: 1e13, random: 999_999 });
      return [textTemplate(head, Buffer.byteLength(longest), render)];
    }
  }
}
