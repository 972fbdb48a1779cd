/** Where a project's log stood when a segment was sealed, as the trail keeps it: an older copy of the store is behind it. */
import { z } from 'zod';
import { projectArn } from '../access/actions.ts';
import type { AuditEvent } from './event.ts';
import type { AuditRecord } from './record.ts';

const EVENT_NAME = 'SealSegment';

const checkpoint = z.strictObject({
  projectId: z.string(),
  /** 32 hex digits. */
  segmentId: z.string(),
  /** Place in the project's log, from 1. */
  ordinal: z.number().int().positive(),
  /** Of the segment, snapshot and seal included. */
  records: z.number().int().nonnegative(),
  /** After its last record, 64 hex digits. */
  chainHex: z.string(),
});

export type Checkpoint = z.infer<typeof checkpoint>;

export function checkpointEvent(given: Checkpoint): AuditEvent {
  const { projectId, segmentId, ordinal, records, chainHex } = given;
  return {
    eventSource: 'thrum',
    eventName: EVENT_NAME,
    principal: 'thrum',
    sourceIpAddress: undefined,
    requestParameters: { projectId, segmentId, ordinal, records, chainHex },
    readOnly: false,
    resources: [projectArn(projectId)],
  };
}

/** The checkpoint that a record holds; undefined for other records. */
export function checkpointOf({ eventSource, eventName, requestParameters }: AuditRecord): Checkpoint | undefined {
  if (eventSource !== 'thrum' || eventName !== EVENT_NAME) return undefined;
  return checkpoint.safeParse(requestParameters).data;
}
