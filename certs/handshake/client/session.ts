/**
 * One MQTT connection of the device, from its CONNECT on, seen packet by packet. A case answers as it likes: `politely`
 * answers as an honest broker would, `send` and `sendBytes` say anything.
 */
import type { TLSSocket, TlsOptions } from 'node:tls';
import { generate, parser, type IConnectPacket, type Packet } from 'mqtt-packet';
import type { Evidence } from '../model.ts';
import { identityOf } from './bait.ts';
import type { CaseContext } from './case.ts';
import type { DeviceConnection } from './connection.ts';
import { Inbox } from './inbox.ts';
import { connectionWithHello } from './refusal.ts';

/** Packets of a device that wait to be looked at; past it the connection is closed. */
const PACKETS_WAITING_MAX = 10_000;
const CONNECT_PATIENCE_MS = 10_000;

/** What comes next from the device. */
export type Arrival = { readonly kind: 'packet'; readonly packet: Packet } | { readonly kind: 'malformed'; readonly why: string } | { readonly kind: 'closed' } | { readonly kind: 'silence' };

type Named<C extends Packet['cmd']> = Extract<Packet, { cmd: C }>;

export class Session {
  readonly connection: DeviceConnection;
  /** Set once CONNECT has come, before a case sees the session. */
  connect!: IConnectPacket;
  readonly #socket: TLSSocket;
  readonly #evidence: Evidence;
  readonly #inbox = new Inbox<Arrival>();
  #version = 4;

  constructor(connection: DeviceConnection, socket: TLSSocket, evidence: Evidence) {
    this.connection = connection;
    this.#socket = socket;
    this.#evidence = evidence;
    const packets = parser();
    packets.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') this.#version = packet.protocolVersion ?? 4;
      if (this.#inbox.size >= PACKETS_WAITING_MAX) socket.destroy();
      else this.#inbox.push({ kind: 'packet', packet });
    });
    packets.on('error', (error: Error) => this.#inbox.push({ kind: 'malformed', why: error.message }));
    socket.on('data', (chunk: Buffer) => packets.parse(chunk));
    socket.once('close', () => this.#inbox.close());
    socket.once('end', () => this.#inbox.close());
  }

  /** 3, 4 (3.1.1) or 5, as the device's CONNECT says. */
  get version(): number {
    return this.#version;
  }

  /** What the device sends next, or that it closed, or nothing within that time. */
  async next(withinMs: number): Promise<Arrival> {
    const arrival = await this.#inbox.next(withinMs);
    if (arrival?.kind === 'packet') this.#evidence.received(packetText(arrival.packet));
    else if (arrival?.kind === 'malformed') this.#evidence.received(`bytes that are no MQTT: ${arrival.why}`);
    else if (this.#inbox.closed) this.#evidence.received('the device closed the connection');
    return arrival ?? (this.#inbox.closed ? { kind: 'closed' } : { kind: 'silence' });
  }

  /** Waits for a packet of a kind, answering all others politely; `undefined` when it does not come. */
  async until<C extends Packet['cmd']>(cmd: C, withinMs: number): Promise<Named<C> | undefined> {
    return (await this.find((packet): packet is Named<C> => packet.cmd === cmd, withinMs));
  }

  /** Waits for a packet that fits, answering all others politely; `undefined` when it does not come. */
  async find<P extends Packet>(fits: (packet: Packet) => packet is P, withinMs: number): Promise<P | undefined> {
    const deadlineMs = this.#evidence.elapsedMs + withinMs;
    for (;;) {
      const arrival = await this.next(deadlineMs - this.#evidence.elapsedMs);
      if (arrival.kind !== 'packet') return undefined;
      if (fits(arrival.packet)) return arrival.packet;
      this.politely(arrival.packet);
    }
  }

  /** True when the device closes within that time; what it sends meanwhile is answered politely. */
  async closes(withinMs: number): Promise<boolean> {
    await this.find((packet): packet is Named<'disconnect'> => packet.cmd === 'disconnect', withinMs);
    return this.#inbox.closed || (await this.connection.closed(0));
  }

  get closed(): boolean {
    return this.#inbox.closed;
  }

  /** Accepts the connection. */
  accept(session: 'new' | 'resumed' = 'new'): void {
    this.send({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: session === 'resumed' });
  }

  /** Refuses it with a code of MQTT 3.1.1, or its like in MQTT 5. */
  refuse(code: number): void {
    this.send({ cmd: 'connack', returnCode: code, reasonCode: code, sessionPresent: false });
  }

  /** Answers as an honest broker that accepts everything. */
  politely(packet: Packet): void {
    const messageId = packet.messageId;
    switch (packet.cmd) {
      case 'connect':
        return this.accept();
      case 'publish':
        if (packet.qos === 1) this.send({ cmd: 'puback', messageId, reasonCode: 0 } as Packet);
        if (packet.qos === 2) this.send({ cmd: 'pubrec', messageId, reasonCode: 0 } as Packet);
        return;
      case 'pubrel':
        return this.send({ cmd: 'pubcomp', messageId, reasonCode: 0 } as Packet);
      case 'subscribe':
        return this.send({ cmd: 'suback', messageId, granted: packet.subscriptions.map(({ qos }) => qos) } as Packet);
      case 'unsubscribe':
        return this.send({ cmd: 'unsuback', messageId, granted: packet.unsubscriptions.map(() => 0) } as Packet);
      case 'pingreq':
        return this.send({ cmd: 'pingresp' });
      default:
    }
  }

  send(packet: Packet): void {
    this.sendBytes(generate(packet, { protocolVersion: this.#version }), packetText(packet));
  }

  sendBytes(bytes: Uint8Array, text: string): void {
    this.#evidence.sent(text);
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Closes as a server that shuts down does. */
  end(): void {
    this.#evidence.sent('the connection is closed');
    this.#socket.end();
    this.#socket.destroySoon();
  }

  /** Ends it as a broken network does. */
  reset(): void {
    this.connection.reset();
  }
}

/** The device's next connection, through an honest handshake, up to its CONNECT; `undefined` when it does not come so far. */
export async function openSession(context: CaseContext, options: TlsOptions = {}): Promise<Session | undefined> {
  for (;;) {
    const connection = await connectionWithHello(context);
    if (!connection) return undefined;
    const handshake = await connection.startTls(identityOf(context.bait.server()), options);
    if (handshake.kind === 'done') {
      const session = new Session(connection, handshake.socket, context.evidence);
      const first = await session.next(Math.min(CONNECT_PATIENCE_MS, context.leftMs()));
      if (first.kind === 'packet' && first.packet.cmd === 'connect') {
        session.connect = first.packet;
        return session;
      }
    }
    connection.destroy();
  }
}

/** As {@link openSession}, accepted. */
export async function acceptedSession(context: CaseContext): Promise<Session | undefined> {
  const session = await openSession(context);
  session?.accept();
  return session;
}

/** One line that says what a packet is; no payloads, no passwords. */
export function packetText(packet: Packet): string {
  const id = packet.messageId === undefined ? '' : ` ${packet.messageId}`;
  switch (packet.cmd) {
    case 'connect':
      return `CONNECT of ${JSON.stringify(packet.clientId)}, version ${packet.protocolVersion ?? 4}, ${packet.clean ? 'clean session' : 'persistent session'}, keep-alive ${packet.keepalive ?? 0} s`;
    case 'connack':
      return `CONNACK ${packet.reasonCode ?? packet.returnCode ?? 0}${packet.sessionPresent ? ', session present' : ''}`;
    case 'publish':
      return `PUBLISH${id} QoS ${packet.qos}${packet.dup ? ' DUP' : ''}${packet.retain ? ' RETAIN' : ''} ${JSON.stringify(packet.topic.slice(0, 100))}, ${packet.payload.length} bytes`;
    case 'subscribe':
      return `SUBSCRIBE${id} ${packet.subscriptions.map(({ topic, qos }) => `${JSON.stringify(topic)} QoS ${qos}`).slice(0, 10).join(', ')}`;
    case 'disconnect':
      return `DISCONNECT${packet.reasonCode ? ` 0x${packet.reasonCode.toString(16)}` : ''}`;
    default:
      return `${packet.cmd.toUpperCase()}${id}`;
  }
}
