/**
 * What was revoked, when and why: `ca/revocations.json`, the record that revocation lists are made from. Promises: it is
 * written whole or not at all, and only by who holds `ca/crl.lock`; an entry is never taken back; numbers of lists only
 * grow, also after the published lists were lost.
 */

import { join } from 'node:path';
import { z } from 'zod';

import { REVOCATION_REASONS, type RevocationReason } from './crl.ts';
import { CertsError, systemCode } from './errors.ts';
import { authorityPaths } from './layout.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

/** Certificates that are revoked and have not expired, over all authorities: what a broker reads within a tenth of a second. */
export const REVOCATIONS_MAX = 10_000;

export interface RevokedCertificate {
  /** Key identifier of the authority that issued it, lower-case hexadecimal. */
  readonly issuer: string;
  readonly serial: string;
  readonly revokedMs: number;
  readonly reason: RevocationReason;
  /** End of its validity: some time after it, the list need not name it any more. */
  readonly notAfterMs: number;
}

export interface RevocationRecord {
  readonly revoked: readonly RevokedCertificate[];
  /** The number of the last list of each authority, by key identifier. */
  readonly crlNumbers: Readonly<Record<string, number>>;
}

const hex = z.string().regex(/^[0-9a-f]{2,64}$/);
const milliseconds = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const reason = z.enum(Object.keys(REVOCATION_REASONS) as [RevocationReason, ...RevocationReason[]]);
const schema = z.strictObject({
  format: z.literal('thrum revocations'),
  version: z.literal(1),
  revoked: z.array(z.strictObject({ issuer: hex, serial: hex, revokedMs: milliseconds, reason, notAfterMs: milliseconds })),
  crlNumbers: z.record(hex, milliseconds),
});

/** Where the lists of a certificate directory are published, and what goes with them. */
export function revocationPaths(directory: string): { readonly record: string; readonly crl: string; readonly lock: string } {
  const { directory: ca } = authorityPaths(directory);
  return { record: join(ca, 'revocations.json'), crl: join(ca, 'crl.pem'), lock: join(ca, 'crl.lock') };
}

/** The record; an empty one where nothing was ever revoked. Throws CERTS_UNREADABLE, CERTS_KEY_EXPOSED. */
export async function readRevocationRecord(directory: string): Promise<RevocationRecord> {
  const { record: path } = revocationPaths(directory);
  let text: string;
  try {
    text = (await readPrivateFile(path)).toString('utf8');
  } catch (error) {
    if (error instanceof CertsError && systemCode(error.cause) === 'ENOENT') return { revoked: [], crlNumbers: {} };
    throw error;
  }
  try {
    const { revoked, crlNumbers } = schema.parse(JSON.parse(text));
    return { revoked, crlNumbers };
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${path} is damaged: restore it from your backup, as it says who is revoked`, { cause });
  }
}

/** Writes the record; the caller holds the lock. Throws CERTS_WRITE_FAILED. */
export async function writeRevocationRecord(directory: string, record: RevocationRecord): Promise<void> {
  const text = JSON.stringify({ format: 'thrum revocations', version: 1, ...record }, null, 1);
  await writePrivateFile(revocationPaths(directory).record, `${text}\n`);
}
