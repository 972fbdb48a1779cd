/** What a server says in a handshake, read strictly: PEER_MALFORMED for anything that is not whole. */
import { PeerStop } from '../errors.ts';
import { readExtensions } from './client-hello.ts';
import { Reader, vector } from './bytes.ts';
import { EXTENSION, VERSION } from './names.ts';

/** "This is a HelloRetryRequest": RFC 8446 4.1.3. */
export const RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');
/** Last octets of the random of a server that knows more than it chose: RFC 8446 4.1.3. */
export const DOWNGRADE_TLS12 = Buffer.from('444f574e47524401', 'hex');
export const DOWNGRADE_TLS11 = Buffer.from('444f574e47524400', 'hex');

export interface ServerHello {
  /** What was chosen, by either way of saying it. */
  readonly version: number;
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly suite: number;
  readonly compression: number;
  readonly extensions: ReadonlyMap<number, Buffer>;
  readonly isRetry: boolean;
  /** TLS 1.3: the group, and its share unless this is a retry. */
  readonly group: number | undefined;
  readonly share: Buffer | undefined;
}

export function parseServerHello(body: Uint8Array): ServerHello {
  const reader = new Reader(body);
  const legacyVersion = reader.u16();
  const random = reader.take(32);
  const sessionId = reader.vector(1);
  const suite = reader.u16();
  const compression = reader.u8();
  const extensions = readExtensions(reader);
  const chosen = extensions.get(EXTENSION.supportedVersions);
  const isRetry = random.equals(RETRY_RANDOM);
  const shareBody = extensions.get(EXTENSION.keyShare);
  const shareReader = shareBody && new Reader(shareBody);
  const group = shareReader?.u16();
  return {
    version: chosen ? new Reader(chosen).u16() : legacyVersion,
    random,
    sessionId,
    suite,
    compression,
    extensions,
    isRetry,
    group,
    share: shareReader && shareReader.left > 0 ? shareReader.vector(2) : undefined,
  };
}

/** The chosen protocol in an ALPN extension, if there is one. */
export function alpnOf(extensions: ReadonlyMap<number, Buffer>): string | undefined {
  const body = extensions.get(EXTENSION.alpn);
  return body && new Reader(new Reader(body).vector(2)).vector(1).toString('latin1');
}

export interface CertificateMessage {
  /** Leaf first, DER. */
  readonly chain: readonly Buffer[];
  /** OCSP response stapled to the leaf (TLS 1.3). */
  readonly staple: Buffer | undefined;
}

export function parseCertificate(body: Uint8Array, version: number): CertificateMessage {
  const reader = new Reader(body);
  const is13 = version === VERSION.tls13;
  if (is13) reader.vector(1);
  const list = new Reader(reader.vector(3));
  const chain: Buffer[] = [];
  let staple: Buffer | undefined;
  while (list.left > 0) {
    chain.push(list.vector(3));
    if (!is13) continue;
    const status = readExtensions(list).get(EXTENSION.statusRequest);
    if (chain.length === 1 && status) staple = stapleOf(status);
  }
  return { chain, staple };
}

/** The OCSP response in a CertificateStatus (RFC 6066 8). */
export function stapleOf(body: Uint8Array): Buffer {
  const reader = new Reader(body);
  if (reader.u8() !== 1) throw new PeerStop('PEER_MALFORMED', 'a staple that is no OCSP response');
  return reader.vector(3);
}

export interface CertificateRequest {
  /** TLS 1.3: to be sent back. */
  readonly context: Buffer;
  readonly schemes: readonly number[];
  readonly authorities: readonly Buffer[];
}

export function parseCertificateRequest(body: Uint8Array, version: number): CertificateRequest {
  const reader = new Reader(body);
  if (version === VERSION.tls13) {
    const context = reader.vector(1);
    const extensions = readExtensions(reader);
    const schemes = extensions.get(EXTENSION.signatureAlgorithms);
    const authorities = extensions.get(EXTENSION.certificateAuthorities);
    return { context, schemes: schemes ? new Reader(schemes).u16List() : [], authorities: authorities ? names(new Reader(authorities)) : [] };
  }
  reader.vector(1); // types of certificates: the schemes say more
  const schemes = version === VERSION.tls12 ? reader.u16List() : [];
  return { context: Buffer.alloc(0), schemes, authorities: names(reader) };
}

function names(reader: Reader): Buffer[] {
  const inner = new Reader(reader.vector(2));
  const list: Buffer[] = [];
  while (inner.left > 0) list.push(inner.vector(2));
  return list;
}

export interface ServerKeyExchange {
  readonly kind: 'ecdhe' | 'dhe';
  readonly group: number | undefined;
  readonly prime: Buffer | undefined;
  readonly generator: Buffer | undefined;
  readonly share: Buffer;
  /** The octets that are signed, after both randoms. */
  readonly parameters: Buffer;
  readonly scheme: number;
  readonly signature: Buffer;
}

/** ServerKeyExchange of TLS 1.2 (RFC 8422 5.4, RFC 5246 7.4.3). */
export function parseServerKeyExchange(body: Uint8Array, kind: 'ecdhe' | 'dhe'): ServerKeyExchange {
  const reader = new Reader(body);
  let parameters: { group?: number; prime?: Buffer; generator?: Buffer; share: Buffer };
  if (kind === 'ecdhe') {
    if (reader.u8() !== 3) throw new PeerStop('PEER_MALFORMED', 'a ServerKeyExchange without a named curve');
    parameters = { group: reader.u16(), share: reader.vector(1) };
  } else {
    parameters = { prime: reader.vector(2), generator: reader.vector(2), share: reader.vector(2) };
  }
  const signedBytes = body.length - reader.left;
  const scheme = reader.u16();
  const signature = reader.vector(2);
  const { group, prime, generator, share } = parameters;
  return { kind, group, prime, generator, share, parameters: Buffer.from(body.subarray(0, signedBytes)), scheme, signature };
}

export interface SessionTicket {
  readonly ticket: Buffer;
  readonly nonce: Buffer;
  readonly ageAdd: number;
  readonly lifetimeS: number;
  /** More than 0: the server would take early data. */
  readonly maxEarlyDataBytes: number;
}

export function parseSessionTicket(body: Uint8Array, version: number): SessionTicket {
  const reader = new Reader(body);
  const lifetimeS = reader.u32();
  if (version !== VERSION.tls13) return { lifetimeS, ticket: reader.vector(2), nonce: Buffer.alloc(0), ageAdd: 0, maxEarlyDataBytes: 0 };
  const ageAdd = reader.u32();
  const nonce = reader.vector(1);
  const ticket = reader.vector(2);
  const early = readExtensions(reader).get(EXTENSION.earlyData);
  return { lifetimeS, ticket, nonce, ageAdd, maxEarlyDataBytes: early ? new Reader(early).u32() : 0 };
}

/** A Certificate message's body for a chain, leaf first. */
export function encodeCertificate(chain: readonly Uint8Array[], version: number, context: Uint8Array = Buffer.alloc(0)): Buffer {
  if (version !== VERSION.tls13) return vector(3, ...chain.map((der) => vector(3, der)));
  return Buffer.concat([vector(1, context), vector(3, ...chain.map((der) => Buffer.concat([vector(3, der), vector(2)])))]);
}
