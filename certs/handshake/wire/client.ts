/**
 * A TLS client that shows everything and can be told to misbehave: TLS 1.2 with (EC)DHE or RSA and AEAD, TLS 1.3, client
 * certificates, resumption. It checks what a client must check of the conversation itself (Finished, the signature over the
 * key exchange) and nothing of the server's chain: that is what the cases judge.
 */
import { X509Certificate, type KeyObject } from 'node:crypto';
import { PeerStop } from '../errors.ts';
import type { Evidence } from '../model.ts';
import { encodeHello, helloText, type HelloRecipe } from './client-hello.ts';
import { finish12, type Session12 } from './client-tls12.ts';
import { finish13, helloWithTicket, type Session13 } from './client-tls13.ts';
import { digest, type HashName } from './key-schedule.ts';
import { makeKeyShare, type KeyShare } from './key-exchange.ts';
import { CONTENT, GROUP, HANDSHAKE, VERSION, groupName, versionName } from './names.ts';
import { encodeMessage, RecordLayer, type Message } from './record-layer.ts';
import {
  alpnOf,
  parseServerHello,
  parseSessionTicket,
  type CertificateRequest,
  type ServerHello,
  type ServerKeyExchange,
} from './server-messages.ts';
import { suiteName, suiteOf, type Suite } from './suites.ts';
import { Transport } from './transport.ts';

/** Who the client says it is. */
export interface Credentials {
  /** Leaf first, DER; may be empty, or anything. */
  readonly chain: readonly Uint8Array[];
  readonly key: KeyObject;
}

export interface Proof {
  readonly scheme: number;
  readonly signature: Buffer;
}

/** Where a client departs from the protocol. */
export interface Deviations {
  /** Another signature than the honest one, or none at all. */
  readonly proof?: (honest: Proof, signed: Buffer) => Proof | 'omitted';
  /** Another verify_data in our Finished. */
  readonly finished?: (honest: Buffer) => Buffer;
  /** Goes along with whatever the server says: wrong signatures and Finished, messages left out, what was not offered. */
  readonly trusts?: 'everything';
}

export interface ClientSettings {
  readonly hello: HelloRecipe;
  /** Groups to send key shares of, if the hello offers TLS 1.3 and has none of its own. Default: X25519. */
  readonly shareGroups?: readonly number[];
  readonly credentials?: Credentials;
  readonly resume?: Session;
  /** What to send before the server answers (0-RTT); only with a TLS 1.3 session to resume. */
  readonly earlyData?: Uint8Array;
  readonly deviations?: Deviations;
  /** Bytes of a fragment at most, in the ClientHello. */
  readonly helloFragmentBytes?: number;
  /** Version in the record header of the ClientHello. Default 0x0301, for old middleboxes. */
  readonly helloRecordVersion?: number;
  /** How long to wait for each message. */
  readonly timeoutMs: number;
}

/** What a later connection needs to resume this one. */
export type Session = Session12 | Session13;

export class TlsClient {
  readonly transport: Transport;
  readonly records: RecordLayer;
  readonly evidence: Evidence;
  readonly settings: ClientSettings;
  readonly shares: KeyShare[];

  // What was learned, as far as the handshake came.
  serverHello: ServerHello | undefined;
  retried: 'never' | 'once' = 'never';
  suite: Suite | undefined;
  group: number | undefined;
  serverScheme: number | undefined;
  serverChain: readonly Buffer[] = [];
  staple: Buffer | undefined;
  keyExchange: ServerKeyExchange | undefined;
  certificateRequest: CertificateRequest | undefined;
  /** Of EncryptedExtensions, or of ServerHello in TLS 1.2. */
  serverExtensions: ReadonlyMap<number, Buffer> = new Map();
  isResumed = false;
  hasExtendedMasterSecret = false;
  readonly sessions: Session[] = [];
  /** On the evidence's clock. */
  readonly startedMs: number;

  /** For the two halves of the handshake. */
  transcript: Buffer[] = [];
  /** TLS 1.3: makes the session of a ticket. Set when the handshake is done. */
  onTicket: ((ticket: ReturnType<typeof parseSessionTicket>) => Session) | undefined;
  /** TLS 1.3: makes the server's next read key. */
  onKeyUpdate: (() => void) | undefined;
  /** TLS 1.2: our and the server's verify_data, for a renegotiation. */
  verifyData: { client: Buffer; server: Buffer } | undefined;
  #helloSent: HelloRecipe;

  constructor(transport: Transport, evidence: Evidence, settings: ClientSettings) {
    this.transport = transport;
    this.evidence = evidence;
    this.records = new RecordLayer(transport, evidence);
    this.settings = settings;
    this.startedMs = evidence.elapsedMs;
    const wants13 = settings.hello.versions?.includes(VERSION.tls13) === true;
    this.shares = wants13 && !settings.hello.keyShares ? (settings.shareGroups ?? [GROUP.x25519]).map(makeKeyShare) : [];
    this.#helloSent = settings.hello;
  }

  /** The whole handshake. In TLS 1.3 the server may still refuse our certificate afterwards: only what it says next tells. */
  async handshake(): Promise<void> {
    const hello = await this.sayHello();
    if (this.isTrusting) {
      this.suite = suiteOf(hello.suite);
      if (this.suite) await (hello.share ? finish13 : finish12)(this, this.suite, hello);
      return;
    }
    const { suite } = this;
    if (suite === undefined) throw new PeerStop('PEER_MALFORMED', `it chose ${suiteName(hello.suite)}, which was not offered`);
    if (suite.aead === undefined) throw new PeerStop('PEER_MALFORMED', `it chose ${suite.name}; this tester does not go on with it`);
    if (hello.version === VERSION.tls13) await finish13(this, suite, hello);
    else if (hello.version === VERSION.tls12) await finish12(this, suite, hello);
    else throw new PeerStop('PEER_MALFORMED', `it chose ${versionName(hello.version)}; this tester does not go on with it`);
  }

  /** ClientHello and the answer to it, with one retry if the server asks for another group. */
  async sayHello(): Promise<ServerHello> {
    await this.#sendHello(this.#helloSent);
    let hello = await this.#readServerHello();
    if (hello.isRetry) {
      this.retried = 'once';
      const group = hello.group;
      if (group !== undefined && !this.isTrusting && this.settings.hello.groups?.includes(group) !== true) {
        throw new PeerStop('PEER_MALFORMED', `it asked for ${groupName(group)}, which was not offered`);
      }
      await this.#retry(hello, group);
      hello = await this.#readServerHello();
      if (hello.isRetry) throw new PeerStop('PEER_MALFORMED', 'it asked to retry twice');
    }
    this.serverExtensions = hello.extensions;
    return hello;
  }

  get hello(): HelloRecipe {
    return this.#helloSent;
  }

  get isTrusting(): boolean {
    return this.settings.deviations?.trusts === 'everything';
  }

  get alpn(): string | undefined {
    return alpnOf(this.serverExtensions);
  }

  get leaf(): X509Certificate {
    const [der] = this.serverChain;
    if (!der) throw new PeerStop('PEER_MALFORMED', 'it sent no certificate');
    try {
      return new X509Certificate(der);
    } catch (cause) {
      throw new PeerStop('PEER_MALFORMED', 'its certificate cannot be read', undefined, { cause });
    }
  }

  hash(name: HashName): Buffer {
    return digest(name, ...this.transcript);
  }

  /** The next handshake message; PEER_MALFORMED unless it is of one of these types. It goes into the transcript. */
  async expect(...types: readonly number[]): Promise<Message> {
    const message = await this.records.readMessage(this.settings.timeoutMs);
    if (!types.includes(message.type)) throw new PeerStop('PEER_MALFORMED', `handshake message ${message.type} came out of order`);
    this.transcript.push(message.raw);
    return message;
  }

  /** Writes a handshake message and takes it into the transcript. */
  async say(type: number, body: Uint8Array, text?: string): Promise<void> {
    this.transcript.push(await this.records.writeMessage(type, body, text));
  }

  /** Writes data of the application. */
  async write(data: Uint8Array): Promise<void> {
    await this.records.writeRecord(CONTENT.applicationData, data);
  }

  /** The next data of the application; tickets are taken on the way. Alerts and ends are thrown. */
  async read(timeoutMs: number): Promise<Buffer> {
    for (;;) {
      const { type, fragment } = await this.records.readRecord(timeoutMs);
      if (type === CONTENT.applicationData) {
        if (fragment.length > 0) return fragment;
      } else if (type === CONTENT.handshake) {
        this.#takeHandshake(fragment);
      }
    }
  }

  /** Resolves when the server has given a ticket, or says something else. */
  async readTicket(timeoutMs: number): Promise<void> {
    while (this.sessions.length === 0) {
      const { type, fragment } = await this.records.readRecord(timeoutMs);
      if (type === CONTENT.applicationData) return;
      if (type === CONTENT.handshake) this.#takeHandshake(fragment);
    }
  }

  /** Says goodbye and closes. */
  async close(): Promise<void> {
    await this.records.writeAlert(1, 0);
    this.transport.destroy();
  }

  #takeHandshake(fragment: Buffer): void {
    this.records.addHandshake(fragment);
    for (let message = this.records.pendingMessage(); message; message = this.records.pendingMessage()) this.#afterHandshake(message);
  }

  #afterHandshake({ type, body }: Message): void {
    if (type === HANDSHAKE.newSessionTicket && this.onTicket) {
      this.evidence.received('NewSessionTicket');
      this.sessions.push(this.onTicket(parseSessionTicket(body, VERSION.tls13)));
    } else if (type === HANDSHAKE.keyUpdate && this.onKeyUpdate) {
      this.onKeyUpdate();
    } else if (type !== HANDSHAKE.helloRequest) {
      throw new PeerStop('PEER_MALFORMED', `handshake message ${type} after the handshake`);
    }
  }

  async #sendHello(recipe: HelloRecipe): Promise<void> {
    const keyShares =
      recipe.keyShares ?? (this.shares.length > 0 ? this.shares.map(({ group, publicBytes }) => ({ group, bytes: publicBytes })) : undefined);
    this.#helloSent = { ...recipe, ...(keyShares ? { keyShares } : {}) };
    const { resume, earlyData, timeoutMs } = this.settings;
    this.records.version = this.settings.helloRecordVersion ?? 0x0301;
    if (this.settings.helloFragmentBytes !== undefined) this.records.fragmentBytes = this.settings.helloFragmentBytes;
    if (timeoutMs <= 0) throw new RangeError('a timeout is above 0');
    if (resume?.version === VERSION.tls13) {
      const { raw, startEarly } = helloWithTicket(this.#helloSent, resume, this.transcript, earlyData === undefined ? 'none' : 'early-data');
      this.evidence.sent(`${helloText(this.#helloSent)} with a ticket${earlyData ? ' and early data' : ''}`);
      this.transcript.push(raw);
      await this.records.writeRecord(CONTENT.handshake, raw);
      if (earlyData) {
        this.records.writeCipher = startEarly();
        await this.write(earlyData);
      }
    } else {
      const raw = encodeMessage(HANDSHAKE.clientHello, encodeHello(this.#helloSent));
      this.evidence.sent(helloText(this.#helloSent));
      this.transcript.push(raw);
      await this.records.writeRecord(CONTENT.handshake, raw);
    }
    this.records.fragmentBytes = 2 ** 14;
  }

  async #readServerHello(): Promise<ServerHello> {
    const message = await this.expect(HANDSHAKE.serverHello);
    const hello = parseServerHello(message.body);
    this.serverHello = hello;
    this.suite = this.settings.hello.suites.includes(hello.suite) ? suiteOf(hello.suite) : undefined;
    const group = hello.group === undefined ? '' : `, ${groupName(hello.group)}`;
    this.evidence.note(`${hello.isRetry ? 'HelloRetryRequest' : 'ServerHello'}: ${versionName(hello.version)}, ${suiteName(hello.suite)}${group}`);
    this.records.version = Math.min(hello.version, VERSION.tls12);
    return hello;
  }

  async #retry(retry: ServerHello, group: number | undefined): Promise<void> {
    const hash = suiteOf(retry.suite)?.hash ?? 'sha256';
    const [first, ...rest] = this.transcript as [Buffer, ...Buffer[]];
    this.transcript = [encodeMessage(HANDSHAKE.messageHash, digest(hash, first)), ...rest];
    if (group !== undefined) this.shares.splice(0, this.shares.length, makeKeyShare(group));
    const cookie = retry.extensions.get(44);
    await this.#sendHello({
      ...this.settings.hello,
      ...(group === undefined ? {} : { keyShares: this.shares.map(({ group: each, publicBytes }) => ({ group: each, bytes: publicBytes })) }),
      ...(cookie ? { cookie: cookie.subarray(2) } : {}),
    });
  }
}

/** A connection to test with. */
export async function openTls(host: string, port: number, evidence: Evidence, settings: ClientSettings): Promise<TlsClient> {
  return new TlsClient(await Transport.open(host, port, settings.timeoutMs), evidence, settings);
}
