/**
 * What a project has stored, in numbers: told by the indexes of its sealed segments, so nothing that was measured is decrypted. What the
 * indexes do not know, because their writer had no time to look, or because the segment is still open, is said to be unknown.
 */
import type { SensorMessage } from '../../frame/mod.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { amendmentsKey } from './amendments.ts';
import { viewLog } from './log-view.ts';
import { wipe } from './segment-format.ts';
import type { IndexPart, SegmentIndex } from './segment-index.ts';
import { openSegment, readSeal } from './segment-reader.ts';
import type { SegmentSource } from './segment-source.ts';

export interface StoreStats {
  readonly projectId: string;
  segments: number;
  bytes: number;
  /** Without a seal: what they hold is not in the figures below. */
  openSegments: number;
  openBytes: number;
  batches: number;
  messages: number;
  /** Of those of the messages that their writer had time to look at. */
  readonly messagesByKind: Record<SensorMessage['kind'], number>;
  /** Those of which the kind is not known. */
  messagesNotLookedAt: number;
  connections: number;
  gateways: number;
  sensors: number;
  /** ms since 1970; undefined when there are none. */
  readonly received: { fromMs: number | undefined; toMs: number | undefined };
  readonly measured: { fromMs: number | undefined; toMs: number | undefined };
  /** How many segments each key protects, by its id or ARN, and the list of amendments where there is one. */
  readonly keys: Map<string, number>;
  amendmentsKeyId: string | undefined;
  /** Segments that took the place of others, and those that retention removed. */
  rewritten: number;
  removed: number;
}

/** Throws STORE_DAMAGED or the key's own error. */
export async function storeStats(source: SegmentSource, projectId: string, service: KeyProvider): Promise<StoreStats> {
  const { segments, amendments } = await viewLog(source, projectId, service);
  const stats: StoreStats = {
    projectId, segments: segments.length, bytes: 0, openSegments: 0, openBytes: 0, batches: 0, messages: 0,
    messagesByKind: { measurement: 0, waveform: 0, event: 0 }, messagesNotLookedAt: 0, connections: 0, gateways: 0, sensors: 0,
    received: { fromMs: undefined, toMs: undefined }, measured: { fromMs: undefined, toMs: undefined },
    keys: new Map(), amendmentsKeyId: (await amendmentsKey(source))?.keyId,
    rewritten: amendments.rewritten.length, removed: amendments.removed?.through ?? 0,
  };
  const [gateways, sensors] = [new Set<string>(), new Set<string>()];
  for (const file of segments) {
    const { keyId } = await source.readKeyFile(file);
    stats.keys.set(keyId, (stats.keys.get(keyId) ?? 0) + 1);
    const segment = await openSegment(source, file, projectId, service);
    const index = await readSeal(segment).finally(() => wipe(segment.keys));
    stats.bytes += segment.bytes;
    if (index) addIndex(stats, index.index, gateways, sensors);
    else {
      stats.openSegments += 1;
      stats.openBytes += segment.bytes;
    }
  }
  return Object.assign(stats, { gateways: gateways.size, sensors: sensors.size });
}

function addIndex(stats: StoreStats, index: SegmentIndex, gateways: Set<string>, sensors: Set<string>): void {
  for (const one of index.gateways) gateways.add(one);
  for (const one of index.sensors) sensors.add(one);
  for (const part of index.parts) addPart(stats, part);
}

function addPart(stats: StoreStats, { received, measured, batches, messages, kinds, connections }: IndexPart): void {
  stats.batches += batches;
  stats.messages += messages;
  stats.connections += connections;
  widen(stats.received, received);
  if (measured) widen(stats.measured, measured);
  if (!kinds) stats.messagesNotLookedAt += messages;
  else for (const kind of ['measurement', 'waveform', 'event'] as const) stats.messagesByKind[kind] += kinds[kind];
}

function widen(range: StoreStats['received'], [from, to]: readonly [number, number]): void {
  range.fromMs = Math.min(range.fromMs ?? from, from);
  range.toMs = Math.max(range.toMs ?? to, to);
}
