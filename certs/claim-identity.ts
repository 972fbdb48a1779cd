/**
 * What a claim certificate says: that its holders may ask for an identity in one project, and nothing else. Many devices
 * share it, so it is nobody's identity.
 */

import type { X509Certificate } from 'node:crypto';

import { commonNameOf, readCertificate, type CertificateContent } from './certificate-reader.ts';
import { basicConstraints, extKeyUsage, keyUsage, subjectAltName } from './extensions.ts';
import { URN_PREFIX, bad } from './names.ts';
import type { Profile } from './profiles.ts';

export interface ClaimIdentity {
  readonly role: 'claim';
  readonly projectId: string;
  /** 12 lower-case hexadecimal digits. */
  readonly claimId: string;
}

const CLAIM_URN = /^urn:thrum:project:([a-z0-9-]{1,60}):claim:([0-9a-f]{12})$/;

/** Profile of a claim: TLS client authentication only, the claim's id as common name. CERTS_BAD_REQUEST for a bad project id. */
export function claimProfile(projectId: string, claimId: string): Profile {
  const uri = `${URN_PREFIX}project:${projectId}:claim:${claimId}`;
  if (!CLAIM_URN.test(uri)) throw bad('project id', projectId, '1 to 60 lower-case letters, digits and hyphens');
  return {
    commonName: claimId,
    extensions: [basicConstraints({ ca: false }), keyUsage(['digitalSignature']), extKeyUsage(['clientAuth']), subjectAltName([{ type: 'uri', value: uri }])],
  };
}

/** The claim in a certificate; undefined when it is none of ours, or names anything besides. */
export function claimIdentity(certificate: X509Certificate): ClaimIdentity | undefined {
  let content: CertificateContent;
  try {
    content = readCertificate(certificate);
  } catch {
    return undefined;
  }
  const usages = content.extendedKeyUsage ?? [];
  if (usages.length !== 1 || usages[0] !== 'clientAuth' || content.basicConstraints?.ca !== false || content.names.length !== 1) return undefined;
  const [name] = content.names;
  const match = name!.type === 'uri' ? CLAIM_URN.exec(name!.value) : null;
  if (match === null || commonNameOf(content.subject) !== match[2]) return undefined;
  return { role: 'claim', projectId: match[1]!, claimId: match[2]! };
}
