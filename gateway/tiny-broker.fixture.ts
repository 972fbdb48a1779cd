/**
 * For this room's tests only: the smallest real broker, Aedes behind mutual TLS on a free port, that notes what it is
 * told and can be made to refuse, to keep silent, to cut.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { Aedes, type PublishPacket } from 'aedes';
import type { IssuedIdentity } from '../certs/mod.ts';

export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly qos: number;
  readonly dup: boolean;
}

type Verdict = 'take' | 'hold' | 'drop';

export class TinyBroker {
  readonly port: number;
  /** Publishes of clients, wills included, in order of arrival. */
  readonly received: Received[] = [];
  /** CONNECT packets seen, refused ones included. */
  connects = 0;
  /** The CONNACK's return code. */
  returnCode = 0;
  /** What becomes of a publish: acknowledged, left without an answer, or answered by closing the connection. */
  verdict: (packet: Received) => Verdict = () => 'take';
  readonly sockets: ReadonlySet<TLSSocket>;
  readonly #server: Server;
  readonly #aedes: Aedes;
  #held: (() => void)[] = [];

  private constructor(server: Server, aedes: Aedes, sockets: ReadonlySet<TLSSocket>) {
    this.sockets = sockets;
    this.#server = server;
    this.#aedes = aedes;
    this.port = (server.address() as AddressInfo).port;
    aedes.preConnect = (_client, _packet, done) => {
      this.connects += 1;
      done(null, true);
    };
    aedes.authenticate = (_client, _user, _password, done) => {
      if (this.returnCode === 0) done(null, true);
      else done(Object.assign(new Error('refused'), { returnCode: this.returnCode }), null);
    };
    aedes.authorizePublish = (_client, packet, done) => this.#publish(packet, done);
  }

  static async listen(identity: IssuedIdentity, authorityPem: string, port = 0): Promise<TinyBroker> {
    const aedes = await Aedes.createBroker({ concurrency: 1000 });
    const sockets = new Set<TLSSocket>();
    const server = createServer(
      { cert: identity.certificatePem, key: identity.keyPem, ca: authorityPem, requestCert: true, rejectUnauthorized: true },
      (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        socket.on('error', () => undefined);
        aedes.handle(socket);
      },
    );
    aedes.on('clientError', () => undefined);
    aedes.on('connectionError', () => undefined);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new TinyBroker(server, aedes, sockets);
  }

  /** Payloads of the publishes on a channel, oldest first. */
  payloads(channel: string): Buffer[] {
    return this.received.filter(({ topic }) => topic.endsWith(`/${channel}`)).map(({ payload }) => payload);
  }

  /** Answers what was held. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const answer of held) answer();
  }

  /** Publishes to whoever listens. */
  say(topic: string, payload: string): void {
    this.#aedes.publish({ cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false }, () => undefined);
  }

  /** Cuts all connections, as a broken network does. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.release();
    this.cut();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    await closed;
  }

  #publish(packet: PublishPacket, done: (error?: Error | null) => void): void {
    const { topic, payload, retain, qos, dup } = packet;
    const received = { topic, payload: Buffer.from(payload), retain, qos, dup };
    this.received.push(received);
    const verdict = this.verdict(received);
    if (verdict === 'take') done();
    else if (verdict === 'hold') this.#held.push(() => done());
    else done(new Error('dropped'));
  }
}

/** Resolves when `condition` holds; throws what it waited for when that takes more than 10 s. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 10 s: ${what}`);
    await delay(5);
  }
}
