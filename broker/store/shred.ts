/**
 * Takes gateways and sensors out of the store for good (a whole project: SegmentSource.destroy): segments that hold anything of them are written anew without
 * it, under fresh data keys, and the old keys are destroyed, so that no copy of the old segments can be opened. That their batches were
 * stored stays known, so that a gateway that sends them again does not bring them back.
 */
import { batchOf, decodeBatch, FrameError, frameOf, readBatchHeader, type BatchHeader } from '../../frame/mod.ts';
import { decodeConnection, decodeGroup, type StoredEntry } from './group.ts';
import { rewriteSegment, settledView, type LogToChange } from './rewrite.ts';
import type { SegmentFile } from './segment-files.ts';
import { RECORD, wipe } from './segment-format.ts';
import { mayHold } from './segment-index.ts';
import { groupsOf, openSegment, readSeal, recordsOf, type OpenedSegment } from './segment-reader.ts';

/** Whom to take out: EUI-64s, 16 lower-case hex digits. */
export interface Shredding {
  readonly gateways: ReadonlySet<string>;
  readonly sensors: ReadonlySet<string>;
}

interface Shredded {
  /** Segments written anew. */
  segments: number;
  /** Batches of which nothing is left, and those from which some messages were taken. */
  removedBatches: number;
  changedBatches: number;
  removedMessages: number;
  /** Of those removed, batches that do not decode: whether they held the sensor cannot be told. */
  undecodable: number;
  removedConnections: number;
}

/** Shreds gateways and sensors. When it is cut short, shredding the same again does the rest. */
export async function shredFrom(log: LogToChange, what: Shredding, onSegment?: (done: number, total: number) => void): Promise<Shredded> {
  const totals: Shredded = { segments: 0, removedBatches: 0, changedBatches: 0, removedMessages: 0, undecodable: 0, removedConnections: 0 };
  let view = await settledView(log);
  const files = view.segments;
  for (const [index, file] of files.entries()) {
    const found = await lookInto(log, file, what);
    if (found) {
      view = await rewriteSegment(log, view, file, { keep: (entry) => without(entry, what).entry, dropped: found.dropped });
      totals.segments += 1;
      for (const name of Object.keys(found.counts) as (keyof typeof found.counts)[]) totals[name] += found.counts[name];
    }
    onSegment?.(index + 1, files.length);
  }
  return totals;
}

interface Found {
  readonly counts: Omit<Shredded, 'segments'>;
  readonly dropped: BatchHeader[];
}

/** What of a segment is to go; undefined when nothing is. Parts that cannot hold any of it are not read. */
async function lookInto({ source, projectId, keys }: LogToChange, file: SegmentFile, what: Shredding): Promise<Found | undefined> {
  const found: Found = { counts: { removedBatches: 0, changedBatches: 0, removedMessages: 0, undecodable: 0, removedConnections: 0 }, dropped: [] };
  const segment = await openSegment(source, file, projectId, keys);
  try {
    for await (const group of groupsToLookInto(segment, what)) for (const entry of decodeGroup(group)) count(entry, what, found);
  } finally {
    wipe(segment.keys);
  }
  return Object.values(found.counts).some((one) => one > 0) ? found : undefined;
}

async function* groupsToLookInto(segment: OpenedSegment, { gateways, sensors }: Shredding): AsyncGenerator<Buffer> {
  const sealed = await readSeal(segment);
  if (!sealed) {
    for await (const { type, plaintext } of recordsOf(segment)) if (type === RECORD.group) yield plaintext;
    return;
  }
  for (const part of sealed.index.parts) {
    const mayBe = (gateways.size > 0 && mayHold(sealed.index, part, { gateways })) || (sensors.size > 0 && mayHold(sealed.index, part, { sensors }));
    if (mayBe) for await (const { plaintext } of groupsOf(segment, part)) yield plaintext;
  }
}

function count(entry: StoredEntry, what: Shredding, { counts, dropped }: Found): void {
  const { entry: left, removedMessages, undecodable } = without(entry, what);
  if (left === entry) return;
  if (entry.channel === 'connection') {
    counts.removedConnections += 1;
    return;
  }
  counts.removedMessages += removedMessages;
  if (undecodable) counts.undecodable += 1;
  if (left) counts.changedBatches += 1;
  else {
    counts.removedBatches += 1;
    dropped.push(readBatchHeader(entry.payload));
  }
}

interface Without {
  /** The entry itself when none of it goes; undefined when nothing is left. */
  readonly entry: StoredEntry | undefined;
  readonly removedMessages: number;
  readonly undecodable?: true;
}

/** An entry without those who are to go: whole batches of a gateway, single messages of a sensor, whose batch keeps its number. */
function without(entry: StoredEntry, { gateways, sensors }: Shredding): Without {
  if (entry.channel === 'connection') return { entry: gateways.has(decodeConnection(entry.payload).gatewayId) ? undefined : entry, removedMessages: 0 };
  const { messageCount, ...header } = readBatchHeader(entry.payload);
  if (gateways.has(header.gatewayId)) return { entry: undefined, removedMessages: messageCount };
  if (sensors.size === 0) return { entry, removedMessages: 0 };
  try {
    const { messages } = decodeBatch(entry.payload);
    const kept = messages.filter(({ sensorId }) => !sensors.has(sensorId));
    if (kept.length === messageCount) return { entry, removedMessages: 0 };
    const removedMessages = messageCount - kept.length; // those of kinds not known here too, which may be any sensor's
    if (kept.length === 0) return { entry: undefined, removedMessages };
    return { entry: { ...entry, payload: Buffer.from(batchOf(header, kept.map((message) => frameOf(message)))) }, removedMessages };
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return { entry: undefined, removedMessages: messageCount, undecodable: true }; // it may hold any sensor
  }
}
