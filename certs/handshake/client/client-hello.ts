/**
 * What a client offers, read from its ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2): versions, cipher suites, groups,
 * extensions. Reads a prefix of the stream and says when more is needed; never throws on hostile bytes.
 */

export interface ClientHello {
  /** All bytes of the message, header included. */
  readonly message: Buffer;
  /** As in the message: 0x0303 for TLS 1.2 and 1.3. */
  readonly legacyVersion: number;
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: readonly number[];
  /** Type → content. */
  readonly extensions: ReadonlyMap<number, Buffer>;
  /** From supported_versions, or all up to the legacy version when that is missing. */
  readonly versions: readonly number[];
  readonly groups: readonly number[];
  readonly keyShareGroups: readonly number[];
  readonly signatureSchemes: readonly number[];
  /** Host name of SNI, or '' when there is none. */
  readonly serverName: string;
}

export const EXTENSION = {
  serverName: 0,
  statusRequest: 5,
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  extendedMasterSecret: 23,
  sessionTicket: 35,
  supportedVersions: 43,
  keyShare: 51,
  renegotiationInfo: 0xff01,
} as const;

/** The longest ClientHello that is read. */
export const CLIENT_HELLO_BYTES_MAX = 64 * 1024;

/**
 * Reads a ClientHello from the first bytes of a connection, over as many records as it takes. `undefined`: not whole yet;
 * `'other'`: these bytes are no ClientHello.
 */
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
    try {
      return parse(message.subarray(0, 4 + size));
    } catch {
      return 'other';
    }
  }
}

/** A cursor over bytes; reading past the end throws RangeError, which the caller takes as "no ClientHello". */
class Cursor {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(octets: 1 | 2 | 3): number {
    const value = this.#bytes.readUIntBE(this.#at, octets);
    this.#at += octets;
    return value;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new RangeError('past the end');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Bytes after their own length. */
  vector(octets: 1 | 2 | 3): Buffer {
    return this.take(this.number(octets));
  }
}

function parse(message: Buffer): ClientHello {
  const cursor = new Cursor(message.subarray(4));
  const legacyVersion = cursor.number(2);
  const random = cursor.take(32);
  const sessionId = cursor.vector(1);
  const cipherSuites = numbers(cursor.vector(2));
  const compressionMethods = [...cursor.vector(1)];
  const extensions = new Map<number, Buffer>();
  if (cursor.left > 0) {
    const list = new Cursor(cursor.vector(2));
    while (list.left > 0) extensions.set(list.number(2), list.vector(2));
  }
  const inner = (type: number, octets: 1 | 2): Buffer => {
    const content = extensions.get(type);
    return content === undefined ? Buffer.alloc(0) : new Cursor(content).vector(octets);
  };
  const offered = numbers(inner(EXTENSION.supportedVersions, 1));
  return {
    message,
    legacyVersion,
    random,
    sessionId,
    cipherSuites,
    compressionMethods,
    extensions,
    versions: offered.length > 0 ? offered.filter((version) => !isGrease(version)) : upTo(legacyVersion),
    groups: numbers(inner(EXTENSION.supportedGroups, 2)),
    keyShareGroups: keyShareGroups(inner(EXTENSION.keyShare, 2)),
    signatureSchemes: numbers(inner(EXTENSION.signatureAlgorithms, 2)),
    serverName: serverNameIn(inner(EXTENSION.serverName, 2)),
  };
}

function numbers(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length >> 1 }, (_, index) => bytes.readUInt16BE(index * 2));
}

function keyShareGroups(bytes: Buffer): number[] {
  const cursor = new Cursor(bytes);
  const groups: number[] = [];
  while (cursor.left > 0) {
    groups.push(cursor.number(2));
    cursor.vector(2);
  }
  return groups;
}

function serverNameIn(bytes: Buffer): string {
  const cursor = new Cursor(bytes);
  while (cursor.left > 0) {
    const type = cursor.number(1);
    const name = cursor.vector(2);
    if (type === 0) return name.toString('latin1');
  }
  return '';
}

function upTo(version: number): number[] {
  return [0x0303, 0x0302, 0x0301, 0x0300].filter((one) => one <= version);
}

/** Values that clients strew in to keep servers tolerant (RFC 8701). */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

const VERSION_NAMES: Readonly<Record<number, string>> = { 0x0300: 'SSLv3', 0x0301: 'TLS 1.0', 0x0302: 'TLS 1.1', 0x0303: 'TLS 1.2', 0x0304: 'TLS 1.3' };

export function versionName(version: number): string {
  return VERSION_NAMES[version] ?? `0x${version.toString(16).padStart(4, '0')}`;
}

/** One line for the evidence. */
export function clientHelloText(hello: ClientHello): string {
  const sni = hello.serverName === '' ? 'no SNI' : `SNI ${hello.serverName}`;
  return `ClientHello: ${hello.versions.map(versionName).join(', ')}; ${hello.cipherSuites.length} cipher suites; ${sni}`;
}
