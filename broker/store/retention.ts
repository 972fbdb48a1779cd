/**
 * Removes what is old, or more than wanted: whole sealed segments, oldest first, their keys destroyed. The newest segment always stays:
 * it says which batches were stored, so that none is stored again.
 */
import { allItems } from './read.ts';
import { removeThrough, settledView, type LogToChange } from './rewrite.ts';
import type { SegmentFile } from './segment-files.ts';
import { wipe, type ChainPosition } from './segment-format.ts';
import { openSegment, readSeal, type OpenedSegment } from './segment-reader.ts';

/** What is left out does not restrict. */
export interface RetentionLimits {
  /** What was received before this goes: ms since 1970. */
  readonly receivedBeforeMs?: number;
  /** Of so many bytes in all, the oldest beyond go. */
  readonly bytes?: number;
}

export interface Retained {
  /** Removed, or with `dryRun` to be removed. */
  readonly segments: number;
  readonly bytes: number;
  readonly leftSegments: number;
  readonly leftBytes: number;
}

interface Candidate {
  readonly file: SegmentFile;
  readonly bytes: number;
}

/** Applies the limits to a project's log. STORE_DAMAGED when a segment cannot be opened: what is in doubt is not removed. */
export async function retainLog(log: LogToChange, limits: RetentionLimits, dryRun = false): Promise<Retained> {
  const view = await settledView(log);
  const all: Candidate[] = await Promise.all(view.segments.map(async (file) => ({ file, bytes: await log.source.size(file) })));
  let leftBytes = all.reduce((sum, { bytes }) => sum + bytes, 0);
  let [segments, bytes] = [0, 0];
  let last: { readonly file: SegmentFile; readonly end: ChainPosition } | undefined;
  for (const candidate of all.slice(0, -1)) {
    const end = await endIfSurplus(log, candidate.file, limits, leftBytes);
    if (!end) break;
    last = { file: candidate.file, end };
    segments += 1;
    bytes += candidate.bytes;
    leftBytes -= candidate.bytes;
  }
  if (last && !dryRun) await removeThrough(log, view, last.file, last.end);
  return { segments, bytes, leftSegments: all.length - segments, leftBytes };
}

/** How a segment ends that is to go; undefined when it stays. */
async function endIfSurplus({ source, projectId, keys }: LogToChange, file: SegmentFile, limits: RetentionLimits, leftBytes: number): Promise<ChainPosition | undefined> {
  const segment = await openSegment(source, file, projectId, keys);
  try {
    const { position, newestMs } = (await endBySeal(segment)) ?? (await endByReading(segment));
    const isOld = limits.receivedBeforeMs !== undefined && newestMs < limits.receivedBeforeMs;
    return isOld || (limits.bytes !== undefined && leftBytes > limits.bytes) ? position : undefined;
  } finally {
    wipe(segment.keys);
  }
}

interface End {
  readonly position: ChainPosition;
  /** When its newest entry was received; 0 when it has none. */
  readonly newestMs: number;
}

async function endBySeal(segment: OpenedSegment): Promise<End | undefined> {
  const sealed = await readSeal(segment);
  return sealed && { position: sealed.position, newestMs: sealed.index.parts.reduce((newest, { received }) => Math.max(newest, received[1]), 0) };
}

/** Of a segment that was not sealed because its writer was killed. */
async function endByReading(segment: OpenedSegment): Promise<End> {
  let newestMs = 0;
  const items = allItems(segment);
  for (let step = await items.next(); ; step = await items.next()) {
    if (step.done) return { position: step.value.position, newestMs };
    newestMs = Math.max(newestMs, step.value.receivedMs);
  }
}
