/** Ids of events. Promises: they follow from what is stored alone, so that whoever reads two exports can tell what is the same. */
import { createHash } from 'node:crypto';

/** Namespace of thrum's event ids; drawn once. */
const NAMESPACE = Buffer.from('6f0d3c1e5a5b4d0f9d3a7b1c52e8f046', 'hex');

/** UUID of version 5 (RFC 9562, 5.5) of the parts, joined by slashes: no part has one. */
export function eventIdOf(...parts: readonly (string | number)[]): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(parts.join('/')).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
