/** The rest of a TLS 1.2 handshake, after ServerHello (RFC 5246 7.3), full or resumed. */
import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import { PeerStop } from '../errors.ts';
import { u16, vector } from './bytes.ts';
import type { TlsClient } from './client.ts';
import { finiteFieldSecret, makeKeyShare, COMPLETE_GROUPS } from './key-exchange.ts';
import { prf, type HashName } from './key-schedule.ts';
import { CONTENT, EXTENSION, GROUP, groupName, HANDSHAKE, schemeName, VERSION } from './names.ts';
import { fixedIvBytes, keyBytes, tls12Cipher, type RecordCipher } from './record-cipher.ts';
import {
  encodeCertificate,
  parseCertificate,
  parseCertificateRequest,
  parseServerKeyExchange,
  parseSessionTicket,
  stapleOf,
  type ServerHello,
} from './server-messages.ts';
import { schemeFor, signScheme, verifyScheme } from './signature.ts';
import type { Aead, Suite } from './suites.ts';

/** A TLS 1.2 session: by its id, by a ticket, or both. */
export interface Session12 {
  readonly version: typeof VERSION.tls12;
  readonly sessionId: Buffer;
  readonly ticket: Buffer | undefined;
  readonly master: Buffer;
  readonly suite: number;
  readonly hasExtendedMasterSecret: boolean;
}

const VERIFY_DATA_BYTES = 12;

/** Goes on to the end; the server's Finished has been checked when it resolves. */
export async function finish12(client: TlsClient, suite: Suite & { aead?: Aead }, hello: ServerHello): Promise<void> {
  client.hasExtendedMasterSecret = hello.extensions.has(EXTENSION.extendedMasterSecret);
  const { resume } = client.settings;
  const offeredId = client.settings.hello.sessionId;
  if (resume?.version === VERSION.tls12 && offeredId.length > 0 && hello.sessionId.equals(offeredId)) {
    client.isResumed = true;
    await finishResumed(client, suite, hello, resume.master);
    return;
  }
  const premaster = await readServerFlight(client, suite, hello);
  const { request } = premaster;
  const credentials = client.settings.credentials;
  if (request) {
    const chain = credentials?.chain ?? [];
    await client.say(HANDSHAKE.certificate, encodeCertificate(chain, VERSION.tls12), `Certificate (${chain.length} in the chain)`);
  }
  await client.say(HANDSHAKE.clientKeyExchange, premaster.message);
  if (suite.aead === undefined) throw new PeerStop('PEER_MALFORMED', `it chose ${suite.name}; this tester does not go on with it`);
  const master = client.hasExtendedMasterSecret
    ? prf(suite.hash, premaster.secret, 'extended master secret', client.hash(suite.hash), 48)
    : prf(suite.hash, premaster.secret, 'master secret', Buffer.concat([client.hello.random, hello.random]), 48);
  if (request && credentials && credentials.chain.length > 0) await prove(client, request.schemes);
  const ciphers = ciphersOf(suite, master, client.hello.random, hello.random);
  await sendFinished(client, suite.hash, master, ciphers.write);
  const ticket = await readFinished(client, suite.hash, master, ciphers.read);
  if (ticket || hello.sessionId.length > 0) {
    client.sessions.push({
      version: VERSION.tls12,
      sessionId: hello.sessionId,
      ticket,
      master,
      suite: suite.id,
      hasExtendedMasterSecret: client.hasExtendedMasterSecret,
    });
  }
}

async function finishResumed(client: TlsClient, suite: Suite, hello: ServerHello, master: Buffer): Promise<void> {
  const ciphers = ciphersOf(suite, master, client.hello.random, hello.random);
  const ticket = await readFinished(client, suite.hash, master, ciphers.read);
  await sendFinished(client, suite.hash, master, ciphers.write);
  const resumed = client.settings.resume as Session12;
  client.sessions.push({ ...resumed, ticket: ticket ?? resumed.ticket });
}

interface ServerFlight {
  readonly secret: Buffer;
  /** Body of ClientKeyExchange. */
  readonly message: Buffer;
  readonly request: ReturnType<typeof parseCertificateRequest> | undefined;
}

async function readServerFlight(client: TlsClient, suite: Suite, hello: ServerHello): Promise<ServerFlight> {
  let request: ServerFlight['request'];
  for (;;) {
    const { type, body } = await client.expect(
      HANDSHAKE.certificate,
      HANDSHAKE.certificateStatus,
      HANDSHAKE.serverKeyExchange,
      HANDSHAKE.certificateRequest,
      HANDSHAKE.serverHelloDone,
    );
    if (type === HANDSHAKE.certificate) client.serverChain = parseCertificate(body, VERSION.tls12).chain;
    else if (type === HANDSHAKE.certificateStatus) client.staple = stapleOf(body);
    else if (type === HANDSHAKE.certificateRequest) request = parseCertificateRequest(body, VERSION.tls12);
    else if (type === HANDSHAKE.serverKeyExchange) readKeyExchange(client, suite, hello, body);
    else break;
  }
  client.certificateRequest = request;
  return { ...(await agree(client, suite)), request };
}

function readKeyExchange(client: TlsClient, suite: Suite, hello: ServerHello, body: Buffer): void {
  if (suite.keyExchange !== 'ecdhe' && suite.keyExchange !== 'dhe')
    throw new PeerStop('PEER_MALFORMED', 'a ServerKeyExchange that the suite does not have');
  const exchange = parseServerKeyExchange(body, suite.keyExchange);
  client.keyExchange = exchange;
  client.serverScheme = exchange.scheme;
  client.group = exchange.group;
  const signed = Buffer.concat([client.hello.random, hello.random, exchange.parameters]);
  if (!client.isTrusting && !verifyScheme(exchange.scheme, client.leaf.publicKey, signed, exchange.signature)) {
    throw new PeerStop('PEER_MALFORMED', `the signature over its key exchange is wrong (${schemeName(exchange.scheme)})`);
  }
}

async function agree(client: TlsClient, suite: Suite): Promise<{ secret: Buffer; message: Buffer }> {
  const exchange = client.keyExchange;
  if (suite.keyExchange === 'rsa') {
    const secret = Buffer.concat([u16(client.hello.legacyVersion), randomBytes(46)]);
    const key = { key: client.leaf.publicKey, padding: constants.RSA_PKCS1_PADDING };
    return { secret, message: vector(2, publicEncrypt(key, secret)) };
  }
  if (!exchange && client.isTrusting) return { secret: randomBytes(48), message: vector(1, makeKeyShare(GROUP.x25519).publicBytes) };
  if (!exchange) throw new PeerStop('PEER_MALFORMED', 'ServerKeyExchange is missing');
  if (exchange.prime && exchange.generator) {
    const { publicBytes, secret } = finiteFieldSecret(exchange.prime, exchange.generator, exchange.share);
    return { secret, message: vector(2, publicBytes) };
  }
  const group = exchange.group ?? 0;
  if (!client.isTrusting && !(COMPLETE_GROUPS as readonly number[]).includes(group))
    throw new PeerStop('PEER_MALFORMED', `it chose ${groupName(group)}, which was not offered`);
  const share = makeKeyShare(group);
  return Promise.resolve({ secret: share.secret(exchange.share), message: vector(1, share.publicBytes) });
}

async function prove(client: TlsClient, schemes: readonly number[]): Promise<void> {
  const { credentials, deviations } = client.settings;
  const { key } = credentials!;
  const scheme = schemeFor(key, schemes, 'TLS 1.2') ?? schemeFor(key, client.settings.hello.schemes ?? [], 'TLS 1.2');
  if (scheme === undefined) throw new PeerStop('PEER_MALFORMED', 'it takes no signature that our key can make');
  const signed = Buffer.concat(client.transcript);
  const honest = { scheme, signature: signScheme(scheme, key, signed) };
  const proof = deviations?.proof?.(honest, signed) ?? honest;
  if (proof === 'omitted') return;
  const body = Buffer.concat([u16(proof.scheme), vector(2, proof.signature)]);
  await client.say(HANDSHAKE.certificateVerify, body, `CertificateVerify (${schemeName(proof.scheme)})`);
}

function ciphersOf(suite: Suite, master: Buffer, clientRandom: Uint8Array, serverRandom: Uint8Array): { write: RecordCipher; read: RecordCipher } {
  const aead = suite.aead!;
  const [key, iv] = [keyBytes(aead), fixedIvBytes(aead)];
  const block = prf(suite.hash, master, 'key expansion', Buffer.concat([serverRandom, clientRandom]), 2 * (key + iv));
  const at = (from: number, bytes: number): Buffer => block.subarray(from, from + bytes);
  return { write: tls12Cipher(aead, at(0, key), at(2 * key, iv)), read: tls12Cipher(aead, at(key, key), at(2 * key + iv, iv)) };
}

async function sendFinished(client: TlsClient, hash: HashName, master: Buffer, cipher: RecordCipher): Promise<void> {
  const honest = prf(hash, master, 'client finished', client.hash(hash), VERIFY_DATA_BYTES);
  await client.records.writeRecord(CONTENT.changeCipherSpec, Buffer.of(1));
  client.records.writeCipher = cipher;
  const sent = client.settings.deviations?.finished?.(honest) ?? honest;
  client.verifyData = { client: sent, server: client.verifyData?.server ?? Buffer.alloc(0) };
  await client.say(HANDSHAKE.finished, sent);
}

/** Reads up to the server's Finished; returns the ticket that came before it, if one did. */
async function readFinished(client: TlsClient, hash: HashName, master: Buffer, cipher: RecordCipher): Promise<Buffer | undefined> {
  let ticket: Buffer | undefined;
  for (;;) {
    const message = await client.records.readMessage(client.settings.timeoutMs, () => {
      client.records.readCipher = cipher;
    });
    if (message.type === HANDSHAKE.newSessionTicket) {
      ticket = parseSessionTicket(message.body, VERSION.tls12).ticket;
      client.transcript.push(message.raw);
      continue;
    }
    if (message.type === HANDSHAKE.certificateStatus) {
      client.transcript.push(message.raw);
      continue;
    }
    if (message.type !== HANDSHAKE.finished || client.records.readCipher !== cipher)
      throw new PeerStop('PEER_MALFORMED', 'its Finished did not come where it should');
    const expected = prf(hash, master, 'server finished', client.hash(hash), VERIFY_DATA_BYTES);
    if (!client.isTrusting && !message.body.equals(expected)) throw new PeerStop('PEER_MALFORMED', 'its Finished is wrong');
    client.transcript.push(message.raw);
    client.verifyData = { client: client.verifyData?.client ?? Buffer.alloc(0), server: expected };
    return ticket;
  }
}
