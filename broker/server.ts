/**
 * The broker: Aedes behind a TLS listener that demands a client certificate. Every client passes admission; every
 * measurement passes the sink before its PUBACK. Shutdown stores what was taken, then closes.
 */
import { once, type EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import { peerIdentity } from '../certs/mod.ts';
import { MAX_FRAME_BYTES } from '../frame/mod.ts';
import { admitPublish, admitWill, checkClientId, maySubscribe, peerOf, type Peer } from './admission.ts';
import { AdmissionError } from './errors.ts';
import { PacketGate } from './packet-gate.ts';
import type { Arrival, Done } from './store/project-log.ts';

/** Limits of one broker. All are answers, not crashes: past them a client is held back or refused. */
export const BROKER_LIMITS = {
  connections: 20_000,
  handshakeMs: 10_000,
  connectMs: 10_000,
  /** How long a client may leave what it is sent unread. */
  drainMs: 10_000,
  inFlightPerClient: 256,
  inFlightBytesPerClient: 2 * 2 ** 20,
  packetBytes: MAX_FRAME_BYTES + 1024,
  topicLevels: 8,
} as const;

/** Where admitted publishes go: the sink, or for measuring the broker alone, something that only answers. */
export interface PublishTarget {
  admit(projectId: string): Promise<void>;
  publish(projectId: string, arrival: Arrival, done: Done): void;
}

export interface BrokerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Certificate of the authority whose clients are let in. */
  readonly authorityPem: string;
  readonly target: PublishTarget;
  readonly now: () => number;
  readonly onRefused?: (error: Error, clientId: string | undefined) => void;
}

export interface Broker {
  readonly port: number;
  /** Connected clients. */
  readonly connections: () => number;
  /** Closes the clients of one project, for example because its key was disabled. */
  disconnectProject(projectId: string): void;
  /** Takes no more, cuts the clients, closes the port. What the target took is the target's to finish. */
  close(): Promise<void>;
}

/** TLS 1.3, or 1.2 with forward secrecy and AEAD only (RFC 9325, section 4.2). */
const TLS_1_2_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
const TLS_1_3_CIPHERS = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** Starts a broker and resolves once it listens. Rejects with the system's error when the port is taken. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const peers = new WeakMap<PacketGate, Peer>();
  const server = createListener(options);
  const aedes = await createAedes(options, peers);
  const sockets = new Set<Socket>(); // also those whose handshake is not done
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const gates = new Set<PacketGate>();
  server.on('tlsClientError', (error) => options.onRefused?.(error, undefined));
  server.on('secureConnection', (socket: TLSSocket) => {
    const gate = new PacketGate(socket, {
      maxPacketBytes: BROKER_LIMITS.packetBytes,
      maxInFlight: BROKER_LIMITS.inFlightPerClient,
      maxInFlightBytes: BROKER_LIMITS.inFlightBytesPerClient,
    });
    gates.add(gate);
    gate.once('close', () => gates.delete(gate));
    gate.once('error', (error) => {
      if (error instanceof AdmissionError) options.onRefused?.(error, undefined);
    });
    try {
      peers.set(gate, peerOf(identityOf(socket)));
    } catch (error) {
      options.onRefused?.(error as Error, undefined);
      gate.on('error', () => undefined);
      gate.destroy();
      return;
    }
    socket.setNoDelay(true);
    aedes.handle(gate);
  });
  try {
    server.listen(options.port, options.host);
    await once(server, 'listening');
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(resolve));
    throw error;
  }
  server.on('error', (error: Error) => options.onRefused?.(error, undefined)); // a connection that could not be taken
  return {
    port: (server.address() as { port: number }).port,
    connections: () => aedes.connectedClients,
    disconnectProject: (projectId) => {
      for (const gate of gates) {
        const peer = peers.get(gate);
        if (peer?.role === 'gateway' && peer.projectId === projectId) gate.destroy();
      }
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const gate of gates) gate.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function createListener(options: BrokerOptions): Server {
  const server = createServer({
    cert: options.certificatePem,
    key: options.keyPem,
    ca: options.authorityPem,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ciphers: [...TLS_1_3_CIPHERS, ...TLS_1_2_CIPHERS].join(':'),
    honorCipherOrder: true,
    handshakeTimeout: BROKER_LIMITS.handshakeMs,
    ALPNProtocols: ['mqtt'],
  });
  server.maxConnections = BROKER_LIMITS.connections;
  return server;
}

function identityOf(socket: TLSSocket): ReturnType<typeof peerIdentity> {
  const certificate = socket.getPeerX509Certificate();
  return socket.authorized && certificate ? peerIdentity(certificate) : undefined;
}

async function createAedes(options: BrokerOptions, peers: WeakMap<PacketGate, Peer>): Promise<Aedes> {
  const peerOfClient = (client: Client): Peer => peers.get(client.conn as PacketGate)!;
  const aedes = await Aedes.createBroker({
    connectTimeout: BROKER_LIMITS.connectMs,
    drainTimeout: BROKER_LIMITS.drainMs,
    maxInflightInbound: BROKER_LIMITS.inFlightPerClient,
    maxTopicLevels: BROKER_LIMITS.topicLevels,
    preConnect: (client, packet, done) => {
      try {
        const peer = peerOfClient(client);
        if (packet.will) admitWill(peer, packet.will.topic, packet.will.payload.length);
        packet.clean = true; // a session ends with its connection: nothing is kept in memory for who may never return
        done(null, true);
      } catch (error) {
        done(error as Error, false);
      }
    },
    authenticate: (client, _user, _password, done) => {
      admitClient(peerOfClient(client), client.id, options.target).then(
        () => done(null, true),
        (error: unknown) => {
          options.onRefused?.(error as Error, client.id);
          const returnCode = error instanceof AdmissionError ? error.returnCode : 3;
          done(Object.assign(new Error((error as Error).message), { returnCode }), false);
        },
      );
    },
    authorizePublish: (client, packet, done) => authorize(client, packet, done),
    // To listen is best effort: who does not keep up misses messages, instead of holding up those who send.
    authorizeForward: (client, packet) => ((client.conn as PacketGate).writableNeedDrain ? null : packet),
    authorizeSubscribe: (client, subscription, done) => {
      done(null, maySubscribe(peerOfClient(client), subscription.topic) ? subscription : null);
    },
  });

  function authorize(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    if (!client) return done(); // the will of a client long gone, admitted when it connected
    if ((packet as { cmd?: string }).cmd !== 'publish') return done(); // a will, admitted at CONNECT
    const gate = client.conn as PacketGate;
    const finish: Done = (error) => {
      gate.answered();
      if (error) options.onRefused?.(error, client.id);
      done(error);
    };
    try {
      const payload = packet.payload as Buffer;
      const peer = peerOfClient(client);
      const admitted = admitPublish(peer, { topic: packet.topic, qos: packet.qos, retain: packet.retain, payload });
      if (admitted.kind === 'status' || peer.role !== 'gateway') return finish();
      options.target.publish(
        peer.projectId,
        { channel: admitted.channel, batch: admitted.batch, payload, receivedMs: options.now() },
        finish,
      );
    } catch (error) {
      finish(error as Error);
    }
  }

  (aedes as EventEmitter).on('error', (error: Error) => options.onRefused?.(error, undefined));
  aedes.on('connectionError', (client, error) => options.onRefused?.(error, (client as Client | null)?.id ?? undefined));
  return aedes;
}

async function admitClient(peer: Peer, clientId: string, target: PublishTarget): Promise<void> {
  checkClientId(peer, clientId);
  if (peer.role === 'gateway') await target.admit(peer.projectId);
}
