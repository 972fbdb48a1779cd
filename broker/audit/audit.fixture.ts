/** What the audit trail's tests share: trails in temporary folders, events, what a trail holds. Not part of the face. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from './event.ts';
import type { AuditRecord } from './record.ts';
import { AuditTrail, type AuditTrailOptions } from './trail.ts';
import type { TrailFault, Witness } from './trail-reader.ts';
import { FILE_ROLL_BYTES } from './trail-writer.ts';

export const NOW_MS = 1_760_000_000_000;
export const ACCOUNT = '123456789012';

/** A trail of its own on a home's folder, as another process would have it. */
export function trailIn(root: string, options: Partial<AuditTrailOptions> = {}): AuditTrail {
  return AuditTrail.open({
    directory: join(root, 'audit'),
    keysDirectory: join(root, 'keys'),
    source: { kind: 'file' },
    accountId: () => Promise.resolve(ACCOUNT),
    region: 'us-east-1',
    now: () => NOW_MS,
    ...options,
  });
}

export async function withHome(work: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'thrum-audit-'));
  try {
    await work(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

export function eventOf(number: number, more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    eventSource: 'thrum',
    eventName: `Event${number}`,
    principal: `arn:aws:iam::${ACCOUNT}:root`,
    sourceIpAddress: undefined,
    requestParameters: { number },
    readOnly: false,
    resources: ['arn:thrum:store:::project/p-0000000000000001'],
    ...more,
  };
}

interface TrailContents {
  readonly records: readonly AuditRecord[];
  readonly names: readonly string[];
  readonly faults: readonly TrailFault[];
}

export async function contentsOf(trail: AuditTrail, witnesses: readonly Witness[] = []): Promise<TrailContents> {
  const records: AuditRecord[] = [];
  const faults: TrailFault[] = [];
  for await (const item of trail.walk(witnesses)) {
    if (item.kind === 'record') records.push(item.record);
    else faults.push(item);
  }
  return { records, names: records.map(({ eventName }) => eventName), faults };
}

/** Makes the newest file as long as one that is followed by another, past its records, so that the next append begins a file. */
export async function rollOver(root: string, options: Partial<AuditTrailOptions> = {}): Promise<void> {
  const trail = trailIn(root, options);
  const filler = 'x'.repeat(1000);
  for (let written = 0; written < 1.2 * FILE_ROLL_BYTES; written += 12_000) {
    trail.record(eventOf(0, { requestParameters: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`f${i}`, filler])) }));
    if (written % 1_200_000 === 0) await trail.flush();
  }
  await trail.close();
}
