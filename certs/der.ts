/**
 * Writing DER (X.690), thinly over node-forge's encoder. Every function returns the full encoding (tag, length,
 * content) as bytes, and takes nested values as bytes and copies them verbatim: what a caller puts in is what comes
 * out, also when it is deliberately wrong.
 */

import forge from 'node-forge';

const { asn1 } = forge;

/** Tag octets used in certificates: class, constructed bit and number in one byte. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * One value: `tag` is the whole identifier octet (0..255, number below 31), `content` the content octets, both taken
 * as they are.
 */
export function tlv(tag: number, content: Uint8Array): Buffer {
  // The whole octet goes in as the class, with number 0: node-forge edits the content of some numbers (2 and 30).
  const octets = Buffer.from(content).toString('latin1');
  const node = { tagClass: tag, type: 0, constructed: false, composed: false, value: octets };
  return Buffer.from(asn1.toDer(node as unknown as forge.asn1.Asn1).getBytes(), 'latin1');
}

/** SEQUENCE of values that are encoded already. */
export function sequence(...values: readonly Uint8Array[]): Buffer {
  return tlv(TAG.sequence, Buffer.concat(values));
}

/** SET of values that are encoded already; the caller orders them. */
export function set(...values: readonly Uint8Array[]): Buffer {
  return tlv(TAG.set, Buffer.concat(values));
}

/** Context-specific tag [number] around encoded values (EXPLICIT) or around the members of a constructed type. */
export function contextConstructed(number: number, ...values: readonly Uint8Array[]): Buffer {
  return tlv(0xa0 | number, Buffer.concat(values));
}

/** Context-specific tag [number] with plain content octets (IMPLICIT, primitive). */
export function contextPrimitive(number: number, content: Uint8Array): Buffer {
  return tlv(0x80 | number, content);
}

/** OBJECT IDENTIFIER from dotted text, such as '2.5.29.17'. */
export function oid(dotted: string): Buffer {
  return tlv(TAG.oid, Buffer.from(asn1.oidToDer(dotted).getBytes(), 'latin1'));
}

/** Non-negative INTEGER from its magnitude octets, most significant first: leading zeros go, a sign octet comes. */
export function unsignedInteger(magnitude: Uint8Array): Buffer {
  const first = magnitude.findIndex((octet) => octet !== 0);
  const octets = first < 0 ? Uint8Array.of(0) : magnitude.subarray(first);
  const signed = octets[0]! > 0x7f ? Buffer.concat([Uint8Array.of(0), octets]) : octets;
  return tlv(TAG.integer, signed);
}

/** INTEGER from a number in 0..127. */
export function smallInteger(value: number): Buffer {
  return tlv(TAG.integer, Uint8Array.of(value));
}

/** BOOLEAN TRUE; DER leaves FALSE defaults out. */
export function booleanTrue(): Buffer {
  return tlv(TAG.boolean, Uint8Array.of(0xff));
}

/** NULL. */
export function nullValue(): Buffer {
  return tlv(TAG.null, new Uint8Array(0));
}

/** OCTET STRING. */
export function octetString(content: Uint8Array): Buffer {
  return tlv(TAG.octetString, content);
}

/** BIT STRING of whole octets, or with `unusedBits` (0..7) at the end of the last one. */
export function bitString(content: Uint8Array, unusedBits = 0): Buffer {
  return tlv(TAG.bitString, Buffer.concat([Uint8Array.of(unusedBits), content]));
}

/** UTF8String. */
export function utf8String(text: string): Buffer {
  return tlv(TAG.utf8String, Buffer.from(text, 'utf8'));
}
