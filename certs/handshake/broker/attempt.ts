/**
 * One attempt to get in: TCP, TLS, then MQTT CONNECT, and what came of it. In TLS 1.3 a client believes that it is connected
 * before the server has looked at its certificate; so an attempt has succeeded only when the CONNACK is there, or, without
 * MQTT behind, when nothing was said against it for a while.
 */
import { generate, parser, type IConnectPacket, type Packet } from 'mqtt-packet';
import { PeerStop } from '../errors.ts';
import type { Evidence } from '../model.ts';
import { openTls, type ClientSettings, type TlsClient } from '../wire/client.ts';
import { VERSION } from '../wire/names.ts';

export type Attempt =
  /** The broker said CONNACK. Code 0 is a welcome. */
  | { readonly end: 'connack'; readonly code: number; readonly client: TlsClient }
  /** TLS without MQTT: nothing was said against it. */
  | { readonly end: 'silence'; readonly client: TlsClient }
  /** The peer ended it, or there was nobody. */
  | { readonly end: 'stopped'; readonly during: 'connect' | 'handshake' | 'after-handshake'; readonly stop: PeerStop };

export interface AttemptTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * Without MQTT a server that is content says nothing. How long it has for an objection, at least, and as a multiple of what
 * the handshake took, for on a busy machine everything takes longer.
 */
const OBJECTION_MS = 400;
const OBJECTION_HANDSHAKES = 5;

export const CONNACK_NAMES: Readonly<Record<number, string>> = {
  0: 'accepted',
  1: 'unacceptable protocol version',
  2: 'identifier rejected',
  3: 'server unavailable',
  4: 'bad user name or password',
  5: 'not authorised',
};

/** Tries to get in. Whoever gets a client back closes it. */
export async function attempt(
  target: AttemptTarget,
  evidence: Evidence,
  settings: ClientSettings,
  connect: Uint8Array | undefined,
): Promise<Attempt> {
  let client: TlsClient;
  try {
    client = await openTls(target.host, target.port, evidence, settings);
  } catch (error) {
    return { end: 'stopped', during: 'connect', stop: peerStopOf(error, evidence) };
  }
  try {
    await client.handshake();
  } catch (error) {
    client.transport.destroy();
    return { end: 'stopped', during: 'handshake', stop: peerStopOf(error, evidence) };
  }
  return afterHandshake(client, connect);
}

/** The second half: CONNECT and its answer, or silence. */
export async function afterHandshake(client: TlsClient, connect: Uint8Array | undefined): Promise<Attempt> {
  try {
    if (connect === undefined) {
      await hearObjection(client);
      return { end: 'silence', client };
    }
    client.evidence.sent('MQTT CONNECT');
    await client.write(connect);
    const code = await readConnack(client);
    client.evidence.received(`MQTT CONNACK ${code} (${CONNACK_NAMES[code] ?? 'unknown code'})`);
    return { end: 'connack', code, client };
  } catch (error) {
    const stop = peerStopOf(error, client.evidence);
    if (connect === undefined && stop.code === 'PEER_SILENT') return { end: 'silence', client };
    client.transport.destroy();
    return { end: 'stopped', during: 'after-handshake', stop };
  }
}

/**
 * Resolves when none came in time; throws how the peer ended it. Only Finished in TLS 1.2 and a ticket in TLS 1.3 come from a
 * server that has looked at the certificate: until then it has the time of an answer. After that it may still hang up.
 */
async function hearObjection(client: TlsClient): Promise<void> {
  const { evidence, settings, startedMs } = client;
  const graceMs = Math.max(OBJECTION_MS, OBJECTION_HANDSHAKES * (evidence.elapsedMs - startedMs));
  const isContent = client.serverHello?.version !== VERSION.tls13 || (await hasTicket(client, settings.timeoutMs));
  await client.read(isContent ? graceMs : settings.timeoutMs);
}

/** Whether a ticket comes in time. Throws how the peer ended it. */
async function hasTicket(client: TlsClient, timeoutMs: number): Promise<boolean> {
  try {
    await client.readTicket(timeoutMs);
    return true;
  } catch (error) {
    if (error instanceof PeerStop && error.code === 'PEER_SILENT') return false;
    throw error;
  }
}

/** An attempt that got in. */
export type Entry = Extract<Attempt, { end: 'silence' }> | (Extract<Attempt, { end: 'connack' }> & { readonly code: 0 });

/** Whether the attempt ended with the broker's welcome. */
export function isIn(result: Attempt): result is Entry {
  return result.end === 'silence' || (result.end === 'connack' && result.code === 0);
}

/** In words: how it ended. */
export function endText(result: Attempt): string {
  switch (result.end) {
    case 'connack':
      return `CONNACK ${result.code} (${CONNACK_NAMES[result.code] ?? 'unknown code'})`;
    case 'silence':
      return 'the handshake was accepted';
    case 'stopped':
      return result.stop.message;
  }
}

/** Closes what an attempt opened. */
export function hangUp(result: Attempt): void {
  if (result.end !== 'stopped') result.client.transport.destroy();
}

export interface ConnectOptions {
  readonly clientId: string;
  readonly keepaliveS?: number;
  readonly will?: { readonly topic: string; readonly payload: string };
}

/** A CONNECT packet of MQTT 3.1.1 with a clean session. */
export function connectPacket({ clientId, keepaliveS = 60, will }: ConnectOptions): Buffer {
  const packet: IConnectPacket = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId,
    clean: true,
    keepalive: keepaliveS,
    ...(will ? { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 0, retain: false } } : {}),
  };
  return generate(packet);
}

/** Reads MQTT packets from a TLS client, one after another. PEER_MALFORMED for what is no MQTT. */
export class PacketReader {
  readonly #client: TlsClient;
  readonly #parser = parser({ protocolVersion: 4 });
  readonly #packets: Packet[] = [];
  #fault: Error | undefined;

  constructor(client: TlsClient) {
    this.#client = client;
    this.#parser.on('packet', (packet) => this.#packets.push(packet));
    this.#parser.on('error', (error) => {
      this.#fault = error as Error;
    });
  }

  async next(timeoutMs: number): Promise<Packet> {
    while (this.#packets.length === 0) {
      this.#parser.parse(await this.#client.read(timeoutMs));
      if (this.#fault) throw new PeerStop('PEER_MALFORMED', `what came is no MQTT: ${this.#fault.message}`);
    }
    return this.#packets.shift()!;
  }
}

async function readConnack(client: TlsClient): Promise<number> {
  const packet = await new PacketReader(client).next(client.settings.timeoutMs);
  if (packet.cmd !== 'connack') throw new PeerStop('PEER_MALFORMED', `MQTT ${packet.cmd} came where CONNACK should`);
  return packet.returnCode ?? 255;
}

/** Anything thrown that is no answer of the peer's is a fault of ours and goes on. */
function peerStopOf(error: unknown, evidence: Evidence): PeerStop {
  if (!(error instanceof PeerStop)) throw error;
  if (error.code === 'PEER_MALFORMED' || error.code === 'PEER_UNREACHABLE') evidence.note(error.message);
  return error;
}
