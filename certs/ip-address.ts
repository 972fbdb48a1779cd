/**
 * IP addresses between text and the octets of a certificate (RFC 5280, section 4.2.1.6: 4 octets for IPv4, 16 for IPv6).
 */

import { isIPv4, isIPv6 } from 'node:net';

/**
 * The 4 or 16 octets of an address; undefined when the text is none. An IPv6 zone (`%eth0`) has no place in a
 * certificate, so such text is none.
 */
export function ipToBytes(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  // The URL parser writes any IPv6 address as hexadecimal groups, with the longest run of zeros as '::'.
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = Array<number>(8 - left.length - right.length).fill(0);
  const bytes = Buffer.alloc(16);
  [...left, ...zeros, ...right].forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}

/** The canonical text of 4 or 16 octets (RFC 5952 for IPv6); undefined for any other length. */
export function bytesToIp(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  const hex = Buffer.from(bytes).toString('hex').match(/.{4}/g)!;
  return new URL(`http://[${hex.join(':')}]`).hostname.slice(1, -1);
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
