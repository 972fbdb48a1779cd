/**
 * Aedes with our rules in its hooks: every client and every packet passes admission, and what is measured passes the
 * target before its PUBACK.
 */
import type { EventEmitter } from 'node:events';
import type { Aedes, Client, PublishPacket } from 'aedes';
import { admitPublish, admitWill, checkClientId, claimClientId, maySubscribe, prefixOf, type Peer } from './admission.ts';
import { clientEvent } from './audit/client-events.ts';
import type { AuditSink } from './audit/event.ts';
import { CertificateDesk, CLAIM_REQUESTS_PER_MINUTE, type Answer, type CertificateIssuer } from './certificate-desk.ts';
import type { Connection } from './connection.ts';
import { AdmissionError } from './errors.ts';
import { BROKER_LIMITS } from './limits.ts';
import type { PacketGate } from './packet-gate.ts';
import type { GatewayConnection } from './store/group.ts';
import type { Arrival, Done } from './store/arrival.ts';
import type { LogCheckpoint } from './store/witness.ts';

/** Where admitted publishes go: the sink, or for measuring the broker alone, something that only answers. */
export interface PublishTarget {
  admit(projectId: string): Promise<void>;
  publish(projectId: string, arrival: Arrival, done: Done): void;
  /** Told of gateways that come and go; returns at once. */
  noteConnection?(projectId: string, connection: GatewayConnection, atMs: number): void;
  /** Where a project's log stands on disk, so that its gateways can be told. */
  checkpoint?(projectId: string): LogCheckpoint | undefined;
}

interface ServiceOptions {
  readonly target: PublishTarget;
  /** Signs requests for certificates that come over MQTT; without it all are refused. */
  readonly issuer?: CertificateIssuer;
  readonly now: () => number;
  readonly onRefused?: (error: Error, clientId: string | undefined) => void;
  /** Told of clients that are let in, refused, or cut off. */
  readonly audit?: AuditSink;
}

/** `connections` says who is behind each gate. */
export async function createAedes(options: ServiceOptions, connections: WeakMap<PacketGate, Connection>): Promise<Aedes> {
  const connectionOfClient = (client: Client): Connection => connections.get(client.conn as PacketGate)!;
  const peerOfClient = (client: Client): Peer => connectionOfClient(client).peer;
  const desk = new CertificateDesk({ issuer: options.issuer, now: options.now, onTrouble: (error) => options.onRefused?.(error, undefined) });
  const { Aedes: Service } = await import('aedes'); // only where a broker runs: other commands need not wait for it
  const aedes = await Service.createBroker({
    connectTimeout: BROKER_LIMITS.connectMs,
    drainTimeout: BROKER_LIMITS.drainMs,
    maxInflightInbound: BROKER_LIMITS.inFlightPerClient,
    maxTopicLevels: BROKER_LIMITS.topicLevels,
    preConnect: (client, packet, done) => {
      try {
        const peer = peerOfClient(client);
        if (peer.role === 'claim') {
          peer.gatewayId = packet.clientId;
          packet.clientId = claimClientId(peer.claimId, packet.clientId);
        }
        if (packet.will) admitWill(peer, packet.will.topic, packet.will.payload.length);
        packet.clean = true; // a session ends with its connection: nothing is kept in memory for who may never return
        done(null, true);
      } catch (error) {
        options.audit?.(clientEvent('Admit', { connection: connectionOfClient(client), clientId: packet.clientId, error: error as Error }));
        done(error as Error, false);
      }
    },
    authenticate: (client, _user, _password, done) => {
      admitClient(peerOfClient(client), client.id, options.target).then(
        () => {
          options.audit?.(clientEvent('Admit', { connection: connectionOfClient(client), clientId: client.id }));
          done(null, true);
        },
        (error: unknown) => {
          options.onRefused?.(error as Error, client.id);
          options.audit?.(clientEvent('Admit', { connection: connectionOfClient(client), clientId: client.id, error: error as Error }));
          const returnCode = error instanceof AdmissionError ? error.returnCode : 3;
          done(Object.assign(new Error((error as Error).message), { returnCode }), false);
        },
      );
    },
    authorizePublish: (client, packet, done) => authorize(client, packet, done),
    // To listen is best effort: who does not keep up misses messages, instead of holding up those who send.
    authorizeForward: (client, packet) => ((client.conn as PacketGate).writableNeedDrain ? null : packet),
    authorizeSubscribe: (client, subscription, done) => {
      const peer = peerOfClient(client);
      if (maySubscribe(peer, subscription.topic)) return done(null, subscription);
      // To who has a claim nothing else is granted, not even to go on.
      if (peer.role === 'claim') return done(new AdmissionError('ADMISSION_TOPIC', 'who has a claim may only listen to the answer'));
      done(null, null);
    },
  });

  function authorize(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    if (!client) return done(); // the will of a client long gone, admitted when it connected
    if ((packet as { cmd?: string }).cmd !== 'publish') return done(); // a will, admitted at CONNECT
    const gate = client.conn as PacketGate;
    const finish: Done = (error) => {
      gate.answered();
      if (error) {
        options.onRefused?.(error, client.id);
        options.audit?.(clientEvent('Publish', { connection: connectionOfClient(client), clientId: client.id, error }));
      }
      done(error);
    };
    try {
      const payload = packet.payload as Buffer;
      const peer = peerOfClient(client);
      const admitted = admitPublish(peer, { topic: packet.topic, qos: packet.qos, retain: packet.retain, payload });
      if (admitted.kind === 'request') answer(client, payload.toString('latin1'));
      if (admitted.kind !== 'stored' || peer.role !== 'gateway') return finish();
      options.target.publish(
        peer.projectId,
        { channel: admitted.channel, batch: admitted.batch, payload, receivedMs: options.now() },
        finish,
      );
    } catch (error) {
      finish(error as Error);
    }
  }

  /** The PUBACK says that the request has come; the answer is a message of its own. */
  function answer(client: Client, requestPem: string): void {
    const { peer, certificate } = connectionOfClient(client);
    if (peer.role === 'operator') return;
    const { projectId, gatewayId = '' } = peer;
    const question = { projectId, gatewayId, requestPem, certificate };
    const answered = peer.role === 'gateway' ? desk.answer(question) : desk.answer({ ...question, claimId: peer.claimId }, CLAIM_REQUESTS_PER_MINUTE, peer.claimId);
    const channel = peer.role === 'gateway' ? 'cert' : 'claim';
    void answered.then((one: Answer) => {
      const topic = `${prefixOf(projectId, gatewayId)}${channel}/${one.kind}`;
      aedes.publish({ cmd: 'publish', topic, payload: Buffer.from(one.payload), qos: 1, retain: false, dup: false }, (error) => {
        if (error) options.onRefused?.(error, client.id);
      });
    });
  }

  /** The one connection that each gateway has, so that its coming and going alternate. */
  const here = new Map<string, Client>();
  const note = (client: Client, connected: boolean): void => {
    const { peer } = connectionOfClient(client);
    if (peer.role !== 'gateway') return;
    const { projectId, gatewayId } = peer;
    const name = `${projectId}/${gatewayId}`;
    const before = here.get(name);
    if (connected) here.set(name, client);
    else if (before === client) here.delete(name);
    if (connected ? before === undefined : before === client) options.target.noteConnection?.(projectId, { gatewayId, connected }, options.now());
  };
  aedes.on('clientReady', (client) => note(client, true));
  aedes.on('clientDisconnect', (client) => note(client, false));
  (aedes as EventEmitter).on('error', (error: Error) => options.onRefused?.(error, undefined));
  aedes.on('connectionError', (client, error) => options.onRefused?.(error, (client as Client | null)?.id ?? undefined));
  return aedes;
}

async function admitClient(peer: Peer, clientId: string, target: PublishTarget): Promise<void> {
  checkClientId(peer, clientId);
  if (peer.role !== 'operator') await target.admit(peer.projectId);
}
