/**
 * One connection of the device: when it came and went, what its ClientHello offers, and TLS over it in whatever manner a
 * case wants. Bytes that were read to look at the ClientHello are given back before TLS begins.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { certificatePem } from '../../certificate-builder.ts';
import { privateKeyPem } from '../../key-pair.ts';
import type { Evidence } from '../model.ts';
import { CLIENT_HELLO_BYTES_MAX, clientHelloText, readClientHello, type ClientHello } from './client-hello.ts';
import type { ServerIdentity } from './bait.ts';

/** What became of a handshake. */
export type Handshake =
  | { readonly kind: 'done'; readonly socket: TLSSocket }
  /** The device refused by name, such as `unknown_ca`. */
  | { readonly kind: 'alert'; readonly alert: string }
  | { readonly kind: 'closed' }
  | { readonly kind: 'timeout' }
  /** Our side could not go on with what the device offers. */
  | { readonly kind: 'impossible'; readonly why: string };

/** Weak keys, old digests and old versions are what some cases are about. */
const ANYTHING_GOES = 'ALL:@SECLEVEL=0';
const HELLO_PATIENCE_MS = 5_000;
const HANDSHAKE_PATIENCE_MS = 10_000;

export class DeviceConnection {
  readonly socket: Socket;
  readonly acceptedAtMs: number;
  readonly #evidence: Evidence;
  readonly #closed: Promise<void>;
  #closedAtMs: number | undefined;
  #hello: ClientHello | undefined;

  constructor(socket: Socket, evidence: Evidence) {
    this.socket = socket;
    this.#evidence = evidence;
    this.acceptedAtMs = evidence.elapsedMs;
    evidence.received('TCP connection');
    socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#closedAtMs = evidence.elapsedMs;
        resolve();
      });
    });
  }

  /** When it was closed by either side, in ms since the case began. */
  get closedAtMs(): number | undefined {
    return this.#closedAtMs;
  }

  /** True once either side has closed, false after `withinMs`. */
  async closed(withinMs: number): Promise<boolean> {
    return (await within(this.#closed.then(() => true), withinMs)) ?? false;
  }

  /** The ClientHello; `undefined` when the connection closes first, or brings something else. */
  async hello(): Promise<ClientHello | undefined> {
    if (this.#hello) return this.#hello;
    let bytes: Buffer = Buffer.alloc(0);
    const found = await within(
      new Promise<ClientHello | undefined>((resolve) => {
        this.socket.on('data', (chunk: Buffer) => {
          bytes = Buffer.concat([bytes, chunk]);
          const hello = bytes.length > CLIENT_HELLO_BYTES_MAX ? 'other' : readClientHello(bytes);
          if (hello !== undefined) resolve(hello === 'other' ? undefined : hello);
        });
        this.socket.once('end', () => resolve(undefined));
        this.socket.once('close', () => resolve(undefined));
      }),
      HELLO_PATIENCE_MS,
    );
    this.socket.removeAllListeners('data');
    this.socket.pause();
    if (bytes.length > 0) this.socket.unshift(bytes);
    this.#hello = found;
    this.#evidence.received(found ? clientHelloText(found) : bytes.length === 0 ? 'nothing on the connection' : 'bytes that are no ClientHello');
    return found;
  }

  /** Forgets what was read of the ClientHello, for who goes on record by record. */
  discard(): void {
    while (this.socket.read() !== null);
  }

  /** Ends it as a crash would, with a TCP reset. */
  reset(): void {
    this.#evidence.sent('TCP reset');
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** A whole handshake by node:tls with a server identity; asks for a client certificate and takes any, or none. */
  async startTls(identity: ServerIdentity, options: TlsOptions = {}, stapleDer?: Buffer): Promise<Handshake> {
    const server = createServer({
      key: privateKeyPem(identity.privateKey),
      cert: identity.chain.map(certificatePem).join(''),
      requestCert: true,
      rejectUnauthorized: false,
      ciphers: `${ANYTHING_GOES}:!aNULL:!eNULL`,
      minVersion: 'TLSv1.2',
      ...options,
    });
    if (stapleDer) server.on('OCSPRequest', (_certificate: Buffer, _issuer: Buffer, callback: (error: Error | null, response: Buffer) => void) => callback(null, stapleDer));
    const outcome = new Promise<Handshake>((resolve) => {
      server.once('secureConnection', (socket: TLSSocket) => {
        socket.on('error', () => undefined);
        resolve({ kind: 'done', socket });
      });
      server.once('tlsClientError', (error: Error) => resolve(outcomeOf(error)));
      this.socket.once('close', () => setImmediate(() => resolve({ kind: 'closed' })));
    });
    server.emit('connection', this.socket);
    const handshake = (await within(outcome, HANDSHAKE_PATIENCE_MS)) ?? { kind: 'timeout' };
    this.#note(handshake);
    return handshake;
  }

  #note(handshake: Handshake): void {
    if (handshake.kind === 'done') {
      const { standardName } = handshake.socket.getCipher();
      this.#evidence.received(`handshake completed: ${handshake.socket.getProtocol() ?? 'TLS'}, ${standardName}`);
    } else if (handshake.kind === 'alert') this.#evidence.received(`alert ${handshake.alert}`);
    else if (handshake.kind === 'closed') this.#evidence.received('the device closed the connection during the handshake');
    else this.#evidence.note(handshake.kind === 'timeout' ? 'the handshake did not end' : handshake.why);
  }
}

/** The outcome that an error of node:tls stands for. */
function outcomeOf(error: Error): Handshake {
  const alert = alertIn(error);
  if (alert !== undefined) return { kind: 'alert', alert };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ECONNRESET' || code === 'EPIPE') return { kind: 'closed' };
  return { kind: 'impossible', why: (error as { reason?: string }).reason ?? error.message };
}

/** Name of the alert that an error of node:tls reports, such as `unknown_ca`. */
export function alertIn(error: Error): string | undefined {
  const match = /ALERT_([A-Z_]+)$/.exec((error as NodeJS.ErrnoException).code ?? '');
  return match?.[1]!.toLowerCase();
}

/** What a promise comes to, or `undefined` after a time in ms. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([promise, new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)))]);
  } finally {
    clearTimeout(timer);
  }
}

/** What comes first on a connection after the handshake: application data, an alert, the end, or nothing in time. */
export async function firstWord(socket: TLSSocket, withinMs: number): Promise<{ readonly kind: 'data' | 'closed' | 'silence' } | { readonly kind: 'alert'; readonly alert: string }> {
  const ended = new AbortController();
  const signal = ended.signal;
  const first = await within(
    Promise.race([
      readable(socket, signal).then(() => ({ kind: 'data' }) as const),
      once(socket, 'end', { signal }).then(() => ({ kind: 'closed' }) as const),
      once(socket, 'close', { signal }).then(() => ({ kind: 'closed' }) as const),
    ]).catch((error: unknown) => {
      const alert = error instanceof Error ? alertIn(error) : undefined;
      return alert === undefined ? ({ kind: 'closed' } as const) : ({ kind: 'alert', alert } as const);
    }),
    withinMs,
  );
  ended.abort();
  return first ?? { kind: 'silence' };
}

/** Resolves once there are bytes to read: the end is told as readable too, and so is an empty record (in TLS 1.0, before all others). */
async function readable(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  const isEmpty = (): boolean => socket.readableLength === 0;
  while (isEmpty()) {
    await once(socket, 'readable', { signal });
    if (isEmpty()) socket.read(); // brings on the end, if this is it
  }
}
