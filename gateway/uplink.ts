/**
 * A gateway's way to the broker: MQTT 3.1.1 over mutual TLS, QoS 1, a window of publishes in flight, and after any loss
 * of the connection another one, later each time (backoff.ts). Sends the spool's batches oldest first and tells the
 * spool what was acknowledged. A new connection begins again with the oldest batch not acknowledged.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { backoffMs, type BackoffLimits } from './backoff.ts';
import { connectToBroker } from './broker-connection.ts';
import { brokenRule } from './broker-manners.ts';
import { askForCertificate } from './certificate-exchange.ts';
import { GatewayError } from './errors.ts';
import type { Credentials } from './identity-store.ts';
import type { Spool } from './spool.ts';
import type { SpooledBatch } from './spool-format.ts';
import type { Target } from './target.ts';

/** Publishes not yet acknowledged on one connection. */
const WINDOW = 16;
const KEEP_ALIVE_S = 30;
const GOODBYE_MS = 1_000;

export interface UplinkOptions {
  readonly target: Target;
  readonly projectId: string;
  readonly gatewayId: string;
  /** What to identify with, asked at each connection. */
  readonly credentials: () => Credentials;
  readonly spool: Spool;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onAcknowledged: (batch: SpooledBatch, latencyMs: number) => void;
  /** Called with each change: connected, or not and why. */
  readonly onState: (connected: boolean, reason: string) => void;
  /** Called with what the broker says of how far its store has come. */
  readonly onCheckpoint?: (payload: Uint8Array) => void;
  /** Called with what each connection was made with. */
  readonly onIdentified?: (used: Credentials) => void;
}

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #prefix: string;
  readonly #sent = new Set<SpooledBatch>();
  #client: MqttClient | undefined;
  #connected = false;
  #attempt = 0;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;
  #reason = '';
  #isHurried = false;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#prefix = `thrum/${options.projectId}/${options.gatewayId}/`;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Begins to connect; from then on it keeps trying until `stop`. GATEWAY_IDENTITY when certificate or key are none. */
  start(): void {
    try {
      this.#connect();
    } catch (cause) {
      const what = `certificate, key or authority of gateway ${this.#options.gatewayId} cannot be used`;
      throw new GatewayError('GATEWAY_IDENTITY', `${what}: ${(cause as Error).message}`, { cause });
    }
  }

  /** Says that the spool has something new. */
  pump(): void {
    const client = this.#client;
    if (!client || !this.#connected) return;
    while (!this.#stopped && this.#sent.size < WINDOW) {
      const batch = this.#options.spool.pending.find((one) => !this.#sent.has(one));
      if (!batch) return;
      this.#publish(client, batch);
    }
  }

  /** Says goodbye and closes the connection; gives what is in flight a second to be acknowledged. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    const client = this.#client;
    if (!client) return;
    for (let waitedMs = 0; this.#connected && this.#sent.size > 0 && waitedMs < GOODBYE_MS; waitedMs += 20) await delay(20);
    const polite = this.#connected && this.#sent.size === 0;
    if (polite) client.publish(`${this.#prefix}status`, 'offline', { qos: 0, retain: true });
    const impatience = setTimeout(() => client.stream.destroy(), GOODBYE_MS); // a broker need not answer a goodbye
    await client.endAsync(!polite);
    clearTimeout(impatience);
  }

  /** Asks the broker for a new certificate (docs/provisioning.md). GATEWAY_REFUSED, GATEWAY_NO_ANSWER. */
  async ask(requestPem: string): Promise<string> {
    const client = this.#client;
    if (!client || !this.#connected) throw new GatewayError('GATEWAY_NO_ANSWER', 'no certificate came: there is no connection');
    return askForCertificate(client, `${this.#prefix}cert`, requestPem);
  }

  /** Ends this connection and makes the next at once. What is in flight is sent again. */
  reconnect(): void {
    this.#attempt = 0;
    this.#isHurried = true;
    this.#client?.end(true);
  }

  #publish(client: MqttClient, batch: SpooledBatch): void {
    this.#sent.add(batch);
    const sentAt = performance.now();
    client.publish(`${this.#prefix}${batch.channel}`, batch.frame, { qos: 1 }, (error) => {
      // An answer to an earlier connection's publish, or this one is ending and its close event follows: in both cases
      // the batch is sent again. It stays in #sent until then, or `pump` would offer it to the dying client for ever.
      if (error || client !== this.#client) return;
      this.#sent.delete(batch);
      this.#attempt = 0;
      this.#options.spool.acknowledge(batch);
      this.#options.onAcknowledged(batch, performance.now() - sentAt);
      this.pump();
    });
  }

  #connect(): void {
    const { target, gatewayId, now } = this.#options;
    const used = this.#options.credentials();
    const will = { topic: `${this.#prefix}status`, payload: Buffer.from('offline'), qos: 0, retain: true } as const;
    const client = connectToBroker({ target, credentials: used, now, mqtt: { clientId: gatewayId, keepalive: KEEP_ALIVE_S, will } });
    this.#client = client;
    this.#sent.clear();
    client.on('connect', () => {
      this.#connected = true;
      client.publish(`${this.#prefix}status`, 'online', { qos: 0, retain: true });
      // Best effort: a broker that has no such topic refuses, and that is all.
      if (this.#options.onCheckpoint) client.subscribe(`${this.#prefix}checkpoint`, { qos: 0 }, () => undefined);
      this.#options.onState(true, '');
      this.#options.onIdentified?.(used);
      this.pump();
    });
    client.on('message', (topic, payload) => {
      if (topic === `${this.#prefix}checkpoint`) this.#options.onCheckpoint?.(payload);
    });
    client.on('packetreceive', (packet) => {
      const rule = brokenRule(packet, this.#connected ? 'connected' : 'connecting');
      if (rule === undefined) return;
      this.#reason ||= `the broker sent ${rule}`;
      client.stream.destroy();
    });
    client.on('error', (error) => {
      this.#reason ||= error.message || ((error as NodeJS.ErrnoException).code ?? ''); // AggregateError has no message
      client.end(true);
    });
    client.on('close', () => this.#lost(client));
  }

  #lost(client: MqttClient): void {
    if (client !== this.#client) return;
    const wasConnected = this.#connected;
    this.#connected = false;
    this.#client = undefined;
    this.#sent.clear();
    client.removeAllListeners();
    client.on('error', () => undefined); // whatever else the dead connection has to say
    client.end(true);
    const reason = this.#stopped ? 'stopped' : this.#reason || 'the connection was closed';
    if (wasConnected || this.#attempt === 0) this.#options.onState(false, reason);
    this.#reason = '';
    if (this.#stopped) return;
    const waitMs = this.#isHurried ? 0 : backoffMs(this.#attempt, this.#options.backoff, this.#options.random);
    this.#isHurried = false;
    this.#retry = setTimeout(() => this.#connect(), waitMs);
    this.#attempt += 1;
  }
}
