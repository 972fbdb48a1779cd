/**
 * The broker: Aedes behind a TLS listener that demands a client certificate. Every client passes admission; every
 * measurement passes the sink before its PUBACK. Who is revoked is cut off within two seconds of the list that says so.
 * Shutdown stores what was taken, then closes.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { distrustOf, type CertificateName, type RevocationLists } from '../certs/mod.ts';
import { clientEvent, type ClientEventDetails, type ClientEventName } from './audit/client-events.ts';
import type { AuditSink } from './audit/event.ts';
import type { CertificateIssuer } from './certificate-desk.ts';
import { tellCheckpoints, type CheckpointIntervals } from './checkpoints.ts';
import { connectionOf, type Connection } from './connection.ts';
import { AdmissionError } from './errors.ts';
import { BROKER_LIMITS } from './limits.ts';
import { createListener, useLists } from './listener.ts';
import { createAedes, type PublishTarget } from './mqtt-service.ts';
import { PacketGate } from './packet-gate.ts';
import { RevocationWatch, type RevocationSource } from './revocation-watch.ts';

export interface BrokerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Certificate of the authority whose clients are let in. */
  readonly authorityPem: string;
  /** Where the revocation lists come from; without it nobody is revoked. */
  readonly revocations?: RevocationSource;
  readonly target: PublishTarget;
  /** Signs requests for certificates that come over MQTT; without it all are refused. */
  readonly issuer?: CertificateIssuer;
  readonly now: () => number;
  /** How often gateways are told where the store stands; without it once a minute, and after a seal. */
  readonly checkpoints?: CheckpointIntervals;
  readonly onRefused?: (error: Error, clientId: string | undefined) => void;
  /** Told of clients that are let in, refused, or cut off. */
  readonly audit?: AuditSink;
}

export interface Broker {
  readonly port: number;
  /** Connected clients. */
  readonly connections: () => number;
  /** Closes the clients of one project, for example because its key was disabled. */
  disconnectProject(projectId: string): void;
  /** To be called with each segment that is sealed: the project's gateways are told. */
  tellSealed(projectId: string): void;
  /** Takes no more, cuts the clients, closes the port. What the target took is the target's to finish. */
  close(): Promise<void>;
}

/**
 * Starts a broker and resolves once it listens. Rejects with the system's error when the port is taken, and with
 * CERTS_BAD_CRL when the revocation lists cannot be believed.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const connections = new Map<PacketGate, Connection>();
  const known = new WeakMap<PacketGate, Connection>(); // also those that are over, whose last packets are still looked at
  const refused = (error: Error): void => options.onRefused?.(error, undefined);
  const turnedAway = (name: ClientEventName, details: ClientEventDetails & { readonly error: Error }): void => {
    refused(details.error);
    options.audit?.(clientEvent(name, details));
  };
  const listening = { ...options, handshakeMs: BROKER_LIMITS.handshakeMs, connections: BROKER_LIMITS.connections };
  const watch = options.revocations && (await RevocationWatch.start({ source: options.revocations, onTaken: use, onTrouble: refused }));
  const server = createListener(listening, watch?.lists);
  const aedes = await createAedes(options, known);
  const sockets = new Set<Socket>(); // also those whose handshake is not done
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (error, { remoteAddress }) => turnedAway('Connect', { error, address: remoteAddress }));
  server.on('secureConnection', (socket: TLSSocket) => {
    const gate = new PacketGate(socket, {
      maxPacketBytes: BROKER_LIMITS.packetBytes,
      maxInFlight: BROKER_LIMITS.inFlightPerClient,
      maxInFlightBytes: BROKER_LIMITS.inFlightBytesPerClient,
    });
    gate.once('close', () => connections.delete(gate));
    gate.once('error', (error) => {
      if (error instanceof AdmissionError) turnedAway('Connect', { error, connection: known.get(gate), address: socket.remoteAddress });
    });
    let connection: Connection | undefined;
    try {
      connection = connectionOf(socket);
      // Again, as the handshake may have begun under an earlier list.
      if (watch?.lists) checkTrust(watch.lists, connection.name, options.now());
      checkValidity(connection, options.now());
      connections.set(gate, connection);
      known.set(gate, connection);
    } catch (error) {
      turnedAway('Connect', { error: error as Error, connection, address: socket.remoteAddress });
      gate.on('error', () => undefined);
      gate.destroy();
      return;
    }
    socket.setNoDelay(true);
    aedes.handle(gate);
  });

  /** Who comes from now on is held against these lists, and so is who is here. */
  function use(lists: RevocationLists): void {
    useLists(server, listening, lists);
    for (const [gate, connection] of connections) {
      if (distrustOf(lists, connection.name, 0) === undefined) continue; // who is here stays when a list is past its time
      turnedAway('CloseRevoked', { error: revoked(connection.name), connection });
      gate.destroy();
    }
  }

  try {
    await listen(server, options);
  } catch (error) {
    await watch?.close();
    await new Promise<void>((resolve) => aedes.close(resolve));
    throw error;
  }
  const telling = tellCheckpoints(aedes, () => connections.values(), options.target, options.checkpoints);
  server.on('error', refused); // a connection that could not be taken
  return {
    port: (server.address() as { port: number }).port,
    connections: () => aedes.connectedClients,
    disconnectProject: (projectId) => {
      for (const [gate, { peer }] of connections) if (peer.role !== 'operator' && peer.projectId === projectId) gate.destroy();
    },
    tellSealed: (projectId) => telling.sealed(projectId),
    close: async () => {
      telling.stop();
      await watch?.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const gate of connections.keys()) gate.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function listen(server: Server, { port, host }: BrokerOptions): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}

function checkTrust(lists: RevocationLists, name: CertificateName, nowMs: number): void {
  const distrust = distrustOf(lists, name, nowMs);
  if (distrust === 'revoked') throw revoked(name);
  if (distrust === 'list expired') throw new AdmissionError('ADMISSION_REVOKED', "the revocation list is past its time, so nobody is let in: 'thrum certs crl --publish' renews it");
}

/** OpenSSL asks for it in whole handshakes only: a session that is resumed would outlive its certificate. */
function checkValidity({ certificate, name }: Connection, nowMs: number): void {
  if (Date.parse(certificate.validTo) < nowMs) throw new AdmissionError('ADMISSION_EXPIRED', `certificate ${name.serial} has expired`);
}

function revoked({ serial }: CertificateName): AdmissionError {
  return new AdmissionError('ADMISSION_REVOKED', `certificate ${serial} is revoked`);
}
