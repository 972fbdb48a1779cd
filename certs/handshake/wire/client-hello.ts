/**
 * ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2): a recipe in, octets out, and back. The default recipe is what a good
 * client of today says; a test changes what it wants to know.
 */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { Reader, u16, u16List, u8, vector } from './bytes.ts';
import { EXTENSION, GROUP, SCHEME, VERSION, versionName } from './names.ts';
import { GOOD_TLS12, GOOD_TLS13 } from './suites.ts';

export interface RawExtension {
  readonly type: number;
  readonly body: Uint8Array;
}

/** What a ClientHello says. An absent list leaves the extension out. */
export interface HelloRecipe {
  /** The version field of the message: 0x0303 for TLS 1.2 and 1.3. */
  readonly legacyVersion: number;
  /** For the supported_versions extension, most wanted first; absent: there is none. */
  readonly versions?: readonly number[];
  readonly suites: readonly number[];
  readonly compressions: readonly number[];
  readonly sessionId: Uint8Array;
  readonly random: Uint8Array;
  readonly serverName?: string;
  readonly alpn?: readonly string[];
  readonly groups?: readonly number[];
  readonly keyShares?: readonly { readonly group: number; readonly bytes: Uint8Array }[];
  readonly schemes?: readonly number[];
  readonly extendedMasterSecret?: 'offered';
  readonly renegotiationInfo?: Uint8Array;
  /** Asks for a staple. */
  readonly statusRequest?: 'offered';
  /** A ticket of TLS 1.2, or empty to ask for one. */
  readonly ticket?: Uint8Array;
  readonly cookie?: Uint8Array;
  readonly pskModes?: readonly number[];
  /** After all others but pre_shared_key. */
  readonly extra?: readonly RawExtension[];
}

export const GOOD_SCHEMES: readonly number[] = [
  SCHEME.ecdsaP256Sha256,
  SCHEME.ed25519,
  SCHEME.ecdsaP384Sha384,
  SCHEME.ecdsaP521Sha512,
  SCHEME.rsaPssSha256,
  SCHEME.rsaPssSha384,
  SCHEME.rsaPssSha512,
  SCHEME.rsaPkcs1Sha256,
  SCHEME.rsaPkcs1Sha384,
  SCHEME.rsaPkcs1Sha512,
];

/** A good hello for these versions, highest first, without key shares: who sends it adds those. */
export function goodHello(versions: readonly number[], serverName?: string): HelloRecipe {
  const is13 = versions.includes(VERSION.tls13);
  const isOlder = versions.some((version) => version < VERSION.tls13);
  return {
    legacyVersion: Math.min(Math.max(...versions), VERSION.tls12),
    ...(is13 ? { versions } : {}),
    suites: [...(is13 ? GOOD_TLS13 : []), ...(isOlder ? GOOD_TLS12 : [])],
    compressions: [0],
    sessionId: is13 ? randomBytes(32) : Buffer.alloc(0),
    random: randomBytes(32),
    // Addresses are not names: RFC 6066 3.
    ...(serverName === undefined || isIP(serverName) ? {} : { serverName }),
    groups: [GROUP.x25519, GROUP.p256, GROUP.p384],
    schemes: GOOD_SCHEMES,
    ...(isOlder ? { extendedMasterSecret: 'offered' as const, renegotiationInfo: Buffer.alloc(0) } : {}),
    ...(is13 ? { pskModes: [1] } : {}),
  };
}

/** The message's body. A `psk` comes last, with zeros where its binder goes. */
export function encodeHello(hello: HelloRecipe, psk?: { readonly identity: Uint8Array; readonly age: number; readonly binderBytes: number }): Buffer {
  const extensions = extensionsOf(hello).map(encodeExtension);
  if (psk) {
    const age = Buffer.alloc(4);
    age.writeUInt32BE(psk.age >>> 0);
    const identities = vector(2, vector(2, psk.identity), age);
    const binders = vector(2, vector(1, Buffer.alloc(psk.binderBytes)));
    extensions.push(encodeExtension({ type: EXTENSION.preSharedKey, body: Buffer.concat([identities, binders]) }));
  }
  return Buffer.concat([
    u16(hello.legacyVersion),
    hello.random,
    vector(1, hello.sessionId),
    vector(2, u16List(hello.suites)),
    vector(1, Buffer.from(hello.compressions)),
    ...(extensions.length > 0 ? [vector(2, ...extensions)] : []),
  ]);
}

export function encodeExtension({ type, body }: RawExtension): Buffer {
  return Buffer.concat([u16(type), vector(2, body)]);
}

export function serverNameBody(name: string): Buffer {
  return vector(2, u8(0), vector(2, Buffer.from(name, 'latin1')));
}

/** For the evidence: what is remarkable about a hello. */
export function helloText(hello: HelloRecipe): string {
  const versions = hello.versions ?? [hello.legacyVersion];
  const parts = [versions.map(versionName).join(', '), `${hello.suites.length} suites`];
  if (hello.serverName !== undefined) parts.push(`SNI ${JSON.stringify(hello.serverName.slice(0, 80))}`);
  if (hello.alpn) parts.push(`ALPN ${hello.alpn.join(', ')}`);
  return `ClientHello (${parts.join('; ')})`;
}

function extensionsOf(hello: HelloRecipe): RawExtension[] {
  const list: RawExtension[] = [];
  const add = (type: number, body: Uint8Array): unknown => list.push({ type, body });
  if (hello.serverName !== undefined) add(EXTENSION.serverName, serverNameBody(hello.serverName));
  if (hello.statusRequest) add(EXTENSION.statusRequest, Buffer.from([1, 0, 0, 0, 0]));
  if (hello.groups) {
    add(EXTENSION.supportedGroups, vector(2, u16List(hello.groups)));
    add(EXTENSION.ecPointFormats, vector(1, u8(0)));
  }
  if (hello.schemes) add(EXTENSION.signatureAlgorithms, vector(2, u16List(hello.schemes)));
  if (hello.alpn) add(EXTENSION.alpn, vector(2, ...hello.alpn.map((name) => vector(1, Buffer.from(name)))));
  if (hello.extendedMasterSecret) add(EXTENSION.extendedMasterSecret, Buffer.alloc(0));
  if (hello.ticket) add(EXTENSION.sessionTicket, hello.ticket);
  if (hello.renegotiationInfo) add(EXTENSION.renegotiationInfo, vector(1, hello.renegotiationInfo));
  if (hello.versions) add(EXTENSION.supportedVersions, vector(1, u16List(hello.versions)));
  if (hello.cookie) add(EXTENSION.cookie, vector(2, hello.cookie));
  if (hello.pskModes) add(EXTENSION.pskKeyExchangeModes, vector(1, Buffer.from(hello.pskModes)));
  if (hello.keyShares) {
    add(EXTENSION.keyShare, vector(2, ...hello.keyShares.map(({ group, bytes }) => Buffer.concat([u16(group), vector(2, bytes)]))));
  }
  return [...list, ...(hello.extra ?? [])];
}

/** A ClientHello as somebody sent it. Extensions by type; `versions` is what the client takes, by either way of saying it. */
export interface ParsedHello {
  readonly legacyVersion: number;
  readonly versions: readonly number[];
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly suites: readonly number[];
  readonly compressions: readonly number[];
  readonly extensions: ReadonlyMap<number, Buffer>;
  readonly serverName: string | undefined;
  readonly groups: readonly number[];
  readonly schemes: readonly number[];
  readonly keyShares: ReadonlyMap<number, Buffer>;
  readonly alpn: readonly string[];
}

/** Reads a ClientHello's body; PEER_MALFORMED when it is none. */
export function parseHello(body: Uint8Array): ParsedHello {
  const reader = new Reader(body);
  const legacyVersion = reader.u16();
  const random = reader.take(32);
  const sessionId = reader.vector(1);
  const suites = reader.u16List();
  const compressions = [...reader.vector(1)];
  const extensions = readExtensions(reader);
  const list16 = (type: number): number[] => (extensions.has(type) ? new Reader(extensions.get(type)!).u16List() : []);
  const versionBody = extensions.get(EXTENSION.supportedVersions);
  return {
    legacyVersion,
    versions: versionBody ? new Reader(Buffer.concat([u8(0), versionBody])).u16List() : [legacyVersion],
    random,
    sessionId,
    suites,
    compressions,
    extensions,
    serverName: serverNameOf(extensions.get(EXTENSION.serverName)),
    groups: list16(EXTENSION.supportedGroups),
    schemes: list16(EXTENSION.signatureAlgorithms),
    keyShares: keySharesOf(extensions.get(EXTENSION.keyShare)),
    alpn: namesOf(extensions.get(EXTENSION.alpn)),
  };
}

/** The extensions at a message's end, by type; none when there is no more. */
export function readExtensions(reader: Reader): Map<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  if (reader.left === 0) return extensions;
  const inner = new Reader(reader.vector(2));
  while (inner.left > 0) extensions.set(inner.u16(), inner.vector(2));
  return extensions;
}

function serverNameOf(body: Buffer | undefined): string | undefined {
  if (!body || body.length === 0) return undefined;
  const inner = new Reader(new Reader(body).vector(2));
  inner.u8();
  return inner.vector(2).toString('latin1');
}

function keySharesOf(body: Buffer | undefined): Map<number, Buffer> {
  const shares = new Map<number, Buffer>();
  if (!body) return shares;
  const inner = new Reader(new Reader(body).vector(2));
  while (inner.left > 0) shares.set(inner.u16(), inner.vector(2));
  return shares;
}

function namesOf(body: Buffer | undefined): string[] {
  if (!body) return [];
  const inner = new Reader(new Reader(body).vector(2));
  const names: string[] = [];
  while (inner.left > 0) names.push(inner.vector(1).toString('latin1'));
  return names;
}
