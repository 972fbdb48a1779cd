/**
 * Whether the index of a sealed segment says what its records hold, as docs/store.md ("Index") describes it. Null is always
 * allowed where the page allows it: the writer had no time to look.
 */
import { decode, RefusedFrame } from './frame-decoder.ts';
import { Damage } from './store-bytes.ts';
import type { Entry, Group, Segment } from './store-segment.ts';

export interface Batch {
  readonly gatewayId: string;
  readonly bootEpoch: number;
  readonly sequence: number;
  readonly messages: readonly { readonly kind: string; readonly sensorId: string; readonly timeMs: number }[];
}

type Range = readonly [from: number, to: number];

interface Part {
  readonly record: number;
  readonly offset: number;
  readonly bytes: number;
  readonly received: Range;
  readonly gateways: readonly number[] | null;
  readonly measured: Range | null;
  readonly sensors: readonly number[] | null;
  readonly batches: number;
  readonly messages: number;
  readonly connections: number;
  readonly kinds: Readonly<Record<string, number>> | null;
}

/** The batch of an entry; undefined for a connection and for a batch that does not decode, which is no fault of the store. */
export function batchOf({ channel, payload }: Entry): Batch | undefined {
  if (channel === 'connection') return undefined;
  try {
    return decode(payload) as unknown as Batch;
  } catch (error) {
    if (error instanceof RefusedFrame) return undefined;
    throw error;
  }
}

const distinct = (values: readonly string[]): string => [...new Set(values)].sort().join(' ');
const range = (values: readonly number[]): string => JSON.stringify([Math.min(...values), Math.max(...values)]);

/** What is wrong with a part, undefined if nothing is. `groups` are those it should cover. */
function faultOf(part: Part, groups: readonly Group[], gateways: readonly string[], sensors: readonly string[]): string | undefined {
  const entries = groups.flatMap((group) => group.entries);
  const connections = entries.filter(({ channel }) => channel === 'connection');
  const batches = entries.flatMap((entry) => batchOf(entry) ?? []);
  const areAllDecoded = connections.length + batches.length === entries.length;
  const messages = batches.flatMap((batch) => batch.messages);
  const times = [...messages.map(({ timeMs }) => timeMs), ...connections.map(({ receivedMs }) => receivedMs)];
  const kinds = (kind: string): number => messages.filter((message) => message.kind === kind).length;
  const names = (list: readonly string[], places: readonly number[]): string => distinct(places.map((place) => list[place] ?? 'none'));
  const found: readonly (readonly [string, unknown, unknown])[] = [
    ['bytes', part.bytes, groups.reduce((sum, { bytes }) => sum + bytes, 0)],
    ['received', JSON.stringify(part.received), range(entries.map(({ receivedMs }) => receivedMs))],
    ['connections', part.connections, connections.length],
    ['batches', part.batches, entries.length - connections.length],
    ...(!areAllDecoded ? [] : [
      ['messages', part.messages, messages.length],
      ...(part.gateways === null ? [] : [
        ['gateways', names(gateways, part.gateways), distinct([...batches.map(({ gatewayId }) => gatewayId), ...connections.map(({ payload }) => payload.toString('hex', 0, 8))])]
      ] as const)
    ] as const),
    ...(part.measured === null ? [] : [['measured', JSON.stringify(part.measured), range(times)]] as const),
    ...(part.sensors === null ? [] : [['sensors', names(sensors, part.sensors), distinct(messages.map(({ sensorId }) => sensorId))]] as const),
    ...(part.kinds === null ? [] : ['measurement', 'waveform', 'event'].map((kind) => [kind, part.kinds?.[kind], kinds(kind)] as const))
  ];
  const wrong = found.find(([, said, is]) => said !== is);
  return wrong === undefined ? undefined : `${wrong[0]} are ${String(wrong[2])}, not ${String(wrong[1])}`;
}

/** Throws a Damage unless the parts cover all groups, each once, and say what is in them. */
export function checkIndex({ file, index, groups }: Segment): void {
  if (index === undefined) return;
  const { gateways, sensors, parts } = index as unknown as { gateways: string[]; sensors: string[]; parts: Part[] };
  let covered = 0;
  for (const [i, part] of parts.entries()) {
    const next = parts[i + 1]?.record ?? groups.length + 1;
    const own = groups.slice(covered, next - 1);
    if (own.length === 0 || own[0]!.number !== part.record || own[0]!.offset !== part.offset) throw new Damage(file, `part ${i} of the index begins elsewhere`);
    const fault = faultOf(part, own, gateways, sensors);
    if (fault !== undefined) throw new Damage(file, `part ${i} of the index: ${fault}`);
    covered += own.length;
  }
  if (covered !== groups.length) throw new Damage(file, 'the index leaves records out');
}
