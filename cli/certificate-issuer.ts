/** What a home's broker answers to those who ask for a certificate over MQTT: renewals, and first identities by claim. */
import type { CertificateIssuer, CertificateQuestion } from '../broker/mod.ts';
import { ClaimOffice, renewIdentity } from '../certs/mod.ts';
import { audited } from './audit-trail.ts';
import { now } from './clock.ts';
import type { Home } from './home.ts';

export function certificateIssuer(home: Home): CertificateIssuer {
  const office = new ClaimOffice(home.certs);
  /** One renewal after the other within this process, so that they do not wait for each other's lock file. */
  let last: Promise<unknown> = Promise.resolve();
  return (question) => {
    const { projectId, gatewayId, claimId, certificate } = question;
    const principal = `certificate/${certificate.serialNumber.toLowerCase()}`;
    const act = { eventName: claimId === undefined ? 'RenewCertificate' : 'IssueByClaim', requestParameters: { projectId, gatewayId, claimId }, projectId, principal };
    return audited(home.trail, act, () => issue(question));
  };

  function issue({ projectId, gatewayId, requestPem, certificate, claimId }: CertificateQuestion): Promise<string> {
    if (claimId !== undefined) return office.grant({ claimId, projectId, gatewayId, requestPem }, now());
    const identity = { role: 'gateway', projectId, gatewayId } as const;
    const renewed = last.then(async () => (await renewIdentity(home.certs, certificate, requestPem, identity, now())).certificatePem);
    last = renewed.catch(() => undefined);
    return renewed;
  }
}
