/**
 * The way to a broker under MQTT: TCP, TLS, or either with a WebSocket on top. Tells when TCP stands and when all of it
 * does. Promise: with TLS the broker's certificate is verified before a byte of MQTT leaves, unless told otherwise.
 */
import { isIP, connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';
import type { Broker } from '../scenario.ts';
import { lookupOnce, noteRefusals } from './addresses.ts';
import { MAX_LENGTH_BYTES, MAX_PACKET_BYTES } from './packets.ts';
import { rememberServerCertificate } from './server-certificates.ts';

/** Longest message of a WebSocket: a whole packet. */
const MAX_MESSAGE_BYTES = 1 + MAX_LENGTH_BYTES + MAX_PACKET_BYTES;

export interface StreamOptions {
  readonly broker: Broker;
  /** The client's certificate and the trusted authorities; undefined without TLS. */
  readonly context: SecureContext | undefined;
  readonly verify: boolean;
  readonly session: Buffer | undefined;
  readonly localAddress: string | undefined;
}

export interface OpenStream {
  /** What MQTT is written to. */
  readonly stream: Duplex;
  /** The socket below; its TLS, if any, can be asked about. */
  readonly socket: Socket | TLSSocket;
}

/** Told as a layer stands: TCP, TLS (only with it), and all of them, so that MQTT may be spoken. */
export interface StreamListener {
  onTcp(): void;
  onTls(): void;
  onReady(): void;
}

/** Begins to connect. Failures are the stream's events. */
export function openStream({ broker, context, verify, session, localAddress }: StreamOptions, listener: StreamListener): OpenStream {
  const { host, port, transport } = broker;
  const way = { host, port, lookup: lookupOnce, ...(localAddress !== undefined && { localAddress }) };
  const isTls = transport === 'tls' || transport === 'wss';
  const isWebSocket = transport === 'ws' || transport === 'wss';
  const socket = isTls
    ? connectTls({ ...way, secureContext: context!, rejectUnauthorized: verify, ...(isIP(host) === 0 && { servername: host }), ...(session && { session }) })
    : connectTcp(way);
  socket.setNoDelay(true);
  if (isIP(host) === 0) noteRefusals(host, socket);
  if (isTls) rememberServerCertificate(socket as TLSSocket, `${host}:${port}`);
  socket.once('connect', () => listener.onTcp());
  if (isTls) socket.once('secureConnect', () => listener.onTls());
  if (!isWebSocket) {
    socket.once(isTls ? 'secureConnect' : 'connect', () => listener.onReady());
    return { stream: socket, socket };
  }
  const authority = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  const webSocket = new WebSocket(`${transport}://${authority}${broker.path}`, 'mqtt', { createConnection: () => socket, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
  webSocket.once('open', () => listener.onReady());
  return { stream: createWebSocketStream(webSocket), socket };
}

/** Reads no more until what waits to be written has left, and then only if it still may. */
export function pauseUntilDrained(stream: Duplex, mayRead: () => boolean): void {
  stream.pause();
  stream.once('drain', () => {
    if (mayRead()) stream.resume();
  });
}
