/**
 * What others saw of a project's log: the audit trail, and the gateways, which are told now and then where it stands. A log that is
 * behind what was seen, or that went on otherwise, is an older copy, or has lost its newest segments: within itself it is without fault.
 */
import { z } from 'zod';
import { positionAfter, startOf, type LogView } from './log-view.ts';
import { stoodAt, type SegmentReport } from './check-segment.ts';
import type { SegmentFile } from './segment-files.ts';

const shape = z.object({
  projectId: z.string().regex(/^p-[0-9a-f]{16}$/),
  segmentId: z.string().regex(/^[0-9a-f]{32}$/),
  /** Place in the project's log, from 1. */
  ordinal: z.number().int().positive(),
  /** Of that segment, when it was seen. */
  records: z.number().int().positive(),
  /** After the last of them, 64 hex digits. */
  chainHex: z.string().regex(/^[0-9a-f]{64}$/),
  /** Version of the list of what was rewritten and removed; left out: not seen. */
  amendments: z.number().int().nonnegative().optional(),
});

/** Where a log stood once. */
export type LogCheckpoint = z.infer<typeof shape>;

/** A checkpoint, and who saw it. */
export interface Witness extends LogCheckpoint {
  readonly from: string;
}

/** Undefined for what is no checkpoint. Members that are not known are passed over. */
export function parseCheckpoint(json: string): LogCheckpoint | undefined {
  try {
    return shape.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

/** Why the log is not the one that was seen; undefined when it is. `report` is of the segment of that place, undefined when it could not be checked. */
export function contradiction(view: LogView, witness: Witness, file: SegmentFile | undefined, report: SegmentReport | undefined): string | undefined {
  const { ordinal, records, from, segmentId } = witness;
  const seen = `${from} saw ${records} records of segment ${ordinal}`;
  const start = startOf(view.amendments);
  if ((witness.amendments ?? 0) > view.amendments.version) {
    return `${from} saw version ${witness.amendments!} of what was rewritten and removed, and here is version ${view.amendments.version}: this is an older copy`;
  }
  if (ordinal <= start.ordinal) return undefined; // retention removed it
  if (!file && (view.segments.at(-1)?.ordinal ?? 0) > ordinal) return undefined; // a gap, told as such
  if (!file) return `${seen}, and the log ends before it: this is an older copy, or its newest segments are gone`;
  const amended = view.amendments.rewritten.find((one) => one.ordinal === ordinal);
  if ((amended?.original.segmentId ?? file.segmentId) !== segmentId) return `${seen}, which was another one: the log went on otherwise from an older copy`;
  if (!report) return undefined; // its own faults are told
  const { records: now } = positionAfter(view, file, report.end.position);
  if (records > now) return `${seen}, and here it has ${now}: this is an older copy, or its end is gone`;
  if (amended) return records < now || amended.original.chain === witness.chainHex ? undefined : `${seen}, which ended otherwise`;
  return stoodAt(report, { records, chain: Buffer.from(witness.chainHex, 'hex') }) ? undefined : `${seen}, which went on otherwise`;
}
