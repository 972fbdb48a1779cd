/**
 * Puts segments in the place of others, and removes them, so that a kill at any step loses nothing and leaves nothing behind: what is
 * about to be in the folder and not in force is noted before (amendments.ts, `leftovers`), and destroyed by whoever comes next.
 */
import { randomBytes } from 'node:crypto';
import { sealRecordInParts } from '../../certs/mod.ts';
import type { BatchHeader } from '../../frame/mod.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { notedPosition, writeAmendments, type Amendments } from './amendments.ts';
import { decodeGroup, encodeGroup, maxGroupLength, type StoredEntry } from './group.ts';
import { positionAfter, resolve, viewLog, type LogView } from './log-view.ts';
import { SeenBatches } from './seen-batches.ts';
import type { SegmentFile } from './segment-files.ts';
import { buildHeader, encodeSeal, firstChain, HEADER_BYTES, RECORD, segmentContext, segmentKeys, wipe, type ChainPosition, type RecordType, type SegmentKeys } from './segment-format.ts';
import { IndexBuilder } from './segment-index.ts';
import { openSegment, recordsOf, type OpenedSegment } from './segment-reader.ts';
import type { SegmentSource } from './segment-source.ts';

/** A log that no broker writes at the same time: whoever makes one holds the store's lock. */
export interface LogToChange {
  readonly source: SegmentSource;
  readonly projectId: string;
  /** What new data keys are wrapped under. */
  readonly keyId: string;
  readonly keys: KeyProvider;
  /** Account of the project's owner. */
  readonly customerId?: string | undefined;
  /** Called with each new version of the amendments once it is on disk. */
  readonly onAmended?: (version: number) => void;
}

/** What a segment is to become. */
interface Rewriting {
  /** What is kept of an entry; undefined: nothing. */
  readonly keep: (entry: StoredEntry) => StoredEntry | undefined;
  /** The batches of which nothing is kept: they stay known, so that they are not stored again. */
  readonly dropped: readonly BatchHeader[];
  /** What else to note in the same step. */
  readonly note?: Partial<Amendments>;
}

/** Notes what changed; returns the log as it counts then. */
export async function amend(log: LogToChange, view: LogView, change: Partial<Amendments>): Promise<LogView> {
  const amendments = await writeAmendments(log.source, log, log.keys, { ...view.amendments, ...change });
  log.onAmended?.(amendments.version);
  return resolve(await log.source.list(), amendments);
}

/** The log as it counts, after what an earlier change left behind is destroyed. */
export async function settledView(log: LogToChange): Promise<LogView> {
  return settleLeftovers(log, await viewLog(log.source, log.projectId, log.keys));
}

async function settleLeftovers(log: LogToChange, view: LogView): Promise<LogView> {
  const { leftovers } = view.amendments;
  const there = [...view.leftovers, ...leftovers.map(({ ordinal, segmentId }) => log.source.fileOf(ordinal, segmentId))];
  for (const file of there) await log.source.remove(file);
  return leftovers.length === 0 ? { ...view, leftovers: [] } : amend(log, view, { leftovers: [] });
}

/** Writes a segment anew under a fresh data key, puts it in the place of the one there, and destroys that one. */
export async function rewriteSegment(log: LogToChange, view: LogView, file: SegmentFile, rewriting: Rewriting): Promise<LogView> {
  const { source } = log;
  const id = randomBytes(16);
  const replacement = source.fileOf(file.ordinal, id.toString('hex'));
  const prepared = await amend(log, view, { leftovers: [...view.amendments.leftovers, nameOf(replacement)] });
  const old = await openSegment(source, file, log.projectId, log.keys);
  const { plaintext, wrapped, keyId } = await log.keys.generateDataKey(log.keyId, segmentContext(log.projectId, id, log.customerId)).catch((error: unknown) => {
    wipe(old.keys);
    throw error;
  });
  const keys = segmentKeys(plaintext, id);
  try {
    const ends: Ends = {};
    await source.put(replacement, { keyId, wrapped, context: segmentContext(log.projectId, id, log.customerId) }, bytesOf(old, keys, id, rewriting, ends));
    const original = positionAfter(prepared, file, ends.old!);
    const others = prepared.amendments.rewritten.filter(({ ordinal }) => ordinal !== file.ordinal);
    const committed = await amend(log, prepared, {
      rewritten: [...others, { ordinal: file.ordinal, original: notedPosition(original), now: notedPosition(ends.now!) }].sort((a, b) => a.ordinal - b.ordinal),
      leftovers: [...view.amendments.leftovers, nameOf(file)],
      ...rewriting.note,
    });
    return await settleLeftovers(log, committed);
  } finally {
    wipe(old.keys);
    wipe(keys);
  }
}

/** Removes the oldest segments up to `through`, and their keys. */
export async function removeThrough(log: LogToChange, view: LogView, through: SegmentFile, end: ChainPosition): Promise<LogView> {
  const gone = view.segments.filter(({ ordinal }) => ordinal <= through.ordinal);
  const committed = await amend(log, view, {
    removed: { through: through.ordinal, position: notedPosition(positionAfter(view, through, end)) },
    rewritten: view.amendments.rewritten.filter(({ ordinal }) => ordinal > through.ordinal),
    leftovers: [...view.amendments.leftovers, ...gone.map(nameOf)],
  });
  return settleLeftovers(log, committed);
}

function nameOf({ ordinal, segmentId }: SegmentFile): Amendments['leftovers'][number] {
  return { ordinal, segmentId };
}

/** How the segment ended that was read, and how the one ends that was written. */
interface Ends {
  old?: ChainPosition;
  now?: ChainPosition;
}

/** The new segment's bytes, made as the old one is read. It names the one before it as the old one did. */
async function* bytesOf(old: OpenedSegment, keys: SegmentKeys, id: Buffer, { keep, dropped }: Rewriting, ends: Ends): AsyncGenerator<Uint8Array> {
  const header = buildHeader(id, old.header.ordinal, old.header.previous, keys);
  const index = new IndexBuilder(() => true);
  let [chain, records, offset] = [firstChain(header), 0, HEADER_BYTES];
  const seal = (type: RecordType, plaintext: Buffer): readonly Buffer[] => {
    const sealed = sealRecordInParts(RECORD[type], records, chain, keys, plaintext);
    if (type === 'group') index.add(records, offset, sealed.bytes, plaintext);
    records += 1;
    offset += sealed.bytes;
    chain = sealed.chain;
    return sealed.parts;
  };
  yield header.bytes;
  const from = recordsOf(old);
  for (let step = await from.next(); ; step = await from.next()) {
    if (step.done) {
      ends.old = step.value.position;
      break;
    }
    const { type, plaintext } = step.value;
    if (type === RECORD.snapshot) yield* seal('snapshot', snapshotWith(plaintext, dropped));
    if (type !== RECORD.group) continue;
    const kept = decodeGroup(plaintext).map(keep).filter((entry) => entry !== undefined);
    if (kept.length > 0) yield* seal('group', groupOf(kept));
  }
  const indexOffset = offset;
  yield* seal('index', index.encode());
  yield* seal('seal', encodeSeal({ records, indexOffset, chain }));
  ends.now = { segmentId: id, records, chain };
}

function snapshotWith(json: Buffer, dropped: readonly BatchHeader[]): Buffer {
  if (dropped.length === 0) return json;
  const seen = SeenBatches.restore(json.toString('utf8'));
  for (const batch of dropped) seen.add(batch);
  return Buffer.from(JSON.stringify(seen.snapshot()));
}

function groupOf(entries: readonly StoredEntry[]): Buffer {
  const room = Buffer.allocUnsafe(maxGroupLength(entries));
  return room.subarray(0, encodeGroup(entries, room));
}
