/**
 * Who may say what: the rules by which a client is let in and a packet is taken. Identity is the certificate; a gateway
 * has its own prefix `thrum/<project>/<gateway>/` and nothing else; an operator listens. Everything else is refused.
 */
import { FrameError, MAX_FRAME_BYTES, readBatchHeader, type BatchHeader } from '../frame/mod.ts';
import type { ClaimIdentity, PeerIdentity } from '../certs/mod.ts';
import { AdmissionError } from './errors.ts';
import type { Channel } from './store/group.ts';

/** Payload of a status message: `online` or `offline`, room for more words later. */
const MAX_STATUS_BYTES = 1024;
/** A certificate signing request: one with an RSA key of 4096 bits has under 2 KiB. */
const MAX_REQUEST_BYTES = 8 * 1024;

/** A client that showed a certificate of ours. Of a claim's it is known only at CONNECT which gateway it wants to be. */
export type Peer =
  | { readonly role: 'claim'; readonly projectId: string; readonly claimId: string; gatewayId?: string }
  | { readonly role: 'gateway'; readonly projectId: string; readonly gatewayId: string }
  | { readonly role: 'operator'; readonly name: string };

/** What a publish is, once it is admitted. */
type Admitted =
  | { readonly kind: 'stored'; readonly channel: Channel; readonly batch: BatchHeader }
  | { readonly kind: 'status' }
  /** A request for a certificate, PEM. */
  | { readonly kind: 'request' };

interface PublishLike {
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly payload: Buffer;
}

/** The peer named by a certificate; ADMISSION_NO_IDENTITY for servers, authorities and strangers. */
export function peerOf(identity: PeerIdentity | ClaimIdentity | undefined): Peer {
  if (identity?.role === 'claim') return { ...identity };
  if (identity?.role === 'gateway' && identity.projectId !== undefined && identity.gatewayId !== undefined) {
    return { role: 'gateway', projectId: identity.projectId, gatewayId: identity.gatewayId };
  }
  if (identity?.role === 'operator' && identity.name !== undefined) return { role: 'operator', name: identity.name };
  throw new AdmissionError('ADMISSION_NO_IDENTITY', 'the certificate names neither a gateway nor an operator nor a claim');
}

/**
 * A gateway's client id is its gateway id; an operator's begins with `operator-`, so it can never take a gateway's place.
 * Who has a claim calls itself what it wants to become, and is told apart by {@link claimClientId}.
 */
export function checkClientId(peer: Peer, clientId: string): void {
  const fits =
    peer.role === 'gateway' ? clientId === peer.gatewayId
    : peer.role === 'claim' ? /^[0-9a-f]{16}$/.test(peer.gatewayId ?? '')
    : /^operator-[\x21-\x7e]{1,50}$/.test(clientId);
  if (!fits) throw new AdmissionError('ADMISSION_CLIENT_ID', 'the client id is not the certificate’s', 2);
}

/** What the broker itself calls a client with a claim: never what a gateway is called, whose place it must not take. */
export function claimClientId(claimId: string, gatewayId: string): string {
  return `claim ${claimId} ${gatewayId}`;
}

export function prefixOf(projectId: string, gatewayId: string): string {
  return `thrum/${projectId}/${gatewayId}/`;
}

/** Decides on a publish; throws an AdmissionError, on which the connection is closed. */
export function admitPublish(peer: Peer, packet: PublishLike): Admitted {
  if (peer.role === 'operator') throw new AdmissionError('ADMISSION_TOPIC', 'an operator may only listen');
  if (peer.role === 'claim') return admitClaim(peer, packet);
  const prefix = prefixOf(peer.projectId, peer.gatewayId);
  const channel = packet.topic.startsWith(prefix) ? packet.topic.slice(prefix.length) : '';
  switch (channel) {
    case 'data':
    case 'event':
      return { kind: 'stored', channel, batch: checkBatch(peer.gatewayId, packet) };
    case 'status':
      checkStatus(packet);
      return { kind: 'status' };
    case 'cert/request':
      checkRequest(packet);
      return { kind: 'request' };
    default:
      throw new AdmissionError('ADMISSION_TOPIC', 'the topic is not one of the gateway’s own');
  }
}

function admitClaim({ projectId, gatewayId }: Peer & { role: 'claim' }, packet: PublishLike): Admitted {
  if (packet.topic !== `${prefixOf(projectId, gatewayId!)}claim/request`) throw new AdmissionError('ADMISSION_TOPIC', 'who has a claim may only ask for a certificate');
  checkRequest(packet);
  return { kind: 'request' };
}

/** A will may only say the gateway's own status. */
export function admitWill(peer: Peer, topic: string, payloadBytes: number): void {
  const fits = peer.role === 'gateway' && topic === `${prefixOf(peer.projectId, peer.gatewayId)}status`;
  if (!fits) throw new AdmissionError('ADMISSION_TOPIC', 'a last will may only be the gateway’s own status');
  if (payloadBytes > MAX_STATUS_BYTES) throw new AdmissionError('ADMISSION_SIZE', 'the last will is too long');
}

/** A gateway may listen to its own commands, checkpoints and certificates, who has a claim to the answer, an operator to everything under `thrum/`. */
export function maySubscribe(peer: Peer, filter: string): boolean {
  if (peer.role === 'operator') return filter.startsWith('thrum/');
  const prefix = prefixOf(peer.projectId, peer.gatewayId!);
  const own = peer.role === 'gateway' ? ['cmd', 'checkpoint', 'cert/issued', 'cert/refused'] : ['claim/issued', 'claim/refused'];
  return own.some((channel) => filter === prefix + channel);
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

function checkRequest(packet: PublishLike): void {
  if (packet.qos === 0 || packet.retain) throw new AdmissionError('ADMISSION_QOS', 'a request for a certificate needs QoS 1 or 2 and is not retained');
  if (packet.payload.length > MAX_REQUEST_BYTES) throw new AdmissionError('ADMISSION_SIZE', 'the request for a certificate is too long');
}

function checkStatus(packet: PublishLike): void {
  // A PUBACK means stored, and status is only remembered: so it is taken without one.
  if (packet.qos !== 0) throw new AdmissionError('ADMISSION_QOS', 'status is published with QoS 0');
  if (packet.payload.length > MAX_STATUS_BYTES) throw new AdmissionError('ADMISSION_SIZE', 'the status is too long');
}
