/** What the trail says when files of it are removed for their age or size: from which file on it was kept. */
import { z } from 'zod';
import type { AuditEvent } from './event.ts';
import type { AuditRecord } from './record.ts';

const EVENT_NAME = 'RemoveAuditFiles';

const removal = z.strictObject({
  /** Ordinal of the first file that stays. */
  keptFrom: z.number().int().positive(),
  /** Records of all files before it. */
  recordsBefore: z.number().int().nonnegative(),
});

export type Removal = z.infer<typeof removal>;

export function removalEvent(principal: string, { keptFrom, recordsBefore }: Removal): AuditEvent {
  return { eventSource: 'thrum', eventName: EVENT_NAME, principal, sourceIpAddress: undefined, requestParameters: { keptFrom, recordsBefore }, readOnly: false, resources: [] };
}

/** The removal that a record tells of; undefined for other records. */
export function removalOf({ eventSource, eventName, errorCode, requestParameters }: AuditRecord): Removal | undefined {
  if (eventSource !== 'thrum' || eventName !== EVENT_NAME || errorCode !== undefined) return undefined;
  return removal.safeParse(requestParameters).data;
}
