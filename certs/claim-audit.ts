/**
 * Who asked by which claim, and what came of it: one JSON object a line in `claims/.audit.ndjson`, only ever added to.
 * Promise: an answer that was given has its line on disk first. Holds no secrets.
 */

import { open } from 'node:fs/promises';

import { claimPaths } from './claim.ts';
import { CertsError, systemCode } from './errors.ts';

/** Bytes of the file: past it nobody is provisioned until it is moved away. */
export const AUDIT_BYTES_MAX = 64 * 1024 * 1024;
const REASON_CHARS_MAX = 300;

export interface ClaimEvent {
  readonly timeMs: number;
  /** '' for what an operator does. */
  readonly claimId: string;
  readonly projectId: string;
  readonly gatewayId: string;
  /** `repeated`: the same key asked again and got the same certificate. */
  readonly outcome: 'issued' | 'repeated' | 'refused' | 'reset';
  /** Serial number of the certificate, or the error's code and message. */
  readonly reason: string;
}

/** Adds a line, durably; the caller holds the claims' lock. CERTS_LIMIT when the file is full, CERTS_WRITE_FAILED. */
export async function recordClaimEvent(directory: string, event: ClaimEvent): Promise<void> {
  const { audit: path } = claimPaths(directory);
  const { timeMs, reason, ...rest } = event;
  const line = `${JSON.stringify({ time: new Date(timeMs).toISOString(), ...rest, reason: reason.slice(0, REASON_CHARS_MAX) })}\n`;
  try {
    const handle = await open(path, 'a', 0o600);
    try {
      const { size } = await handle.stat();
      if (size + line.length > AUDIT_BYTES_MAX) throw new CertsError('CERTS_LIMIT', `${path} has ${size} bytes: move it away, then devices can be provisioned again`);
      // After a crash within a line the next one begins a line of its own.
      await handle.write((size > 0 && !(await endsLine(path, size)) ? '\n' : '') + line);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof CertsError) throw cause;
    throw new CertsError('CERTS_WRITE_FAILED', `${path} cannot be written (${systemCode(cause)}); check space and permissions`, { cause });
  }
}

async function endsLine(path: string, size: number): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === 0x0a;
  } finally {
    await handle.close();
  }
}
