/**
 * Revoking what was issued. Promises: a certificate that is revoked is on disk as such before the promise resolves, and
 * in the published lists; who revokes twice changes nothing; what was never issued here is refused; several processes
 * may revoke at once.
 */

import { readFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';

import { listClaims } from './claim.ts';
import { crlAuthorities, crlSigningKey, hasIssued, type CrlAuthority } from './crl-authorities.ts';
import type { RevocationReason } from './crl.ts';
import { CertsError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import { listIdentities } from './list.ts';
import { publishLocked } from './revocation-lists.ts';
import { readRevocationRecord, REVOCATIONS_MAX, revocationPaths, type RevokedCertificate } from './revocation-record.ts';

/** What to revoke: a serial number in hexadecimal, or the id of a claim, or of a gateway, of one project where several have it. */
export interface RevocationRequest {
  readonly target: string;
  readonly projectId?: string;
  readonly reason: RevocationReason;
}

/** One certificate that is revoked now. */
export interface Revocation {
  readonly serial: string;
  readonly subject: string;
  readonly revokedMs: number;
  readonly reason: RevocationReason;
  /** True when it had been revoked before: with that time and reason. */
  readonly before: boolean;
}

interface Issued {
  readonly serial: string;
  readonly subject: string;
  readonly notAfterMs: number;
  readonly certificatePath: string;
}

/**
 * Revokes one certificate by its serial number, or all of a gateway's that have not expired, and publishes the lists.
 * Throws CERTS_UNKNOWN when nothing of that name was issued, CERTS_BAD_REQUEST when the id stands for gateways of several
 * projects, CERTS_NO_AUTHORITY when the key of the issuer is not at hand, CERTS_LIMIT, LOCK_HELD, CERTS_WRITE_FAILED.
 */
export async function revokeCertificates(directory: string, request: RevocationRequest, nowMs: number): Promise<Revocation[]> {
  await crlAuthorities(directory); // CERTS_NO_AUTHORITY, where there is no place for a lock either
  return withFileLock(revocationPaths(directory).lock, async () => {
    // Looked for under the lock, so that what a gateway renews to meanwhile is among it (renew.ts).
    const issued = await issuedAs(directory, request, nowMs);
    const authorities = await crlAuthorities(directory);
    const entries = await Promise.all(issued.map(async (one) => ({ ...one, issuer: await issuerOf(one, authorities) })));
    const record = await readRevocationRecord(directory);
    const known = new Map(record.revoked.map((one) => [`${one.issuer} ${one.serial}`, one]));
    const revoked = [...record.revoked];
    const results = entries.map(({ issuer, serial, subject, notAfterMs }): Revocation => {
      const earlier = known.get(`${issuer} ${serial}`);
      const entry: RevokedCertificate = earlier ?? { issuer, serial, revokedMs: nowMs, reason: request.reason, notAfterMs };
      if (earlier === undefined) revoked.push(entry);
      return { serial, subject, revokedMs: entry.revokedMs, reason: entry.reason, before: earlier !== undefined };
    });
    const alive = revoked.filter((one) => one.notAfterMs > nowMs).length;
    if (alive > REVOCATIONS_MAX) {
      throw new CertsError('CERTS_LIMIT', `${REVOCATIONS_MAX} certificates are revoked already: make a new authority, and issue to those who are still trusted`);
    }
    await publishLocked(directory, { ...record, revoked }, nowMs);
    return results;
  });
}

/** What is revoked, by serial number. Throws CERTS_UNREADABLE, CERTS_KEY_EXPOSED. */
export async function revokedCertificates(directory: string): Promise<Map<string, RevokedCertificate>> {
  return new Map((await readRevocationRecord(directory)).revoked.map((one) => [one.serial, one]));
}

async function issuedAs(directory: string, { target, projectId }: RevocationRequest, nowMs: number): Promise<Issued[]> {
  const wanted = target.toLowerCase().replaceAll(':', '');
  const all = await listIdentities(directory);
  const authorities = (await crlAuthorities(directory)).slice(1).map(({ serial, notAfterMs, certificate, paths }) => ({
    serial, notAfterMs, certificatePath: paths.certificatePath, subject: certificate.subject.replace(/^CN=/, ''),
  }));
  const claims = (await listClaims(directory)).map((claim) => ({ ...claim, subject: `claim ${claim.claimId}` }));
  const bySerial = [...all, ...authorities, ...claims].filter((one) => one.serial === wanted || ('claimId' in one && one.claimId === wanted));
  if (bySerial.length > 0) return bySerial;
  const ofGateway = all.filter(({ identity }) => identity.gatewayId === wanted && (projectId === undefined || identity.projectId === projectId));
  const projects = new Set(ofGateway.map(({ identity }) => identity.projectId));
  if (projects.size > 1) {
    throw new CertsError('CERTS_BAD_REQUEST', `gateways of ${projects.size} projects have the id ${wanted}: say which with --project`);
  }
  const valid = ofGateway.filter(({ notAfterMs }) => notAfterMs > nowMs);
  if (valid.length > 0) return valid;
  const what = ofGateway.length > 0 ? 'has no certificate that has not expired' : 'is no serial number and no gateway of a certificate issued here';
  throw new CertsError('CERTS_UNKNOWN', `${JSON.stringify(target.slice(0, 80))} ${what}; 'thrum certs list' shows them`);
}

/** Key identifier of the authority that issued a certificate, if its list can be signed. */
async function issuerOf({ certificatePath }: Issued, authorities: readonly CrlAuthority[]): Promise<string> {
  const certificate = new X509Certificate(await readFile(certificatePath));
  const authority = authorities.find((one) => hasIssued(one, certificate));
  if (authority === undefined) {
    throw new CertsError('CERTS_UNKNOWN', `${certificatePath} was issued by an authority that is not in this home; revoke it there`);
  }
  if ((await crlSigningKey(authority)) === undefined) {
    const { keyPath } = authority.paths;
    throw new CertsError('CERTS_NO_AUTHORITY', `${keyPath}, the key that signs this list, is not here; put it back for as long as this takes`);
  }
  if (!authority.maySign) throw new CertsError('CERTS_BAD_CRL', `${authority.paths.certificatePath} may not sign revocation lists: its key usage lacks cRLSign`);
  return authority.keyIdentifier.toString('hex');
}
