/** The rest of a TLS 1.3 handshake, after ServerHello (RFC 8446 2), full or resumed by a ticket. */
import { PeerStop } from '../errors.ts';
import { Reader, u16, vector } from './bytes.ts';
import { encodeHello, readExtensions, type HelloRecipe } from './client-hello.ts';
import type { TlsClient } from './client.ts';
import { certificateVerifyContent, schemeFor, signScheme, verifyScheme } from './signature.ts';
import { digest, expandLabel, finishedData, hashBytes, Tls13Secrets, type HashName } from './key-schedule.ts';
import { CONTENT, EXTENSION, groupName, HANDSHAKE, schemeName, VERSION } from './names.ts';
import { encodeMessage } from './record-layer.ts';
import { tls13Cipher, type RecordCipher } from './record-cipher.ts';
import { encodeCertificate, parseCertificate, parseCertificateRequest, type ServerHello } from './server-messages.ts';
import { suiteOf, type Suite } from './suites.ts';

/** A TLS 1.3 session: a ticket and what it stands for. */
export interface Session13 {
  readonly version: typeof VERSION.tls13;
  readonly ticket: Buffer;
  readonly psk: Buffer;
  readonly ageAdd: number;
  readonly suite: number;
  readonly maxEarlyDataBytes: number;
}

/** Goes on to our Finished. */
export async function finish13(client: TlsClient, suite: Suite, hello: ServerHello): Promise<void> {
  const { resume, timeoutMs } = client.settings;
  client.isResumed = resume?.version === VERSION.tls13 && hello.extensions.has(EXTENSION.preSharedKey);
  const secrets = new Tls13Secrets(suite.hash, client.isResumed ? (resume as Session13).psk : undefined);
  secrets.mix(agree(client, hello));
  const [own, theirs] = [secrets.handshakeTraffic('c', client.hash(suite.hash)), secrets.handshakeTraffic('s', client.hash(suite.hash))];
  client.records.readCipher = tls13Cipher(suite.aead!, suite.hash, theirs);

  const encrypted = await client.expect(HANDSHAKE.encryptedExtensions);
  client.serverExtensions = readExtensions(new Reader(encrypted.body));
  if (client.isTrusting) await readAnything(client);
  else {
    if (!client.isResumed) await readCertificates(client, suite.hash);
    const expected = finishedData(suite.hash, theirs, client.hash(suite.hash));
    const finished = await client.expect(HANDSHAKE.finished);
    if (!finished.body.equals(expected)) throw new PeerStop('PEER_MALFORMED', 'its Finished is wrong');
  }

  const transcript = client.hash(suite.hash);
  let serverSecret = secrets.applicationTraffic('s', transcript);
  client.records.readCipher = tls13Cipher(suite.aead!, suite.hash, serverSecret);
  client.onKeyUpdate = () => {
    serverSecret = expandLabel(suite.hash, serverSecret, 'traffic upd', Buffer.alloc(0), hashBytes(suite.hash));
    client.records.readCipher = tls13Cipher(suite.aead!, suite.hash, serverSecret);
  };
  client.records.writeCipher = undefined;
  await client.records.writeRecord(CONTENT.changeCipherSpec, Buffer.of(1));
  client.records.writeCipher = tls13Cipher(suite.aead!, suite.hash, own);
  if (client.certificateRequest) await showCertificate(client, suite.hash);
  const honest = finishedData(suite.hash, own, client.hash(suite.hash));
  await client.say(HANDSHAKE.finished, client.settings.deviations?.finished?.(honest) ?? honest);
  client.records.writeCipher = tls13Cipher(suite.aead!, suite.hash, secrets.applicationTraffic('c', transcript));
  const complete = client.hash(suite.hash);
  client.onTicket = ({ ticket, nonce, ageAdd, maxEarlyDataBytes }) => ({
    version: VERSION.tls13,
    ticket,
    psk: secrets.resumptionPsk(complete, nonce),
    ageAdd,
    suite: suite.id,
    maxEarlyDataBytes,
  });
  if (timeoutMs <= 0) throw new RangeError('a timeout is above 0');
}

/** A ClientHello that ends with a ticket and its binder (RFC 8446 4.2.11.2), and the cipher for early data after it. */
export function helloWithTicket(
  hello: HelloRecipe,
  session: Session13,
  before: readonly Buffer[],
  early: 'none' | 'early-data',
): { raw: Buffer; startEarly: () => RecordCipher } {
  const suite = suiteOf(session.suite)!;
  const binderBytes = hashBytes(suite.hash);
  const extra = [...(hello.extra ?? []), ...(early === 'none' ? [] : [{ type: EXTENSION.earlyData, body: Buffer.alloc(0) }])];
  // The ticket has just come: its age is nearly nothing, and servers that check it allow for the way.
  const body = encodeHello({ ...hello, extra }, { identity: session.ticket, age: session.ageAdd, binderBytes });
  const raw = encodeMessage(HANDSHAKE.clientHello, body);
  const secrets = new Tls13Secrets(suite.hash, session.psk);
  const truncated = raw.subarray(0, raw.length - binderBytes - 3);
  const binder = finishedData(suite.hash, secrets.binderKey(), digest(suite.hash, ...before, truncated));
  binder.copy(raw, raw.length - binderBytes);
  return { raw, startEarly: () => tls13Cipher(suite.aead!, suite.hash, secrets.earlyTraffic(digest(suite.hash, ...before, raw))) };
}

function agree(client: TlsClient, hello: ServerHello): Buffer {
  const share = client.shares.find(({ group }) => group === hello.group);
  client.group = hello.group;
  if (!share || !hello.share) throw new PeerStop('PEER_MALFORMED', `it chose ${groupName(hello.group ?? 0)}, for which no share was sent`);
  return share.secret(hello.share);
}

async function readCertificates(client: TlsClient, hash: HashName): Promise<void> {
  let message = await client.expect(HANDSHAKE.certificateRequest, HANDSHAKE.certificate);
  if (message.type === HANDSHAKE.certificateRequest) {
    client.certificateRequest = parseCertificateRequest(message.body, VERSION.tls13);
    message = await client.expect(HANDSHAKE.certificate);
  }
  const { chain, staple } = parseCertificate(message.body, VERSION.tls13);
  client.serverChain = chain;
  client.staple = staple;
  const signed = certificateVerifyContent('server', client.hash(hash));
  const reader = new Reader((await client.expect(HANDSHAKE.certificateVerify)).body);
  const scheme = reader.u16();
  client.serverScheme = scheme;
  if (!verifyScheme(scheme, client.leaf.publicKey, signed, reader.vector(2))) {
    throw new PeerStop('PEER_MALFORMED', `its CertificateVerify is wrong (${schemeName(scheme)})`);
  }
}

/** Reads up to Finished, whatever comes and whatever does not. */
async function readAnything(client: TlsClient): Promise<void> {
  for (;;) {
    const { type, body } = await client.expect(HANDSHAKE.certificateRequest, HANDSHAKE.certificate, HANDSHAKE.certificateVerify, HANDSHAKE.finished);
    if (type === HANDSHAKE.certificateRequest) client.certificateRequest = parseCertificateRequest(body, VERSION.tls13);
    if (type === HANDSHAKE.finished) return;
  }
}

async function showCertificate(client: TlsClient, hash: HashName): Promise<void> {
  const { credentials, deviations } = client.settings;
  const request = client.certificateRequest!;
  const chain = credentials?.chain ?? [];
  await client.say(HANDSHAKE.certificate, encodeCertificate(chain, VERSION.tls13, request.context), `Certificate (${chain.length} in the chain)`);
  if (!credentials || chain.length === 0) return;
  // A key that has no scheme in TLS 1.3 signs with what fits its kind: that it is no good is for the server to find.
  const scheme = schemeFor(credentials.key, request.schemes, 'TLS 1.3') ?? schemeFor(credentials.key, request.schemes, 'TLS 1.2');
  if (scheme === undefined) throw new PeerStop('PEER_MALFORMED', 'it takes no signature that our key can make');
  const signed = certificateVerifyContent('client', client.hash(hash));
  const honest = { scheme, signature: signScheme(scheme, credentials.key, signed) };
  const proof = deviations?.proof?.(honest, signed) ?? honest;
  if (proof === 'omitted') return;
  await client.say(
    HANDSHAKE.certificateVerify,
    Buffer.concat([u16(proof.scheme), vector(2, proof.signature)]),
    `CertificateVerify (${schemeName(proof.scheme)})`,
  );
}
