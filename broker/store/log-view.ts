/**
 * A project's log as it counts now: its segments in force, each at the place of the one that was written there first. Links between
 * segments are told by those first ones, so what follows a segment that was written anew still pins what stood there.
 */
import type { KeyProvider } from '../keys/provider.ts';
import { chainPosition, readAmendments, type Amendments } from './amendments.ts';
import { damaged, type SegmentFile } from './segment-files.ts';
import { NO_SEGMENT, type ChainPosition, type SegmentHeader } from './segment-format.ts';
import type { SegmentSource } from './segment-source.ts';

export interface LogView {
  readonly amendments: Amendments;
  /** In the order of their ordinals. */
  readonly segments: readonly SegmentFile[];
  /** Those that lie there and are not in force: removed or replaced, or of a rewrite that was cut short. */
  readonly leftovers: readonly SegmentFile[];
}

/** Reads the list of amendments and says what counts. The key's own error, or STORE_DAMAGED. */
export async function viewLog(source: SegmentSource, projectId: string, keys: KeyProvider): Promise<LogView> {
  // Segments first: what is replaced meanwhile is then missed, and looked for again, instead of counted twice.
  const files = await source.list();
  return resolve(files, await readAmendments(source, projectId, keys));
}

export function resolve(files: readonly SegmentFile[], amendments: Amendments): LogView {
  const now = new Map(amendments.rewritten.map((one) => [one.ordinal, one.now.segmentId]));
  const unwanted = new Set(amendments.leftovers.map((one) => `${one.ordinal}/${one.segmentId}`));
  const through = amendments.removed?.through ?? 0;
  const isInForce = ({ ordinal, segmentId }: SegmentFile): boolean =>
    ordinal > through && (now.get(ordinal) ?? segmentId) === segmentId && !unwanted.has(`${ordinal}/${segmentId}`);
  return { amendments, segments: files.filter(isInForce), leftovers: files.filter((file) => !isInForce(file)) };
}

/** Where the log stands before its first segment in force. */
export function startOf({ removed }: Amendments): { readonly ordinal: number; readonly position: ChainPosition } {
  return removed ? { ordinal: removed.through, position: chainPosition(removed.position) } : { ordinal: 0, position: NO_SEGMENT };
}

/** What the next segment has to name: how the segment ended that was written in this place first. STORE_DAMAGED when `end` is not how the one there has to end. */
export function positionAfter({ amendments }: LogView, file: SegmentFile, end: ChainPosition): ChainPosition {
  const amended = amendments.rewritten.find(({ ordinal }) => ordinal === file.ordinal);
  if (!amended) return end;
  if (!equals(chainPosition(amended.now), end)) throw damaged(file.path, -1, 'it does not end as the segment did that was written anew');
  return chainPosition(amended.original);
}

/** STORE_DAMAGED unless a segment goes on where the log stood. */
export function checkLink(file: SegmentFile, { previous }: SegmentHeader, before: ChainPosition): void {
  if (equals(previous, before)) return;
  throw damaged(file.path, -1, `it does not continue the segment before it, which had ${previous.records} records when this one began`);
}

/** Segments are numbered without gaps. */
export function checkOrdinal(file: SegmentFile, expected: number): void {
  if (file.ordinal !== expected) throw damaged(file.path, -1, `segment ${expected} is missing before it`);
}

function equals(a: ChainPosition, b: ChainPosition): boolean {
  return a.segmentId.equals(b.segmentId) && a.records === b.records && a.chain.equals(b.chain);
}
