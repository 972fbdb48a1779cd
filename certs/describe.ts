/**
 * A certificate in words, for people and for JSON.
 */

import { readCertificate, type NameAttribute } from './certificate-reader.ts';
import { CertsError } from './errors.ts';
import type { SubjectAltName } from './extensions.ts';
import { identityIn, type PeerIdentity } from './identity.ts';
import { keyTypeOf } from './key-pair.ts';
import { parseCertificate, parseDer } from './pem.ts';

/** JSON-able; what the certificate does not have is null. */
export interface CertificateDescription {
  /** Attributes in their order, such as `{ type: 'CN', value: 'localhost' }`. */
  readonly subject: readonly NameAttribute[];
  readonly issuer: readonly NameAttribute[];
  /** Lower-case hexadecimal. */
  readonly serial: string;
  /** ISO 8601, UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** Such as 'ec-p256', 'rsa-2048', or for foreign keys 'ec-secp521r1', 'ed448'. */
  readonly keyType: string;
  /** Such as 'ecdsa-sha256', or the dotted OID. */
  readonly signatureAlgorithm: string;
  readonly sans: readonly SubjectAltName[];
  readonly keyUsage: readonly string[] | null;
  readonly extendedKeyUsage: readonly string[] | null;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength?: number } | null;
  /** SHA-256 over the DER, 64 lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
  /** Who its holder is, if it is a certificate of ours. */
  readonly identity: PeerIdentity | null;
}

const SIGNATURE_NAMES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.5': 'rsa-sha1',
  '1.2.840.113549.1.1.10': 'rsa-pss',
  '1.2.840.113549.1.1.11': 'rsa-sha256',
  '1.2.840.113549.1.1.12': 'rsa-sha384',
  '1.2.840.113549.1.1.13': 'rsa-sha512',
  '1.2.840.10045.4.3.2': 'ecdsa-sha256',
  '1.2.840.10045.4.3.3': 'ecdsa-sha384',
  '1.2.840.10045.4.3.4': 'ecdsa-sha512',
  '1.3.101.112': 'ed25519',
  '1.3.101.113': 'ed448',
};

/**
 * Describes the first certificate in a PEM text, or the one in DER, ours or not. Says nothing of trust.
 * Throws CERTS_BAD_PEM when there is none or it cannot be decoded.
 */
export function describeCertificate(encoded: string | Uint8Array): CertificateDescription {
  const certificate = typeof encoded === 'string' ? parseCertificate(encoded, 'the text') : parseDer(encoded, 'the certificate');
  try {
    const content = readCertificate(certificate);
    return {
      subject: content.subject,
      issuer: content.issuer,
      serial: content.serial,
      notBefore: new Date(content.notBeforeMs).toISOString(),
      notAfter: new Date(content.notAfterMs).toISOString(),
      keyType: keyTypeOf(certificate.publicKey),
      signatureAlgorithm: SIGNATURE_NAMES[content.signatureAlgorithmOid] ?? content.signatureAlgorithmOid,
      sans: content.names,
      keyUsage: content.keyUsage ?? null,
      extendedKeyUsage: content.extendedKeyUsage ?? null,
      basicConstraints: content.basicConstraints ?? null,
      fingerprintSha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      identity: identityIn(content) ?? null,
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CertsError('CERTS_BAD_PEM', `the certificate cannot be described: ${reason}`, { cause });
  }
}
