/**
 * A peer's chain held against revocation lists (RFC 5280, section 6.3). Promise: a list counts for what its signer has
 * signed, and for nothing else; a list that is over, or a chain whose links do not hold, is a reason to refuse.
 */
import type { X509Certificate } from 'node:crypto';

import { readCertificate, type CertificateContent } from './certificate-reader.ts';
import { verifyCrl, type Crl } from './crl-reader.ts';
import { keyIdentifier } from './extensions.ts';

/** What it means that there is no list of any authority in the peer's chain. */
export type WithoutList = 'refuse' | 'accept';

/**
 * Why a chain (the peer's own certificate first, the root last) is not to be believed at a time; undefined when the lists
 * say nothing against it. An authority without a list revokes nobody.
 */
export function revocationIn(chain: readonly X509Certificate[], lists: readonly Crl[], withoutList: WithoutList, nowMs: number): string | undefined {
  const contents = chain.map(readCertificate);
  let consulted = 0;
  for (const [place, certificate] of chain.slice(0, -1).entries()) {
    const issuer = chain[place + 1]!;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) return 'the links of its chain do not hold';
    const list = lists.find((one) => isListOf(one, issuer, contents[place + 1]!));
    if (!list) continue;
    consulted += 1;
    const whose = place === 0 ? 'its certificate' : `certificate ${place + 1} of its chain`;
    if (list.entries.has(contents[place]!.serial)) return `${whose} is revoked`;
    if (list.nextUpdateMs <= nowMs) return `the revocation list for ${whose} ended ${new Date(list.nextUpdateMs).toISOString()}`;
  }
  return consulted === 0 && withoutList === 'refuse' ? 'there is no revocation list of an authority in its chain' : undefined;
}

function isListOf(list: Crl, certificate: X509Certificate, { subjectDer, spkiDer, subjectKeyIdentifier }: CertificateContent): boolean {
  const identifier = subjectKeyIdentifier === undefined ? keyIdentifier(spkiDer) : Buffer.from(subjectKeyIdentifier, 'hex');
  return verifyCrl(list, { certificate, subjectDer, keyIdentifier: identifier });
}
