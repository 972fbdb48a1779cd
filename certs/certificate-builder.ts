/**
 * The one low-level way to a certificate (RFC 5280, section 4.1): every field is given, nothing is checked for sense,
 * so that the same path builds the certificates we issue and the hostile ones that tests need. Only the encoding is
 * ours. Profiles and policy stand in profiles.ts.
 */

import { randomBytes, type KeyObject } from 'node:crypto';

import {
  TAG,
  bitString,
  contextConstructed,
  oid,
  sequence,
  set,
  smallInteger,
  tlv,
  unsignedInteger,
  utf8String,
} from './der.ts';
import { CertsError } from './errors.ts';
import { extensionDer, type Extension } from './extensions.ts';
import { signatureSchemeOf, signWith } from './key-pair.ts';

/** The fields of a TBSCertificate. All `…Der` fields are full encodings and are copied verbatim. */
export interface CertificateFields {
  /** 0 for v1, 1 for v2, 2 for v3; 2 when left out. */
  readonly version?: number;
  /** Magnitude of the serial number, most significant octet first; RFC 5280 allows at most 20. */
  readonly serial: Uint8Array;
  /** AlgorithmIdentifier inside the signed part; RFC 5280 wants the same outside. */
  readonly signatureAlgorithmDer: Uint8Array;
  readonly issuerDer: Uint8Array;
  /** Milliseconds since 1970; cut to whole seconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly subjectDer: Uint8Array;
  readonly spkiDer: Uint8Array;
  readonly extensions: readonly Extension[];
}

/** A Name with a single common name, as UTF8String. The length is not checked. */
export function commonNameDer(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8String(commonName))));
}

/**
 * A random serial number: 16 octets, positive in its first bit and never zero, so always 32 hex digits; 126 random bits
 * (RFC 5280 allows 20 octets, the CA/Browser Forum asks for 64 random bits).
 */
export function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial;
}

/**
 * A Time (RFC 5280, section 4.1.2.5): UTCTime through the year 2049, GeneralizedTime from 2050 on, whole seconds, UTC.
 * Throws CERTS_BAD_REQUEST before 1950 and after 9999, which have no such form.
 */
export function timeDer(timeMs: number): Buffer {
  const date = new Date(Math.floor(timeMs / 1000) * 1000);
  const year = date.getUTCFullYear();
  if (!(year >= 1950 && year <= 9999)) {
    throw new CertsError('CERTS_BAD_REQUEST', `a certificate cannot name the time ${timeMs} ms; use the years 1950..9999`);
  }
  const digits = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  if (year < 2050) return tlv(TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'));
  return tlv(TAG.generalizedTime, Buffer.from(digits, 'latin1'));
}

/** The signed part of a certificate as DER. Throws CERTS_BAD_REQUEST for a time that cannot be written. */
export function tbsCertificateDer(fields: CertificateFields): Buffer {
  const version = fields.version ?? 2;
  const parts: Uint8Array[] = version === 0 ? [] : [contextConstructed(0, smallInteger(version))];
  parts.push(
    unsignedInteger(fields.serial),
    fields.signatureAlgorithmDer,
    fields.issuerDer,
    sequence(timeDer(fields.notBeforeMs), timeDer(fields.notAfterMs)),
    fields.subjectDer,
    fields.spkiDer,
  );
  if (fields.extensions.length > 0) parts.push(contextConstructed(3, sequence(...fields.extensions.map(extensionDer))));
  return sequence(...parts);
}

/** A whole certificate from its signed part, the outer AlgorithmIdentifier, and the signature octets. */
export function assembleCertificate(tbsDer: Uint8Array, algorithmDer: Uint8Array, signature: Uint8Array): Buffer {
  return sequence(tbsDer, algorithmDer, bitString(signature));
}

/**
 * Builds and signs a certificate with the issuer's private key; returns DER. The signature algorithm is the key's own
 * when `signatureAlgorithmDer` is left out. Throws CERTS_BAD_REQUEST for a key that cannot sign or a time out of range.
 */
export function signCertificate(
  fields: Omit<CertificateFields, 'signatureAlgorithmDer'> & { readonly signatureAlgorithmDer?: Uint8Array },
  issuerKey: KeyObject,
): Buffer {
  const scheme = signatureSchemeOf(issuerKey);
  const signatureAlgorithmDer = fields.signatureAlgorithmDer ?? scheme.algorithmDer;
  const tbsDer = tbsCertificateDer({ ...fields, signatureAlgorithmDer });
  return assembleCertificate(tbsDer, signatureAlgorithmDer, signWith(issuerKey, scheme, tbsDer));
}

/** A certificate as PEM. */
export function certificatePem(der: Uint8Array): string {
  return pemOf('CERTIFICATE', der);
}

/** DER as PEM (RFC 7468): lines of 64 characters, a newline at the end. `label` is such as 'CERTIFICATE REQUEST'. */
export function pemOf(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
