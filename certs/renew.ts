/**
 * Renewing an identity: the next certificate for who has shown the last. Promise: who is revoked, or whose authority is,
 * gets none, and revoking a gateway by its id covers the certificate that it renews to in that moment: renewals and
 * revocations of a directory take turns.
 */
import type { X509Certificate } from 'node:crypto';
import { loadAuthority } from './authority.ts';
import { crlAuthorities, hasIssued } from './crl-authorities.ts';
import { withFileLock } from './file-lock.ts';
import { nameOfCertificate } from './revocation-lists.ts';
import { revocationPaths } from './revocation-record.ts';
import { revokedCertificates } from './revocation.ts';
import { DAY_MS, LIFETIME_MIN_MS, SKEW_MS, type GatewayRequest } from './profiles.ts';
import { refused } from './request-reader.ts';
import { signRequest, type SignedRequest } from './request.ts';

/**
 * Signs a PEM request as `identity` for who has shown `certificate`, with the intermediate that is in use now. The new one
 * lasts as long as the old one was meant to; where that ended with its authority, a year, as the next may last longer. Throws
 * CERTS_CSR_REFUSED also when the certificate or its authority is revoked, what loadAuthority and signRequest throw, LOCK_HELD.
 */
export async function renewIdentity(directory: string, certificate: X509Certificate, requestPem: string, identity: Omit<GatewayRequest, 'lifetimeDays'>, nowMs: number): Promise<SignedRequest> {
  return withFileLock(revocationPaths(directory).lock, async () => {
    const revoked = await revokedCertificates(directory);
    const authority = (await crlAuthorities(directory)).find((one) => hasIssued(one, certificate));
    if (revoked.has(nameOfCertificate(certificate).serial) || (authority && revoked.has(authority.serial))) throw refused('comes from who is revoked');
    const wasCut = authority !== undefined && endOf(certificate) >= endOf(authority.certificate);
    const lifetime = wasCut ? {} : { lifetimeDays: lifetimeOf(certificate) / DAY_MS };
    return signRequest(await loadAuthority(directory), requestPem, { ...identity, ...lifetime }, nowMs);
  });
}

function endOf({ validTo }: X509Certificate): number {
  return Date.parse(validTo);
}

/** Milliseconds: from its issue, which is a little after its validity begins. */
function lifetimeOf(certificate: X509Certificate): number {
  return Math.max(endOf(certificate) - Date.parse(certificate.validFrom) - SKEW_MS, LIFETIME_MIN_MS);
}
