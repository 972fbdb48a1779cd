/** What a home's broker answers to those who ask for a certificate over MQTT: renewals, and first identities by claim. */
import type { CertificateIssuer } from '../broker/mod.ts';
import { CertsError, ClaimOffice, loadAuthority, nameOfCertificate, revokedCertificates, signRequest } from '../certs/mod.ts';
import { now } from './clock.ts';
import type { Home } from './home.ts';

const DAY_MS = 86_400_000;
/** Validity begins five minutes before the issue (docs/certificates.md). */
const SKEW_MS = 300_000;
const LEAST_MS = 60_000;

export function certificateIssuer(home: Home): CertificateIssuer {
  const office = new ClaimOffice(home.certs);
  return async ({ projectId, gatewayId, requestPem, certificate, claimId }) => {
    if (claimId !== undefined) return office.grant({ claimId, projectId, gatewayId, requestPem }, now());
    // Revoked while it asked: the connection is about to be closed.
    if ((await revokedCertificates(home.certs)).has(nameOfCertificate(certificate).serial)) throw new CertsError('CERTS_CSR_REFUSED', 'the request comes from who is revoked');
    // The new one lasts as long as the old one was meant to.
    const lifetimeMs = Math.max(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom) - SKEW_MS, LEAST_MS);
    const request = { role: 'gateway', projectId, gatewayId, lifetimeDays: lifetimeMs / DAY_MS } as const;
    return (await signRequest(await loadAuthority(home.certs), requestPem, request, now())).certificatePem; // loaded anew, as the intermediate may have been replaced
  };
}
