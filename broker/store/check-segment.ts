/** Checks one segment from its first byte to its last and says what is in it: the part of checking that any thread can do. */
import type { ChainPosition } from './segment-format.ts';
import { RECORD } from './segment-format.ts';
import { isConnection, itemsIn } from './read.ts';
import { SeenBatches, type SeenSnapshot } from './seen-batches.ts';
import { recordsOf, type OpenedSegment, type SegmentEnd } from './segment-reader.ts';

export interface SegmentCounts {
  batches: number;
  messages: number;
  payloadBytes: number;
  /** Batches kept as their gateway sent them, but sent wrong: their messages do not decode. Not a fault of the store. */
  undecodable: number;
  /** How often a gateway came or went. */
  connections: number;
}

export interface SegmentReport {
  readonly end: SegmentEnd;
  readonly counts: SegmentCounts;
  readonly batches: SeenSnapshot;
  /** Records in which a batch is that another record of the segment, or the same, has already. */
  readonly repeated: readonly number[];
  /** Where the chain stood after so many records, of those asked for. */
  readonly chains: ReadonlyMap<number, Buffer>;
}

export function noCounts(): SegmentCounts {
  return { batches: 0, messages: 0, payloadBytes: 0, undecodable: 0, connections: 0 };
}

/** `chainsAfter`: after how many records the chain is asked for. STORE_DAMAGED at the first fault. */
export async function checkSegment(segment: OpenedSegment, chainsAfter: ReadonlySet<number>): Promise<SegmentReport> {
  const counts = noCounts();
  const batches = new SeenBatches();
  const repeated: number[] = [];
  const chains = new Map<number, Buffer>();
  const records = recordsOf(segment);
  for (let step = await records.next(); ; step = await records.next()) {
    if (step.done) return { end: step.value, counts, batches: batches.snapshot(), repeated, chains };
    const { type, number, plaintext, chain } = step.value;
    if (chainsAfter.has(number + 1)) chains.set(number + 1, chain);
    if (type === RECORD.group && !addGroup(plaintext, segment, number, counts, batches)) repeated.push(number);
  }
}

/** False when a batch of the group is known. */
function addGroup(group: Buffer, { file }: OpenedSegment, record: number, counts: SegmentCounts, batches: SeenBatches): boolean {
  let isNew = true;
  for (const item of itemsIn(group, file, record)) {
    if (isConnection(item)) {
      counts.connections += 1;
      continue;
    }
    counts.batches += 1;
    counts.messages += item.batch.messages.length;
    counts.payloadBytes += item.payloadBytes;
    if (item.undecodable !== undefined) counts.undecodable += 1;
    isNew = batches.add(item.batch) && isNew;
  }
  return isNew;
}

/** The first record that holds a batch of which `seen` knows. */
export async function firstKnown(segment: OpenedSegment, seen: SeenBatches): Promise<number> {
  for await (const { type, number, plaintext } of recordsOf(segment)) {
    if (type !== RECORD.group) continue;
    for (const item of itemsIn(plaintext, segment.file, number)) if (!isConnection(item) && seen.has(item.batch)) return number;
  }
  return -1;
}

/** Whether the log stood so when it had so many records; true where that cannot be told. */
export function stoodAt(report: SegmentReport, { records, chain }: Pick<ChainPosition, 'records' | 'chain'>): boolean {
  return report.chains.get(records)?.equals(chain) ?? false;
}
