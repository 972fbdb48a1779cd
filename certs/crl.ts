/**
 * Writing a certificate revocation list (X.509 version 2; RFC 5280, section 5): what an authority no longer vouches for,
 * and why. Promises: entries are sorted by serial number, a certificate stands in it once, and the list carries its
 * number and the key identifier of the authority that signed it.
 */

import type { KeyObject } from 'node:crypto';

import { pemOf, timeDer } from './certificate-builder.ts';
import { bitString, contextConstructed, sequence, smallInteger, tlv, unsignedInteger } from './der.ts';
import { authorityKeyIdentifier, extensionDer } from './extensions.ts';
import { signatureSchemeOf, signWith } from './key-pair.ts';

/**
 * Reasons that can be given, with their codes (RFC 5280, section 5.3.1). Left out: certificateHold and removeFromCRL, as
 * nothing here is ever let in again, and aACompromise, which concerns attribute certificates.
 */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const;

export type RevocationReason = keyof typeof REVOCATION_REASONS;

export const CRL_OID = { number: '2.5.29.20', reasonCode: '2.5.29.21' } as const;

export interface CrlEntry {
  /** Lower-case hexadecimal, without leading zeros. */
  readonly serial: string;
  /** Milliseconds since 1970; cut to whole seconds. */
  readonly revokedMs: number;
  readonly reason: RevocationReason;
}

export interface CrlFields {
  /** Name of the authority, as it stands in its certificate. */
  readonly issuerDer: Uint8Array;
  /** Key identifier of the authority. */
  readonly issuerKeyIdentifier: Uint8Array;
  /** 1 to 2^53 - 1; grows with each list of an authority. */
  readonly number: number;
  /** Milliseconds since 1970; cut to whole seconds. */
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** In any order. */
  readonly entries: readonly CrlEntry[];
}

/**
 * Builds and signs a list with the authority's key, in the way it signs certificates; returns PEM (RFC 7468).
 * Throws CERTS_BAD_REQUEST for a key that cannot sign or a time that cannot be written.
 */
export function signCrl(fields: CrlFields, issuerKey: KeyObject): string {
  const scheme = signatureSchemeOf(issuerKey);
  const entries = [...new Map(fields.entries.map((entry) => [entry.serial, entry])).values()].sort(bySerial);
  const tbs = sequence(
    smallInteger(1), // version 2
    scheme.algorithmDer,
    fields.issuerDer,
    timeDer(fields.thisUpdateMs),
    timeDer(fields.nextUpdateMs),
    // An empty list must be left out (section 5.1.2.6).
    ...(entries.length === 0 ? [] : [sequence(...entries.map(entryDer))]),
    contextConstructed(0, sequence(
      extensionDer(authorityKeyIdentifier(fields.issuerKeyIdentifier)),
      extensionDer({ oid: CRL_OID.number, critical: false, valueDer: unsignedInteger(octetsOf(fields.number)) }),
    )),
  );
  return pemOf('X509 CRL', sequence(tbs, scheme.algorithmDer, bitString(signWith(issuerKey, scheme, tbs))));
}

function entryDer({ serial, revokedMs, reason }: CrlEntry): Buffer {
  const code = REVOCATION_REASONS[reason];
  // `unspecified` is said by leaving the reason out (section 5.3.1).
  const extensions = code === 0 ? [] : [sequence(extensionDer({ oid: CRL_OID.reasonCode, critical: false, valueDer: tlv(0x0a, Uint8Array.of(code)) }))];
  return sequence(unsignedInteger(Buffer.from(serial.padStart(serial.length + (serial.length % 2), '0'), 'hex')), timeDer(revokedMs), ...extensions);
}

function bySerial(a: CrlEntry, b: CrlEntry): number {
  return a.serial.length - b.serial.length || (a.serial < b.serial ? -1 : 1);
}

function octetsOf(number: number): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64BE(BigInt(number));
  return octets;
}
