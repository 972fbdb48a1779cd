/**
 * Reading DER (X.690): a value is its identifier octet, its content, and its encoding, all three slices of the input.
 * Strict: definite lengths in their shortest form, one-octet identifiers. Members are decoded when they are asked for, so
 * nesting costs nothing; every surprise is an Error.
 */

/** One decoded value. `der` is the full encoding, as it stood in the input. */
export interface DerValue {
  /** The identifier octet, such as 0x30 for SEQUENCE, 0x86 for primitive [6], 0xa3 for constructed [3]. */
  readonly tag: number;
  readonly content: Buffer;
  readonly der: Buffer;
}

/** Members of one value: a certificate with more is nobody's. */
const MEMBERS_MAX = 4096;

/** Decodes one DER value that fills `der`. Throws Error on anything malformed or left over. */
export function readDer(der: Uint8Array): DerValue {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const value = valueAt(bytes, 0);
  if (value.der.length !== bytes.length) throw new Error(`malformed: ${bytes.length - value.der.length} bytes too many`);
  return value;
}

/** The identifier octet of a value. */
export function tagOf(value: DerValue): number {
  return value.tag;
}

/** The members, `most` at most, of a constructed value with this identifier octet; throws Error when it is another. */
export function membersOf(value: DerValue | undefined, tag: number, most = MEMBERS_MAX): readonly DerValue[] {
  if (value?.tag !== tag || (tag & 0x20) === 0) throw unexpected(value, tag);
  const members: DerValue[] = [];
  for (let at = 0; at < value.content.length; ) {
    if (members.length === most) throw new Error(`malformed: more than ${most} members`);
    const member = valueAt(value.content, at);
    members.push(member);
    at += member.der.length;
  }
  return members;
}

/** The content octets of a primitive value with this identifier octet; throws Error when it is another. */
export function contentOf(value: DerValue | undefined, tag: number): Buffer {
  if (value?.tag !== tag || (tag & 0x20) !== 0) throw unexpected(value, tag);
  return value.content;
}

/** An OBJECT IDENTIFIER as dotted text; throws Error when the value is none. */
export function oidOf(value: DerValue | undefined): string {
  const octets = contentOf(value, 0x06);
  if (octets.length === 0 || octets.at(-1)! >= 0x80) throw new Error('malformed: an object identifier without its end');
  const arcs: bigint[] = [];
  let arc = 0n;
  let isFirst = true;
  for (const octet of octets) {
    if (isFirst && octet === 0x80) throw new Error('malformed: an object identifier that is padded');
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    isFirst = octet < 0x80;
    if (!isFirst) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [head = 0n, ...rest] = arcs;
  const root = head < 40n ? 0n : head < 80n ? 1n : 2n;
  return [root, head - root * 40n, ...rest].join('.');
}

/** The full encoding of a value. */
export function derOf(value: DerValue): Buffer {
  return value.der;
}

function valueAt(bytes: Buffer, at: number): DerValue {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw cutOff();
  if ((tag & 0x1f) === 0x1f) throw new Error(`malformed: identifier octet 0x${tag.toString(16)}`);
  const extra = first < 0x80 ? 0 : first & 0x7f;
  if (first >= 0x80 && (extra < 1 || extra > 4)) throw new Error('malformed: a length that is not definite, or too large');
  if (at + 2 + extra > bytes.length) throw cutOff();
  const length = extra === 0 ? first : bytes.readUIntBE(at + 2, extra);
  if (extra > 0 && (length < 0x80 || bytes[at + 2] === 0)) throw new Error('malformed: a length that is not in its shortest form');
  const start = at + 2 + extra;
  if (start + length > bytes.length) throw cutOff();
  return { tag, content: bytes.subarray(start, start + length), der: bytes.subarray(at, start + length) };
}

function cutOff(): Error {
  return new Error('malformed: it is cut off');
}

function unexpected(value: DerValue | undefined, tag: number): Error {
  const found = value === undefined ? 'nothing' : `tag 0x${value.tag.toString(16)}`;
  return new Error(`malformed: expected tag 0x${tag.toString(16)}, found ${found}`);
}
