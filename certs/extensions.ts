/**
 * Certificate extensions (RFC 5280, section 4.2.1), one function each: meaning in, `{oid, critical, valueDer}` out.
 * `valueDer` is what stands inside the extension's OCTET STRING.
 */

import { createHash } from 'node:crypto';

import {
  TAG,
  bitString,
  booleanTrue,
  contextPrimitive,
  octetString,
  oid,
  sequence,
  smallInteger,
} from './der.ts';
import { contentOf, membersOf, readDer } from './der-reader.ts';
import { CertsError } from './errors.ts';
import { ipToBytes } from './ip-address.ts';

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly valueDer: Uint8Array;
}

export const EXTENSION_OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
} as const;

/** Key usages, each at the position of its bit (RFC 5280, section 4.2.1.3). */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

export type KeyUsage = (typeof KEY_USAGES)[number];

/** Extended key usages we know by name (RFC 5280, section 4.2.1.12). */
export const EXTENDED_KEY_USAGE_OID = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  any: '2.5.29.37.0',
} as const;

export type ExtendedKeyUsage = keyof typeof EXTENDED_KEY_USAGE_OID;

/** One subject alternative name. `value` is text; an IP address in canonical form. */
export interface SubjectAltName {
  readonly type: 'dns' | 'ip' | 'uri' | 'email' | 'other';
  readonly value: string;
}

/** The full encoding of an extension. */
export function extensionDer(extension: Extension): Buffer {
  const critical = extension.critical ? [booleanTrue()] : [];
  return sequence(oid(extension.oid), ...critical, octetString(extension.valueDer));
}

/** Basic constraints, critical. For an end entity the value is an empty SEQUENCE. `pathLength` is 0..127. */
export function basicConstraints(constraints: { ca: boolean; pathLength?: number }): Extension {
  const members: Buffer[] = constraints.ca ? [booleanTrue()] : [];
  if (constraints.pathLength !== undefined) members.push(smallInteger(constraints.pathLength));
  return { oid: EXTENSION_OID.basicConstraints, critical: true, valueDer: sequence(...members) };
}

/** Key usage, critical. At least one usage; DER drops trailing zero bits. */
export function keyUsage(usages: readonly KeyUsage[]): Extension {
  const positions = usages.map((usage) => KEY_USAGES.indexOf(usage));
  const last = Math.max(...positions);
  const bits = Buffer.alloc((last >> 3) + 1);
  for (const position of positions) bits[position >> 3]! |= 0x80 >> (position & 7);
  return { oid: EXTENSION_OID.keyUsage, critical: true, valueDer: bitString(bits, 7 - (last & 7)) };
}

/** Extended key usage, not critical. */
export function extKeyUsage(usages: readonly ExtendedKeyUsage[]): Extension {
  const members = usages.map((usage) => oid(EXTENDED_KEY_USAGE_OID[usage]));
  return { oid: EXTENSION_OID.extKeyUsage, critical: false, valueDer: sequence(...members) };
}

/**
 * Subject alternative names, not critical because our subjects are never empty. DNS, URI and e-mail names are written
 * as they are, byte for byte as Latin-1: checking them is the caller's.
 * Throws CERTS_BAD_REQUEST for text that is no IP address, and for a name of type 'other'.
 */
export function subjectAltName(names: readonly SubjectAltName[]): Extension {
  return { oid: EXTENSION_OID.subjectAltName, critical: false, valueDer: sequence(...names.map(generalName)) };
}

/** Subject key identifier from the key's SubjectPublicKeyInfo, not critical. */
export function subjectKeyIdentifier(spki: Uint8Array): Extension {
  return { oid: EXTENSION_OID.subjectKeyIdentifier, critical: false, valueDer: octetString(keyIdentifier(spki)) };
}

/** Authority key identifier naming the issuer's key identifier, not critical. */
export function authorityKeyIdentifier(issuerKeyIdentifier: Uint8Array): Extension {
  const valueDer = sequence(contextPrimitive(0, issuerKeyIdentifier));
  return { oid: EXTENSION_OID.authorityKeyIdentifier, critical: false, valueDer };
}

/** The key identifier of a public key: the first 160 bits of SHA-256 over its bits (RFC 7093, section 2, method 1). */
export function keyIdentifier(spki: Uint8Array): Buffer {
  const [, publicKey] = membersOf(readDer(spki), TAG.sequence);
  const bits = contentOf(publicKey, TAG.bitString).subarray(1);
  return createHash('sha256').update(bits).digest().subarray(0, 20);
}

function generalName({ type, value }: SubjectAltName): Buffer {
  switch (type) {
    case 'email':
      return contextPrimitive(1, Buffer.from(value, 'latin1'));
    case 'dns':
      return contextPrimitive(2, Buffer.from(value, 'latin1'));
    case 'uri':
      return contextPrimitive(6, Buffer.from(value, 'latin1'));
    case 'ip': {
      const bytes = ipToBytes(value);
      if (bytes !== undefined) return contextPrimitive(7, bytes);
      break;
    }
    case 'other':
      break;
  }
  throw new CertsError('CERTS_BAD_REQUEST', `${JSON.stringify(value)} cannot be written as a name of type ${type}`);
}
