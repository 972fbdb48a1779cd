/**
 * An MQTT client for load: a socket, a cutter of packets, and the publishes in flight; nothing else is kept, because there
 * are thousands. Promises: every step ends, with an answer or with a ClientFailure that says what kind; a broker that dies,
 * refuses or talks nonsense is a failure of that kind, never an exception elsewhere; what was sent is acknowledged, in
 * flight, or reported as failed when the connection ends.
 */
import type { TLSSocket } from 'node:tls';
import type { IConnackPacket, Packet } from 'mqtt-packet';
import type { Qos } from '../scenario.ts';
import { Answers, Awaited, Layers } from './awaited.ts';
import { connackCode, connectPacket, parsePacket, refusalIn, requestPacket, subscribePacket, unsubscribePacket } from './control-packets.ts';
import { ClientFailure, isEarlyClose, kindOfError } from './failure.ts';
import { CONTROL_ID, Flows } from './flows.ts';
import type { ClientHost, ClientSettings, ConnectOptions, ConnectTimes } from './host.ts';
import { InFlight, MOST_IN_FLIGHT } from './in-flight.ts';
import { KeepAlive } from './keep-alive.ts';
import { DISCONNECT, PACKET, PacketReader, PINGREQ } from './packets.ts';
import { openStream, pauseUntilDrained, type OpenStream } from './stream.ts';

export type { ClientHost, ClientSettings, ConnectOptions, ConnectTimes, Origin } from './host.ts';

/** Bytes that may wait for the network before no more are written. */
const MAX_BUFFERED_BYTES = 256 * 1024;
const CONTROL_TIMEOUT_US = 60_000_000;

export class LoadClient {
  readonly settings: ClientSettings;
  readonly inFlight = new InFlight();
  /** Number of the client within the run. */
  readonly number: number;
  readonly #host: ClientHost;
  readonly #flows: Flows;
  readonly #keepAlive = new KeepAlive();
  readonly #layers = new Layers();
  readonly #answers = new Answers();
  #open: OpenStream | undefined;
  #reader: PacketReader | undefined;
  #connected = false;
  /** From when `connect` has resolved: until then an end is its failure. */
  #stands = false;
  /** Why the connection ended before it stood. */
  #failure = 'abandoned';
  #wantsRoom = false;
  /** A slow consumer is not reading. */
  #isPaused = false;
  #receiveMaximum = 65_535;

  constructor(number: number, settings: ClientSettings, host: ClientHost) {
    this.number = number;
    this.settings = settings;
    this.#host = host;
    this.#flows = new Flows(this, host);
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
    this.#close();
    this.#layers.restart();
    this.#reader = new PacketReader();
    this.#stands = this.#isPaused = false;
    this.#failure = 'abandoned';
    const { sessionPresent } = (await this.#answers.expect(new Awaited('connack', 1, beganUs + options.timeoutMs * 1000), () => this.#begin(options))) as IConnackPacket;
    if (!this.#open) throw new ClientFailure(this.#failure);
    this.#stands = true;
    const { tcpUs, tlsUs, readyUs } = this.#layers;
    return { beganUs, tcpUs, tlsUs, readyUs, connackUs: now(), sessionPresent };
  }

  /** Rejects with `mqtt.suback.<code>` when the broker refuses one of the filters. */
  subscribe(filters: readonly string[], qos: Qos): Promise<void> {
    return this.#request('suback', filters.length, subscribePacket(this.settings.mqttVersion, CONTROL_ID, filters, qos));
  }

  /** Rejects with `mqtt.unsuback.<code>` when the broker refuses one of the filters, which only MQTT 5 can say. */
  unsubscribe(filters: readonly string[]): Promise<void> {
    return this.#request('unsuback', filters.length, unsubscribePacket(this.settings.mqttVersion, CONTROL_ID, filters));
  }

  /** Publishes what is no load, with QoS 1; whoever asks waits for a message, not for the acknowledgement. */
  request(topic: string, payload: Buffer): void {
    this.#flows.expectRequest();
    this.write(requestPacket(this.settings.mqttVersion, CONTROL_ID, topic, payload));
  }

  /** How many more publishes of that QoS may be written now; where it is 0, `onRoom` tells when there is room again. */
  roomFor(qos: Qos, window: number): number {
    if (!this.#connected) return 0;
    if (this.#open!.stream.writableLength > MAX_BUFFERED_BYTES) {
      this.#wantsRoom = true;
      return 0;
    }
    const room = qos === 0 ? Infinity : Math.min(window, this.#receiveMaximum, MOST_IN_FLIGHT) - this.inFlight.size;
    this.#wantsRoom = room <= 0;
    return this.#wantsRoom ? 0 : room;
  }

  /** Writes bytes of packets that are made; `written` hears once the system has taken them, or that it never will. */
  write(bytes: Buffer, written?: (failed: boolean) => void): void {
    if (!this.#open) return written?.(true);
    this.#keepAlive.onSent(this.#host.now());
    this.#open.stream.write(bytes, (error) => {
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
    this.#isPaused = reading === 'off';
    if (this.#isPaused) this.#open?.stream.pause();
    else this.#open?.stream.resume();
    this.#keepAlive.setPaused(this.#isPaused, this.#host.now());
  }

  /** Ends a step that is being waited for, with that kind. A connection that stands stays. */
  abandon(kind: string): void {
    if (this.#connected) this.#answers.abandon(kind);
    else if (this.#answers.current) this.#fail(kind);
  }

  /** Called now and then: keep-alive, and steps that take too long. */
  sweep(nowUs: number): void {
    const awaited = this.#answers.current;
    if (awaited && nowUs > awaited.deadlineUs) return this.#fail(`timeout.${awaited.stepOf(this.#layers)}`);
    if (!this.#connected) return;
    const due = this.#keepAlive.due(nowUs);
    if (due === 'dead') this.#fail('timeout.pingresp');
    else if (due === 'ping') this.write(PINGREQ);
  }

  #begin(options: ConnectOptions): void {
    try {
      this.#openAndListen(options);
    } catch (error) {
      this.#fail(kindOfError(error as NodeJS.ErrnoException));
    }
  }

  #openAndListen(options: ConnectOptions): void {
    const { now } = this.#host;
    const layers = this.#layers;
    const isTls = options.broker.transport === 'tls' || options.broker.transport === 'wss';
    const open = openStream(options, {
      onTcp: () => {
        layers.tcpUs = now();
        if (!isTls) layers.tlsUs = layers.tcpUs;
      },
      onTls: () => (layers.tlsUs = now()),
      onReady: () => {
        if (open !== this.#open) return;
        layers.readyUs = now();
        this.write(connectPacket(this.settings));
      },
    });
    this.#open = open;
    const onEnd = (): void => {
      const awaited = this.#answers.current;
      if (open === this.#open) this.#fail(awaited ? `closed.${awaited.stepOf(layers)}` : 'closed');
    };
    const onError = (error: NodeJS.ErrnoException): void => {
      if (isEarlyClose(error)) onEnd();
      else if (open === this.#open) this.#fail(kindOfError(error));
    };
    open.stream.on('data', (chunk: Buffer) => this.#read(open, chunk));
    open.stream.on('error', onError);
    if (open.stream !== open.socket) open.socket.on('error', onError);
    open.stream.on('end', onEnd); // also of one that would still be written to, perhaps for ever
    open.stream.on('close', onEnd);
    if (options.keepsSession) open.socket.on('session', (session: Buffer) => this.#host.onSession(this, session));
  }

  #read(open: OpenStream, chunk: Buffer): void {
    if (open !== this.#open) return;
    const understood = this.#reader!.read(chunk, (first, bytes, start, end) => {
      return open !== this.#open || this.#onPacket(first, bytes, start, end);
    });
    if (open !== this.#open) return;
    if (!understood) return this.#fail('mqtt.garbage');
    // A broker that does not read what it makes us answer is not read either.
    if (open.stream.writableLength > MAX_BUFFERED_BYTES) pauseUntilDrained(open.stream, () => !this.#isPaused);
    if (this.#wantsRoom && this.#connected) this.#host.onRoom(this);
  }

  #onPacket(first: number, bytes: Buffer, start: number, end: number): boolean {
    const kind = first >>> 4;
    if (!this.#connected && kind !== PACKET.connack) return false;
    switch (kind) {
      case PACKET.publish:
      case PACKET.puback:
      case PACKET.pubrec:
      case PACKET.pubrel:
      case PACKET.pubcomp:
        return this.#flows.take(first, bytes, start, end);
      case PACKET.pingresp:
        this.#keepAlive.onAnswer();
        return end === start;
      case PACKET.disconnect:
      case PACKET.connack:
      case PACKET.suback:
      case PACKET.unsuback:
        return this.#onControl(parsePacket(this.settings.mqttVersion, first, bytes.subarray(start, end)));
      default:
        return false;
    }
  }

  #onControl(packet: Packet | undefined): boolean {
    if (packet?.cmd === 'disconnect' && this.settings.mqttVersion === 5) {
      this.#fail(`mqtt.disconnect.${packet.reasonCode ?? 0}`);
      return true;
    }
    const awaited = this.#answers.current;
    if (!packet || awaited?.what !== packet.cmd) return false;
    const code = packet.cmd === 'connack' ? connackCode(packet) : refusalIn(packet, CONTROL_ID, awaited.filters);
    if (code === undefined) return false;
    awaited.settle(packet, code);
    if (packet.cmd === 'connack') {
      if (code === 0) this.#accept(packet);
      else this.#close();
    }
    this.#answers.next();
    return true;
  }

  #accept({ properties, sessionPresent }: IConnackPacket): void {
    this.#connected = true;
    this.#receiveMaximum = properties?.receiveMaximum ?? 65_535;
    this.#keepAlive.begin((properties?.serverKeepAlive ?? this.settings.keepAliveS) * 1e6);
    this.#flows.begin(sessionPresent);
  }

  async #request(what: 'suback' | 'unsuback', filters: number, packet: Buffer): Promise<void> {
    if (!this.#connected) throw new ClientFailure('not-connected');
    await this.#answers.expect(new Awaited(what, filters, this.#host.now() + CONTROL_TIMEOUT_US), () => this.write(packet));
  }

  /** The connection is of no more use, for that reason. */
  #fail(kind: string): void {
    const stood = this.#connected && this.#stands;
    this.#failure = kind;
    this.#answers.fail(kind);
    this.#close();
    if (stood) this.#host.onClosed(this, kind);
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
    this.#answers.fail('abandoned');
    if (this.inFlight.size > 0) this.#host.onUnacknowledged(this, this.inFlight.clear());
  }
}
