/** For test/load-parity.test.ts: the load client and MQTT.js behind one small face, so that the same is asked of both. */
import { createSecureContext, type TLSSocket } from 'node:tls';
import { connect as connectMqttJs, type IClientOptions, type MqttClient } from 'mqtt';
import type { MintedIdentity } from '../certs/mod.ts';
import { LoadClient } from '../gateway/load/client/client.ts';
import { textTemplate } from '../gateway/load/publish-template.ts';
import type { Broker, Qos } from '../gateway/load/scenario.ts';

/** How to connect, and as whom. */
export interface Way {
  readonly broker: Broker;
  readonly mqttVersion: 4 | 5;
  readonly clientId: string;
  readonly cleanSession?: boolean;
  readonly will?: { readonly topic: string; readonly payload: string; readonly qos: Qos; readonly retain: boolean };
  readonly authorityPem?: string;
  readonly identity?: MintedIdentity;
  readonly verify?: boolean;
  /** TLS session to resume. */
  readonly session?: Buffer;
}

export interface Heard {
  readonly topic: string;
  readonly payload: string;
}

export interface ParityClient {
  /** Also again after a cut. Rejects with an Error whose `code` or `kind` says why. */
  connect(): Promise<{ readonly sessionPresent: boolean }>;
  subscribe(filter: string, qos: Qos): Promise<void>;
  unsubscribe(filter: string): Promise<void>;
  /** Resolves once the broker has acknowledged it, with QoS 0 once it is written. */
  publish(topic: string, payload: string, qos?: Qos, retain?: boolean): Promise<void>;
  /** All that came, in order. */
  readonly heard: readonly Heard[];
  /** The newest TLS session, if one came. */
  readonly tlsSession: () => Buffer | undefined;
  readonly socket: () => TLSSocket;
  /** Whether the connection ended and it was not us. */
  readonly wasClosed: () => boolean;
  /** Whether it has noticed that there is no connection. */
  readonly isAway: () => boolean;
  disconnect(): void;
  cut(): void;
}

const SESSION_EXPIRY_S = 60;
const WINDOW = 1000;

export function leanClient({ broker, mqttVersion, clientId, cleanSession = true, will, authorityPem, identity, verify = true, session }: Way): ParityClient {
  const heard: Heard[] = [];
  const answers = new Map<number, (isAcknowledged: boolean) => void>();
  let waitingForRoom: (() => void)[] = [];
  let tickets = 0;
  let wasClosed = false;
  let tlsSession: Buffer | undefined;
  const now = (): number => 1_000_000 + performance.now() * 1000;
  const client = new LoadClient(
    0,
    { clientId, mqttVersion, cleanSession, sessionExpiryS: cleanSession ? 0 : SESSION_EXPIRY_S, keepAliveS: 60, ...(will && { will: { ...will, payload: Buffer.from(will.payload) } }) },
    {
      now,
      onAcknowledged: (_, __, ticket) => answers.get(ticket)?.(true),
      onUnacknowledged: (_, failed) => failed.forEach((ticket) => answers.get(ticket)?.(false)),
      onClosed: () => (wasClosed = true),
      onMessage: (_, topic, bytes, start, end) => heard.push({ topic, payload: bytes.toString('utf8', start, end) }),
      onRoom: () => {
        const waiting = waitingForRoom;
        waitingForRoom = [];
        for (const go of waiting) go();
      },
      onSession: (_, fresh) => (tlsSession = fresh),
    },
  );
  const isTls = broker.transport === 'tls' || broker.transport === 'wss';
  const context = isTls ? createSecureContext({ ...(authorityPem && { ca: authorityPem }), ...(identity && { cert: identity.certificatePem, key: identity.keyPem }) }) : undefined;
  return {
    connect: () => client.connect({ broker, context, verify, session, keepsSession: true, localAddress: undefined, timeoutMs: 10_000 }),
    subscribe: (filter, qos) => client.subscribe([filter], qos),
    unsubscribe: (filter) => client.unsubscribe([filter]),
    publish: async (topic, payload, qos = 0, retain = false) => {
      while (client.connected && client.roomFor(qos, WINDOW) === 0) await new Promise<void>((resolve) => waitingForRoom.push(resolve));
      const template = textTemplate({ topic, qos, retain, mqttVersion }, Buffer.byteLength(payload), () => payload);
      const ticket = ++tickets;
      const bytes = Buffer.alloc(template.bytes);
      template.write(bytes, 0, qos === 0 ? 0 : client.inFlight.add(now(), ticket), 0, 0);
      await new Promise<void>((resolve, reject) => {
        const answer = (isGood: boolean): void => (isGood ? resolve() : reject(new Error('not acknowledged')));
        if (qos > 0) answers.set(ticket, answer);
        client.write(bytes, qos > 0 ? undefined : (failed) => answer(!failed));
      });
    },
    heard,
    tlsSession: () => tlsSession,
    socket: () => client.socket!,
    wasClosed: () => wasClosed,
    isAway: () => !client.connected,
    disconnect: () => client.disconnect(),
    cut: () => client.cut(),
  };
}

export function mqttJsClient({ broker, mqttVersion, clientId, cleanSession = true, will, authorityPem, identity, verify = true, session }: Way): ParityClient {
  const heard: Heard[] = [];
  let client: MqttClient | undefined;
  let state: 'open' | 'closing' | 'closed by the broker' = 'open';
  let tlsSession: Buffer | undefined;
  const protocol = ({ tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' } as const)[broker.transport];
  const isTls = broker.transport === 'tls' || broker.transport === 'wss';
  const tls = { ...(authorityPem && { ca: authorityPem }), ...(identity && { cert: identity.certificatePem, key: identity.keyPem }), rejectUnauthorized: verify, ...(session && { session }) };
  const options: IClientOptions = {
    ...(isTls && tls), // it takes TLS wherever it has a key
    protocol,
    clientId,
    host: broker.host,
    port: broker.port,
    path: broker.path,
    protocolVersion: mqttVersion,
    clean: cleanSession,
    keepalive: 60,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
    manualConnect: true,
    ...(will && { will: { ...will, payload: Buffer.from(will.payload) } }),
    ...(mqttVersion === 5 && { properties: { sessionExpiryInterval: cleanSession ? 0 : SESSION_EXPIRY_S } }),
  };
  return {
    connect: () => {
      const before = client;
      const own = (client ??= connectMqttJs(options));
      state = 'open';
      if (before) own.reconnect({ incomingStore: own.incomingStore, outgoingStore: own.outgoingStore });
      else {
        own.on('error', () => undefined);
        own.on('message', (topic, payload) => heard.push({ topic, payload: payload.toString() }));
        own.on('close', () => (state = state === 'open' ? 'closed by the broker' : state));
        own.connect();
      }
      own.stream.on('session', (fresh: Buffer) => (tlsSession = fresh));
      return new Promise((resolve, reject) => {
        own.once('connect', resolve);
        own.once('error', reject);
        own.once('close', () => reject(new Error('closed')));
      });
    },
    subscribe: async (filter, qos) => {
      await client!.subscribeAsync(filter, { qos });
    },
    unsubscribe: async (filter) => {
      await client!.unsubscribeAsync(filter);
    },
    publish: async (topic, payload, qos = 0, retain = false) => {
      await client!.publishAsync(topic, payload, { qos, retain });
    },
    heard,
    tlsSession: () => tlsSession,
    socket: () => client!.stream as TLSSocket,
    wasClosed: () => state === 'closed by the broker',
    isAway: () => client?.connected !== true,
    disconnect: () => {
      state = 'closing';
      client?.end();
    },
    cut: () => {
      state = 'closing';
      client?.stream.destroy();
    },
  };
}
