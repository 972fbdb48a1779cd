/**
 * A sealed segment's index: which parts of it can hold what is asked for, so that the rest need not be decrypted. A part
 * is a run of commit groups of 256 KiB or one group. The gateways of each are known as it is written; the sensors and the times of
 * their measurements when there was time to look, then or later (late-look.ts; docs/store.md, "Index").
 */
import { z } from 'zod';
import { FrameError, headerOfVerified, scanBatch } from '../../frame/mod.ts';
import { StoreError } from '../errors.ts';
import { decodeConnection, decodeGroup, type StoredEntry } from './group.ts';

/** Sealed bytes after which a part ends. */
const PART_BYTES = 256 * 2 ** 10;
/** Past so many gateways or sensors of a part, it counts as holding all there are. */
const MAX_NAMES_PER_PART = 2_000;

const names = z.array(z.number().int().nonnegative()).nullable();
const time = z.number().int().nonnegative();
const partShape = z.strictObject({
  /** Number of its first record, where that begins in the file, and bytes up to the next part. */
  record: time,
  offset: time,
  bytes: time,
  received: z.tuple([time, time]),
  /** Places in the list of gateways; null: any. */
  gateways: names,
  /** First and last time of what its messages measured; null: not looked at. */
  measured: z.tuple([time, time]).nullable(),
  sensors: names,
  batches: time,
  messages: time,
  connections: time,
  /** How many messages of which kind; null: not looked at. */
  kinds: z.strictObject({ measurement: time, waveform: time, event: time }).nullable(),
});
const indexShape = z.strictObject({ gateways: z.array(z.string()), sensors: z.array(z.string()), parts: z.array(partShape) });

export type IndexPart = z.infer<typeof partShape>;
export type SegmentIndex = z.infer<typeof indexShape>;

/** What is asked for; what is left out is not restricted. Times in ms since 1970, both ends included. */
export interface Selection {
  readonly gateways?: ReadonlySet<string>;
  readonly sensors?: ReadonlySet<string>;
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** False when no message of the part can be what is asked for. */
export function mayHold(index: SegmentIndex, part: IndexPart, { gateways, sensors, fromMs, toMs }: Selection): boolean {
  if (gateways && part.gateways && !part.gateways.some((place) => gateways.has(index.gateways[place]!))) return false;
  if (part.measured === null) return true;
  if (sensors && part.sensors && !part.sensors.some((place) => sensors.has(index.sensors[place]!))) return false;
  return part.measured[1] >= (fromMs ?? 0) && part.measured[0] <= (toMs ?? Infinity);
}

/** The index of a seal's record. STORE_DAMAGED when it does not parse. */
export function decodeIndex(json: Buffer): SegmentIndex {
  try {
    return indexShape.parse(JSON.parse(json.toString('utf8')));
  } catch (cause) {
    throw new StoreError('STORE_DAMAGED', 'the index does not parse', { cause });
  }
}

/** What is known of messages that were looked at. */
export interface Findings {
  readonly sensors: Set<number>;
  measured: [number, number] | null;
  readonly kinds: { measurement: number; waveform: number; event: number };
}

export function noFindings(): Findings {
  return { sensors: new Set(), measured: null, kinds: { measurement: 0, waveform: 0, event: 0 } };
}

/** A part as far as it is known. */
export interface Part {
  readonly record: number;
  readonly offset: number;
  bytes: number;
  received: [number, number];
  readonly gateways: Set<number>;
  /** Null: not looked at, or it has a batch that does not decode: whoever reads it is told. */
  found: Findings | null;
  batches: number;
  messages: number;
  connections: number;
}

/** Builds the index while groups are written. */
export class IndexBuilder {
  readonly #gateways = new Map<string, number>();
  readonly #sensors = new Map<string, number>();
  readonly #parts: Part[] = [];
  /** Those that there was no time to look into, oldest first. */
  readonly #left: Part[] = [];
  readonly #mayLook: (bytes: number) => boolean;

  /** `mayLook`: whether there is time to look into so many bytes of batches at once. */
  constructor(mayLook: (bytes: number) => boolean) {
    this.#mayLook = mayLook;
  }

  /** Adds the group of record `record`, whose `bytes` begin at `offset` of the file. */
  add(record: number, offset: number, bytes: number, group: Buffer): void {
    const entries = decodeGroup(group);
    const first = entries[0]!.receivedMs;
    let part = this.#parts.at(-1);
    if (!part || part.bytes >= PART_BYTES) {
      part = { record, offset, bytes: 0, received: [first, first], gateways: new Set(), found: noFindings(), batches: 0, messages: 0, connections: 0 };
      this.#parts.push(part);
    }
    part.bytes += bytes;
    if (part.found && !this.#mayLook(group.length)) {
      part.found = null;
      this.#left.push(part);
    }
    for (const entry of entries) this.#addEntry(part, entry);
  }

  #addEntry(part: Part, entry: StoredEntry): void {
    part.received = widened(part.received, entry.receivedMs);
    if (entry.channel === 'connection') {
      part.gateways.add(place(this.#gateways, decodeConnection(entry.payload).gatewayId));
      part.connections += 1;
    } else {
      const { gatewayId, messageCount } = headerOfVerified(entry.payload);
      part.gateways.add(place(this.#gateways, gatewayId));
      part.batches += 1;
      part.messages += messageCount;
    }
    if (part.found && !this.look(part.found, entry)) part.found = null;
  }

  /** Adds what an entry tells. False when a gateway sent what does not decode. */
  look(found: Findings, { receivedMs, channel, payload }: StoredEntry): boolean {
    if (channel === 'connection') {
      found.measured = widened(found.measured, receivedMs);
      return true;
    }
    try {
      scanBatch(payload, (sensorId, timeMs, kind) => {
        found.sensors.add(place(this.#sensors, sensorId));
        found.measured = widened(found.measured, timeMs);
        found.kinds[kind] += 1;
      });
      return true;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      return false;
    }
  }

  /** The oldest part that was not looked into; not the one that still grows, unless the segment `ends`. */
  left(ends: boolean): Part | undefined {
    const part = this.#left[0];
    return ends || part !== this.#parts.at(-1) ? part : undefined;
  }

  /** Strikes the oldest off that was not looked into: what was found in it, or null when nothing can be. */
  settle(found: Findings | null): void {
    this.#left.shift()!.found = found;
  }

  encode(): Buffer {
    const index: SegmentIndex = {
      gateways: [...this.#gateways.keys()],
      sensors: [...this.#sensors.keys()],
      parts: this.#parts.map(({ record, offset, bytes, received, gateways, found, batches, messages, connections }) => ({
        record, offset, bytes, received,
        gateways: few(gateways),
        measured: found && found.measured,
        sensors: found && few(found.sensors),
        batches, messages, connections,
        kinds: found && found.kinds,
      })),
    };
    return Buffer.from(JSON.stringify(index));
  }
}

function place(places: Map<string, number>, name: string): number {
  let found = places.get(name);
  if (found === undefined) places.set(name, (found = places.size));
  return found;
}

function few(places: ReadonlySet<number>): number[] | null {
  return places.size > MAX_NAMES_PER_PART ? null : [...places];
}

function widened(range: readonly [number, number] | null, value: number): [number, number] {
  return range ? [Math.min(range[0], value), Math.max(range[1], value)] : [value, value];
}
