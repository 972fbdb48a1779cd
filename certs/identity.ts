/**
 * Who a certificate says its holder is. Only certificates with exactly the shape we issue count; whether one is trusted
 * is the business of the TLS handshake, which has verified the chain before this is asked.
 */

import type { X509Certificate } from 'node:crypto';

import { commonNameOf, readCertificate, type CertificateContent } from './certificate-reader.ts';
import { URN_PREFIX, parseUrn } from './names.ts';
import type { Role } from './profiles.ts';

/** Who stands at the other end. Gateways have a project and an id, operators and servers a name. */
export interface PeerIdentity {
  readonly role: Role;
  readonly projectId?: string;
  readonly gatewayId?: string;
  readonly name?: string;
}

/**
 * The identity in a certificate, from its URI name and its common name, which must agree; undefined when it is not one
 * of ours. Names are decoded from the certificate's octets, never from Node's text form of them. A certificate with two
 * URNs of ours, with both server and client usage, or with the powers of an authority is not one of ours.
 */
export function peerIdentity(certificate: X509Certificate): PeerIdentity | undefined {
  let content: CertificateContent;
  try {
    content = readCertificate(certificate);
  } catch {
    return undefined;
  }
  return identityIn(content);
}

/** As {@link peerIdentity}, for a certificate that is decoded already. */
export function identityIn(content: CertificateContent): PeerIdentity | undefined {
  const commonName = commonNameOf(content.subject);
  const [usage, ...furtherUsages] = content.extendedKeyUsage ?? [];
  if (commonName === undefined || furtherUsages.length > 0 || content.basicConstraints?.ca !== false) return undefined;

  const urns = content.names.filter(({ type, value }) => type === 'uri' && value.toLowerCase().startsWith(URN_PREFIX));
  if (urns.length === 0) {
    const named = content.names.some(({ type, value }) => (type === 'dns' || type === 'ip') && value === commonName);
    return usage === 'serverAuth' && named ? { role: 'server', name: commonName } : undefined;
  }
  if (urns.length > 1 || usage !== 'clientAuth') return undefined;

  const identity = parseUrn(urns[0]!.value);
  if (identity === undefined) return undefined;
  const claimed = identity.role === 'gateway' ? identity.gatewayId : identity.name;
  return claimed === commonName ? identity : undefined;
}
