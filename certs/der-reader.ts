/**
 * Reading DER, thinly over node-forge's decoder: accessors that throw when a value is not what the caller expects.
 * Input comes from certificates that OpenSSL has parsed already; every surprise is an Error all the same.
 */

import forge from 'node-forge';

const { asn1 } = forge;

/** One decoded value, in node-forge's shape; look into it with the functions here. */
export type DerValue = forge.asn1.Asn1;

/** Decodes one DER value that fills `der`. Throws Error on anything malformed or left over. */
export function readDer(der: Uint8Array): DerValue {
  const options = { strict: true, parseAllBytes: true, decodeBitStrings: false };
  // The types of node-forge know only the boolean form of the second argument.
  return asn1.fromDer(Buffer.from(der).toString('latin1'), options as unknown as boolean);
}

/** The identifier octet of a value, such as 0x30 for SEQUENCE, 0x86 for primitive [6], 0xa3 for constructed [3]. */
export function tagOf(value: DerValue): number {
  return value.tagClass | value.type | (value.constructed ? 0x20 : 0);
}

/** The members of a constructed value with this identifier octet; throws Error when it is another. */
export function membersOf(value: DerValue | undefined, tag: number): readonly DerValue[] {
  if (value === undefined || tagOf(value) !== tag || !Array.isArray(value.value)) throw unexpected(value, tag);
  return value.value;
}

/** The content octets of a primitive value with this identifier octet; throws Error when it is another. */
export function contentOf(value: DerValue | undefined, tag: number): Buffer {
  if (value === undefined || tagOf(value) !== tag || Array.isArray(value.value)) throw unexpected(value, tag);
  return Buffer.from(value.value, 'latin1');
}

/** An OBJECT IDENTIFIER as dotted text; throws Error when the value is none. */
export function oidOf(value: DerValue | undefined): string {
  return asn1.derToOid(contentOf(value, 0x06).toString('latin1'));
}

/** The full encoding of a value. */
export function derOf(value: DerValue): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

function unexpected(value: DerValue | undefined, tag: number): Error {
  const found = value === undefined ? 'nothing' : `tag 0x${tagOf(value).toString(16)}`;
  return new Error(`malformed certificate: expected tag 0x${tag.toString(16)}, found ${found}`);
}
