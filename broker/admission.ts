/**
 * Who may say what: the rules by which a client is let in and a packet is taken. Identity is the certificate; a gateway
 * has its own prefix `thrum/<project>/<gateway>/` and nothing else; an operator listens. Everything else is refused.
 */
import { FrameError, MAX_FRAME_BYTES, readBatchHeader, type BatchHeader } from '../frame/mod.ts';
import type { PeerIdentity } from '../certs/mod.ts';
import { AdmissionError } from './errors.ts';
import type { Channel } from './store/group.ts';

/** Payload of a status message: `online` or `offline`, room for more words later. */
const MAX_STATUS_BYTES = 1024;

/** A client that showed a certificate of ours. */
export type Peer =
  | { readonly role: 'gateway'; readonly projectId: string; readonly gatewayId: string }
  | { readonly role: 'operator'; readonly name: string };

/** What a publish is, once it is admitted. */
export type Admitted =
  | { readonly kind: 'stored'; readonly channel: Channel; readonly batch: BatchHeader }
  | { readonly kind: 'status' };

export interface PublishLike {
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly payload: Buffer;
}

/** The peer named by a certificate; ADMISSION_NO_IDENTITY for servers, authorities and strangers. */
export function peerOf(identity: PeerIdentity | undefined): Peer {
  if (identity?.role === 'gateway' && identity.projectId !== undefined && identity.gatewayId !== undefined) {
    return { role: 'gateway', projectId: identity.projectId, gatewayId: identity.gatewayId };
  }
  if (identity?.role === 'operator' && identity.name !== undefined) return { role: 'operator', name: identity.name };
  throw new AdmissionError('ADMISSION_NO_IDENTITY', 'the certificate names neither a gateway nor an operator');
}

/** A gateway's client id is its gateway id; an operator's begins with `operator-`, so it can never take a gateway's place. */
export function checkClientId(peer: Peer, clientId: string): void {
  const fits = peer.role === 'gateway' ? clientId === peer.gatewayId : /^operator-[\x21-\x7e]{1,50}$/.test(clientId);
  if (!fits) throw new AdmissionError('ADMISSION_CLIENT_ID', 'the client id is not the certificate’s', 2);
}

export function prefixOf(projectId: string, gatewayId: string): string {
  return `thrum/${projectId}/${gatewayId}/`;
}

/** Decides on a publish; throws an AdmissionError, on which the connection is closed. */
export function admitPublish(peer: Peer, packet: PublishLike): Admitted {
  if (peer.role !== 'gateway') throw new AdmissionError('ADMISSION_TOPIC', 'an operator may only listen');
  const prefix = prefixOf(peer.projectId, peer.gatewayId);
  const channel = packet.topic.startsWith(prefix) ? packet.topic.slice(prefix.length) : '';
  switch (channel) {
    case 'data':
    case 'event':
      return { kind: 'stored', channel, batch: checkBatch(peer.gatewayId, packet) };
    case 'status':
      checkStatus(packet);
      return { kind: 'status' };
    default:
      throw new AdmissionError('ADMISSION_TOPIC', 'the topic is not one of the gateway’s own');
  }
}

/** A will may only say the gateway's own status. */
export function admitWill(peer: Peer, topic: string, payloadBytes: number): void {
  const fits = peer.role === 'gateway' && topic === `${prefixOf(peer.projectId, peer.gatewayId)}status`;
  if (!fits) throw new AdmissionError('ADMISSION_TOPIC', 'a last will may only be the gateway’s own status');
  if (payloadBytes > MAX_STATUS_BYTES) throw new AdmissionError('ADMISSION_SIZE', 'the last will is too long');
}

/** A gateway may listen to its own commands, an operator to everything under `thrum/`. */
export function maySubscribe(peer: Peer, filter: string): boolean {
  if (peer.role === 'operator') return filter.startsWith('thrum/');
  return filter === `${prefixOf(peer.projectId, peer.gatewayId)}cmd`;
}

function checkBatch(gatewayId: string, packet: PublishLike): BatchHeader {
  if (packet.qos === 0) throw new AdmissionError('ADMISSION_QOS', 'measurements need QoS 1 or 2, else nobody would know they are lost');
  if (packet.retain) throw new AdmissionError('ADMISSION_QOS', 'measurements are not retained');
  if (packet.payload.length > MAX_FRAME_BYTES) throw new AdmissionError('ADMISSION_SIZE', 'the payload is longer than a frame can be');
  let batch: BatchHeader;
  try {
    batch = readBatchHeader(packet.payload);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    throw new AdmissionError('ADMISSION_PAYLOAD', `the payload is not a batch frame: ${error.message} (${error.code})`);
  }
  if (batch.gatewayId !== gatewayId) throw new AdmissionError('ADMISSION_PAYLOAD', 'the batch is another gateway’s');
  return batch;
}

function checkStatus(packet: PublishLike): void {
  // A PUBACK means stored, and status is only remembered: so it is taken without one.
  if (packet.qos !== 0) throw new AdmissionError('ADMISSION_QOS', 'status is published with QoS 0');
  if (packet.payload.length > MAX_STATUS_BYTES) throw new AdmissionError('ADMISSION_SIZE', 'the status is too long');
}
