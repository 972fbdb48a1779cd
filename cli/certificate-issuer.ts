/** What a home's broker answers to those who ask for a certificate over MQTT: renewals, and first identities by claim. */
import type { CertificateIssuer } from '../broker/mod.ts';
import { ClaimOffice, renewIdentity } from '../certs/mod.ts';
import { now } from './clock.ts';
import type { Home } from './home.ts';

const DAY_MS = 86_400_000;
/** Validity begins five minutes before the issue (docs/certificates.md). */
const SKEW_MS = 300_000;
const LEAST_MS = 60_000;

export function certificateIssuer(home: Home): CertificateIssuer {
  const office = new ClaimOffice(home.certs);
  /** One renewal after the other within this process, so that they do not wait for each other's lock file. */
  let last: Promise<unknown> = Promise.resolve();
  return ({ projectId, gatewayId, requestPem, certificate, claimId }) => {
    if (claimId !== undefined) return office.grant({ claimId, projectId, gatewayId, requestPem }, now());
    // The new one lasts as long as the old one was meant to.
    const lifetimeMs = Math.max(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom) - SKEW_MS, LEAST_MS);
    const identity = { role: 'gateway', projectId, gatewayId, lifetimeDays: lifetimeMs / DAY_MS } as const;
    const renewed = last.then(async () => (await renewIdentity(home.certs, certificate, requestPem, identity, now())).certificatePem);
    last = renewed.catch(() => undefined);
    return renewed;
  };
}
