/**
 * An MQTT client for load: a socket, a cutter of packets, and the publishes in flight; nothing else is kept, because there
 * are thousands. Promises: every step ends, with an answer or with a ClientFailure that says what kind; a broker that dies,
 * refuses or talks nonsense is a failure of that kind, never an exception elsewhere; what was sent is acknowledged, in
 * flight, or reported as failed when the connection ends.
 */
import type { SecureContext, TLSSocket } from 'node:tls';
import { generate, type IConnackPacket, type Packet } from 'mqtt-packet';
import type { NowUs } from '../clock.ts';
import type { Broker, Qos } from '../scenario.ts';
import { parsePacket, requestPacket, subscribePacket, unsubscribePacket } from './control-packets.ts';
import { ClientFailure, kindOfError } from './failure.ts';
import { InFlight } from './in-flight.ts';
import { acknowledgement, DISCONNECT, PACKET, PacketReader, PINGREQ } from './packets.ts';
import { openStream, type OpenStream } from './stream.ts';

/** What a client says of itself; the same for all of a group but for id and will. */
export interface ClientSettings {
  readonly clientId: string;
  readonly mqttVersion: 4 | 5;
  readonly cleanSession: boolean;
  readonly sessionExpiryS: number;
  readonly keepAliveS: number;
  readonly will?: { readonly topic: string; readonly payload: Buffer; readonly qos: Qos; readonly retain: boolean };
}

export interface ConnectOptions {
  readonly broker: Broker;
  readonly context: SecureContext | undefined;
  readonly verify: boolean;
  /** TLS session to resume. */
  readonly session: Buffer | undefined;
  /** Whether `onSession` is told of sessions. */
  readonly keepsSession: boolean;
  readonly localAddress: string | undefined;
  readonly timeoutMs: number;
}

/** When the parts of a connect were done, µs since 1970. */
export interface ConnectTimes {
  readonly beganUs: number;
  readonly tcpUs: number;
  readonly tlsUs: number;
  readonly connackUs: number;
  readonly sessionPresent: boolean;
}

/** Who hears of a client's life; one for all of a worker. */
export interface ClientHost {
  readonly now: NowUs;
  onAcknowledged(client: LoadClient, dueUs: number, ticket: number): void;
  /** A message came; the buffer is only valid during the call. */
  onMessage(client: LoadClient, topic: string, bytes: Buffer, payloadStart: number, payloadEnd: number): void;
  /** There is room again for publishes. */
  onRoom(client: LoadClient): void;
  /** A connection that stood ended and we did not end it. */
  onClosed(client: LoadClient, kind: string): void;
  /** Tickets of publishes whose acknowledgement can no longer come. */
  onUnacknowledged(client: LoadClient, tickets: readonly number[]): void;
  /** A TLS session that can be resumed. */
  onSession(client: LoadClient, session: Buffer): void;
}

interface Awaited {
  readonly what: 'connack' | 'suback' | 'unsuback';
  readonly deadlineUs: number;
  resolve(packet: Packet): void;
  reject(failure: ClientFailure): void;
}

/** One SUBSCRIBE or UNSUBSCRIBE at a time: an id that no publish has. */
const CONTROL_ID = 65_535;
/** Bytes that may wait for the network before no more are written. */
const MAX_BUFFERED_BYTES = 256 * 1024;
const CONTROL_TIMEOUT_US = 60_000_000;

export class LoadClient {
  readonly settings: ClientSettings;
  readonly inFlight = new InFlight();
  /** Number of the client within the run. */
  readonly number: number;
  readonly #host: ClientHost;
  #open: OpenStream | undefined;
  #reader: PacketReader | undefined;
  #awaited: Awaited | undefined;
  #connected = false;
  #tcpUs = 0;
  #tlsUs = 0;
  #lastSentUs = 0;
  #pingSentUs = 0;
  #wantsRoom = false;
  #requested = false;
  #receiveMaximum = 65_535;

  constructor(number: number, settings: ClientSettings, host: ClientHost) {
    this.number = number;
    this.settings = settings;
    this.#host = host;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The socket of the connection, to ask its TLS about. */
  get socket(): TLSSocket | undefined {
    return this.#open?.socket as TLSSocket | undefined;
  }

  /** Connects and waits for CONNACK. Rejects with a ClientFailure; nothing is left open then. */
  async connect(options: ConnectOptions): Promise<ConnectTimes> {
    const { now } = this.#host;
    const beganUs = now();
    this.#tcpUs = this.#tlsUs = 0;
    this.#reader = new PacketReader();
    this.#receiveMaximum = 65_535;
    const answer = this.#await('connack', beganUs + options.timeoutMs * 1000);
    try {
      this.#begin(options);
    } catch (error) {
      this.#fail(kindOfError(error as NodeJS.ErrnoException));
    }
    const packet = await answer;
    if (!this.#open) throw new ClientFailure('closed');
    const { returnCode, reasonCode = returnCode ?? 0, sessionPresent } = packet as IConnackPacket;
    if (reasonCode === 0) return { beganUs, tcpUs: this.#tcpUs, tlsUs: this.#tlsUs, connackUs: now(), sessionPresent };
    this.#close();
    throw new ClientFailure(`mqtt.connack.${reasonCode}`);
  }

  /** Rejects with `mqtt.suback.<code>` when the broker refuses one of the filters. */
  async subscribe(filters: readonly string[], qos: Qos): Promise<void> {
    const packet = await this.#request('suback', subscribePacket(this.settings.mqttVersion, CONTROL_ID, filters, qos));
    const refused = packet.cmd === 'suback' ? (packet.granted as number[]).find((code) => code > 2) : undefined;
    if (refused !== undefined) throw new ClientFailure(`mqtt.suback.${refused}`);
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#request('unsuback', unsubscribePacket(this.settings.mqttVersion, CONTROL_ID, filters));
  }

  /** Publishes what is no load, with QoS 1; whoever asks waits for a message, not for the acknowledgement. */
  request(topic: string, payload: Buffer): void {
    this.#requested = true;
    this.write(requestPacket(this.settings.mqttVersion, CONTROL_ID, topic, payload));
  }

  /** How many more publishes of that QoS may be written now; where it is 0, `onRoom` tells when there is room again. */
  roomFor(qos: Qos, window: number): number {
    if (!this.#connected) return 0;
    if (this.#open!.stream.writableLength > MAX_BUFFERED_BYTES) {
      this.#wantsRoom = true;
      return 0;
    }
    if (qos === 0) return Infinity;
    const room = Math.min(window, this.#receiveMaximum) - this.inFlight.size;
    this.#wantsRoom = room <= 0 || this.inFlight.isFull;
    return this.#wantsRoom ? 0 : room;
  }

  /** Writes bytes of packets that are made; `written` hears once the system has taken them, or that it never will. */
  write(bytes: Buffer, written?: (failed: boolean) => void): void {
    this.#lastSentUs = this.#host.now();
    this.#open!.stream.write(bytes, (error) => {
      written?.(error !== null && error !== undefined);
      if (this.#wantsRoom && this.#connected) this.#host.onRoom(this);
    });
  }

  /** Says goodbye and closes; resolves at once, the socket closes by itself. */
  disconnect(): void {
    const open = this.#open;
    if (!open || !this.#connected) return this.#close();
    open.stream.write(DISCONNECT);
    this.#forget(open);
    open.stream.end();
    const impatience = setTimeout(() => open.socket.destroy(), 2_000);
    open.socket.once('close', () => clearTimeout(impatience));
    this.#ended();
  }

  /** Closes without a word. */
  cut(): void {
    this.#close();
  }

  /** A slow consumer leaves the socket unread. */
  setReading(reading: 'on' | 'off'): void {
    if (reading === 'on') this.#open?.stream.resume();
    else this.#open?.stream.pause();
  }

  /** Ends a step that is being waited for, with that kind. */
  abandon(kind: string): void {
    if (this.#awaited) this.#fail(kind);
  }

  /** Called now and then: keep-alive, and steps that take too long. */
  sweep(nowUs: number): void {
    const awaited = this.#awaited;
    if (awaited && nowUs > awaited.deadlineUs) return this.#fail(`timeout.${awaited.what === 'connack' ? this.#phase() : awaited.what}`);
    const keepAliveUs = this.settings.keepAliveS * 1e6;
    if (!this.#connected || keepAliveUs === 0) return;
    if (this.#pingSentUs > 0 && nowUs - this.#pingSentUs > keepAliveUs) return this.#fail('timeout.pingresp');
    if (this.#pingSentUs === 0 && nowUs - this.#lastSentUs > keepAliveUs * 0.9) {
      this.#pingSentUs = nowUs;
      this.write(PINGREQ);
    }
  }

  #phase(): 'tcp' | 'tls' | 'connack' {
    return this.#tcpUs === 0 ? 'tcp' : this.#tlsUs === 0 ? 'tls' : 'connack';
  }

  #begin(options: ConnectOptions): void {
    const { now } = this.#host;
    const open = openStream(
      options,
      () => (this.#tcpUs = now()),
      () => {
        if (open !== this.#open) return;
        this.#tlsUs = now();
        this.write(connectPacket(this.settings));
      },
    );
    this.#open = open;
    open.stream.on('data', (chunk: Buffer) => this.#read(open, chunk));
    const onError = (error: NodeJS.ErrnoException): void => {
      if (open === this.#open) this.#fail(kindOfError(error));
    };
    open.stream.on('error', onError);
    if (open.stream !== open.socket) open.socket.on('error', onError);
    open.stream.on('close', () => {
      if (open === this.#open) this.#fail(this.#awaited ? `closed.${this.#awaited.what === 'connack' ? this.#phase() : this.#awaited.what}` : 'closed');
    });
    if (options.keepsSession) open.socket.on('session', (session: Buffer) => this.#host.onSession(this, session));
  }

  #read(open: OpenStream, chunk: Buffer): void {
    if (open !== this.#open) return;
    const understood = this.#reader!.read(chunk, (first, bytes, start, end) => {
      return open !== this.#open || this.#onPacket(first, bytes, start, end);
    });
    if (open !== this.#open) return;
    if (!understood) return this.#fail('mqtt.garbage');
    if (this.#wantsRoom && this.#connected) this.#host.onRoom(this);
  }

  #onPacket(first: number, bytes: Buffer, start: number, end: number): boolean {
    const kind = first >>> 4;
    if (!this.#connected && kind !== PACKET.connack && this.#awaited?.what === 'connack') return false;
    switch (kind) {
      case PACKET.puback:
      case PACKET.pubcomp:
        return this.#onAcknowledgement(bytes, start, end);
      case PACKET.pubrec:
        return this.#onReceived(bytes, start, end);
      case PACKET.publish:
        return this.#onPublish(first, bytes, start, end);
      case PACKET.pubrel:
        if (end - start < 2) return false;
        this.write(acknowledgement(PACKET.pubcomp, bytes.readUInt16BE(start)));
        return true;
      case PACKET.pingresp:
        this.#pingSentUs = 0;
        return end === start;
      case PACKET.connack:
      case PACKET.suback:
      case PACKET.unsuback:
      case PACKET.disconnect:
        return this.#onControl(kind, first, bytes, start, end);
      default:
        return false;
    }
  }

  #onAcknowledgement(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < 2) return false;
    const id = bytes.readUInt16BE(start);
    const waiting = this.inFlight.take(id);
    if (!waiting) return id === CONTROL_ID && this.#requested;
    const reason = end - start > 2 ? bytes[start + 2]! : 0;
    if (reason >= 0x80) this.#host.onUnacknowledged(this, [waiting.ticket]);
    else this.#host.onAcknowledged(this, waiting.dueUs, waiting.ticket);
    return true;
  }

  #onReceived(bytes: Buffer, start: number, end: number): boolean {
    if (end - start < 2) return false;
    const id = bytes.readUInt16BE(start);
    if (end - start > 2 && bytes[start + 2]! >= 0x80) return this.#onAcknowledgement(bytes, start, end);
    if (!this.inFlight.release(id)) return false;
    this.write(acknowledgement(PACKET.pubrel, id));
    return true;
  }

  #onPublish(first: number, bytes: Buffer, start: number, end: number): boolean {
    const qos = (first >>> 1) & 3;
    if (qos === 3 || end - start < 2) return false;
    const topicEnd = start + 2 + bytes.readUInt16BE(start);
    let at = topicEnd + (qos > 0 ? 2 : 0);
    if (at > end) return false;
    if (this.settings.mqttVersion === 5) {
      const properties = readLength(bytes, at, end);
      if (!properties) return false;
      at = properties.after + properties.length;
      if (at > end) return false;
    }
    if (qos > 0) this.write(acknowledgement(qos === 1 ? PACKET.puback : PACKET.pubrec, bytes.readUInt16BE(topicEnd)));
    this.#host.onMessage(this, bytes.toString('utf8', start + 2, topicEnd), bytes, at, end);
    return true;
  }

  #onControl(kind: number, first: number, bytes: Buffer, start: number, end: number): boolean {
    const packet = parsePacket(this.settings.mqttVersion, first, bytes.subarray(start, end));
    if (!packet) return false;
    if (kind === PACKET.disconnect) {
      this.#fail(`mqtt.disconnect.${(packet as { reasonCode?: number }).reasonCode ?? 0}`);
      return true;
    }
    const awaited = this.#awaited;
    if (awaited?.what !== packet.cmd) return false;
    this.#awaited = undefined;
    if (packet.cmd === 'connack' && (packet.reasonCode ?? packet.returnCode) === 0) {
      this.#connected = true;
      this.#receiveMaximum = packet.properties?.receiveMaximum ?? 65_535;
    }
    awaited.resolve(packet);
    return true;
  }

  #await(what: Awaited['what'], deadlineUs: number): Promise<Packet> {
    return new Promise((resolve, reject) => (this.#awaited = { what, deadlineUs, resolve, reject }));
  }

  #request(what: 'suback' | 'unsuback', packet: Buffer): Promise<Packet> {
    if (!this.#connected) return Promise.reject(new ClientFailure('not-connected'));
    const answer = this.#await(what, this.#host.now() + CONTROL_TIMEOUT_US);
    this.write(packet);
    return answer;
  }

  /** The connection is of no more use, for that reason. */
  #fail(kind: string): void {
    const awaited = this.#awaited;
    const wasConnected = this.#connected;
    this.#awaited = undefined;
    this.#close();
    awaited?.reject(new ClientFailure(kind));
    if (wasConnected) this.#host.onClosed(this, kind);
  }

  #close(): void {
    const open = this.#open;
    if (!open) return;
    this.#forget(open);
    open.stream.destroy();
    open.socket.destroy();
    this.#ended();
  }

  /** From now on whatever the stream has to say is nobody's business; its listeners see that and stay. */
  #forget({ stream }: OpenStream): void {
    this.#open = undefined;
    stream.resume(); // or an unread end would keep it open
  }

  #ended(): void {
    this.#connected = false;
    this.#reader = undefined;
    this.#wantsRoom = false;
    this.#pingSentUs = 0;
    const awaited = this.#awaited;
    this.#awaited = undefined;
    awaited?.reject(new ClientFailure('abandoned'));
    if (this.inFlight.size > 0) this.#host.onUnacknowledged(this, this.inFlight.clear());
  }
}

function connectPacket({ clientId, mqttVersion, cleanSession, sessionExpiryS, keepAliveS, will }: ClientSettings): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: mqttVersion,
    clientId,
    clean: cleanSession,
    keepalive: keepAliveS,
    ...(will && { will }),
    ...(mqttVersion === 5 && { properties: { sessionExpiryInterval: sessionExpiryS } }),
  });
}

/** A variable byte integer; undefined when it does not end. */
function readLength(bytes: Buffer, offset: number, end: number): { readonly length: number; readonly after: number } | undefined {
  let length = 0;
  for (let i = 0; i < 4 && offset + i < end; i++) {
    const byte = bytes[offset + i]!;
    length |= (byte & 127) << (7 * i);
    if (byte < 128) return { length, after: offset + i + 1 };
  }
  return undefined;
}
