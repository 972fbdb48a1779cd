/**
 * What a client offers, read from the first bytes of its connection: puts the records together and says when more is
 * needed; never throws on hostile bytes.
 */
import { parseHello, type ParsedHello } from '../wire/client-hello.ts';
import { versionName } from '../wire/names.ts';

export interface ClientHello extends ParsedHello {
  /** The whole message with its header. */
  readonly message: Buffer;
}

/** The longest ClientHello that is read. */
export const CLIENT_HELLO_BYTES_MAX = 64 * 1024;

/** `undefined`: not whole yet; `'other'`: these bytes are no ClientHello. */
export function readClientHello(bytes: Buffer): ClientHello | 'other' | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    if (bytes.length > at && bytes[at] !== 22) return 'other';
    if (bytes.length < at + 5) return undefined;
    const length = bytes.readUInt16BE(at + 3);
    if (bytes.length < at + 5 + length) return undefined;
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
    const message = Buffer.concat(parts);
    if (message.length < 4) continue;
    const size = message.readUIntBE(1, 3);
    if (message[0] !== 1 || size > CLIENT_HELLO_BYTES_MAX) return 'other';
    if (message.length < 4 + size) continue;
    const whole = message.subarray(0, 4 + size);
    try {
      const hello = parseHello(whole.subarray(4));
      return { ...hello, message: whole, versions: hello.versions.filter((version) => !isGrease(version)) };
    } catch {
      return 'other';
    }
  }
}

/** Values that clients strew in to keep servers tolerant (RFC 8701). */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** One line for the evidence. */
export function clientHelloText(hello: ClientHello): string {
  const sni = hello.serverName === undefined ? 'no SNI' : `SNI ${hello.serverName}`;
  return `ClientHello: ${hello.versions.map(versionName).join(', ')}; ${hello.suites.length} cipher suites; ${sni}`;
}
