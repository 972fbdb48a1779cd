/**
 * The key service on the wire: AWS KMS's JSON 1.1 over HTTP/1.1 or HTTPS, for SDKs and command lines that speak it.
 * Promises: nothing is done for a request whose signature does not hold; what is slow, long, or too much is refused within
 * named limits; no answer tells of a fault inside more than that there was one.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { callerOf, type AccessCaller } from '../access/caller.ts';
import type { Identity } from '../access/principals.ts';
import type { AuditSink } from '../audit/event.ts';
import { auditedName } from '../keys/kms-engine.ts';
import { SERVER_TLS } from '../listener.ts';
import { rateLimit, type RateLimit } from '../rate-limit.ts';
import { screenInput } from './screen-input.ts';
import { verifySignature } from './signature.ts';
import { answerOf, WireError } from './wire-error.ts';
import { inputOf, operationOf, readRequest } from './wire-request.ts';

const KMS_LIMITS = {
  connections: 256,
  headerBytes: 16 * 1024,
  /** For the headers of a request, and for all of it, from its first byte. */
  headersMs: 10_000,
  requestMs: 20_000,
  /** How long a connection may stay without a request. */
  idleMs: 60_000,
  /** How often those times are looked at. */
  checkMs: 1_000,
  requestsPerS: 2_000,
  /** How long requests may take to end when the server is to close. */
  closeMs: 5_000,
} as const;

/** What the server serves: the engine of the key service. A refusal has a `type` and an HTTP `status`. */
interface KmsOperations {
  call(operation: string, input: unknown, caller: AccessCaller): Promise<object>;
}

export interface KmsServerOptions {
  readonly engine: KmsOperations;
  readonly region: string;
  readonly findAccessKey: (id: string) => Promise<(Identity & { readonly secret: string }) | undefined>;
  readonly host: string;
  readonly port: number;
  readonly now: () => number;
  /** HTTPS with this identity; plain HTTP without. */
  readonly tls?: { readonly certificatePem: string; readonly keyPem: string };
  /** Told of requests that no operation saw: the engine tells of its own. */
  readonly audit?: AuditSink;
  /** Told of what went wrong inside, which callers are not told. */
  readonly onFault?: (error: unknown) => void;
  readonly limits?: Partial<Record<keyof typeof KMS_LIMITS, number>>;
}

export interface KmsServer {
  readonly url: string;
  readonly port: number;
  /** Ends what is under way, in `closeMs` at most, and stops. */
  close(): Promise<void>;
}

/** Starts to listen. Throws the system's error where the address cannot be had. */
export async function startKmsServer(options: KmsServerOptions): Promise<KmsServer> {
  const limits = { ...KMS_LIMITS, ...options.limits };
  const server = listenerFor(options, limits);
  const within = rateLimit(limits.requestsPerS);
  server.on('request', (request, response) => {
    answer(options, within, request)
      .then((result) => ({ status: 200, result }))
      .catch((error: unknown) => refusal(options, request, response, error))
      .then(({ status, result }) => {
        // Nobody is to wait for a further request on a connection of a server that closes.
        if (!server.listening) response.setHeader('connection', 'close');
        send(response, status, result);
      })
      .catch((error: unknown) => {
        options.onFault?.(error);
        response.destroy();
      });
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `${options.tls ? 'https' : 'http'}://${host}:${port}`, port, close: () => close(server, limits.closeMs) };
}

type Limits = Record<keyof typeof KMS_LIMITS, number>;

function listenerFor({ tls }: KmsServerOptions, limits: Limits): Server {
  const settings = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkMs,
    requireHostHeader: true,
    insecureHTTPParser: false,
  };
  const server = tls ? createHttpsServer({ ...settings, ...SERVER_TLS, cert: tls.certificatePem, key: tls.keyPem, handshakeTimeout: limits.headersMs }) : createHttpServer(settings);
  server.maxConnections = limits.connections;
  server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code !== 'ECONNRESET' && socket.writable) socket.end(`HTTP/1.1 ${statusOf(error)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    else socket.destroy();
  });
  return server;
}

/** How HTTP says what was wrong with a request that could not be read. */
function statusOf({ code }: NodeJS.ErrnoException): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
}

async function answer(options: KmsServerOptions, within: RateLimit, request: IncomingMessage): Promise<object> {
  const sourceIpAddress = addressOf(request);
  let signer: (Identity & { readonly secret: string }) | undefined;
  let call: () => Promise<object>;
  try {
    const wire = await readRequest(request);
    const nowMs = options.now();
    signer = await verifySignature(wire, { region: options.region, nowMs, findAccessKey: options.findAccessKey });
    if (!within(signer.arn, nowMs)) throw new WireError('ThrottlingException', 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.');
    const input = inputOf(wire.body);
    screenInput(wire.operation, input);
    const caller = callerOf(signer, { nowMs, mfa: false, sourceIpAddress, secureTransport: options.tls !== undefined });
    call = () => options.engine.call(wire.operation, input, caller);
  } catch (error) {
    if (answerOf(error) || !hasGone(request)) tellRefused(options, request, sourceIpAddress, signer?.arn, error);
    throw error;
  }
  return call();
}

/** Nobody knows who it was that did not sign, so only what was asked is told. */
function tellRefused({ audit }: KmsServerOptions, request: IncomingMessage, sourceIpAddress: string, principal: string | undefined, error: unknown): void {
  const { type, message } = answerOf(error) ?? { type: 'KMSInternalException', message: '' };
  const operation = operationOf(request.headers['x-amz-target']) ?? '';
  const eventName = auditedName(operation);
  audit?.({
    eventSource: 'kms.amazonaws.com', eventName, principal: principal ?? 'anonymous', sourceIpAddress,
    requestParameters: eventName === operation || operation === '' ? {} : { operation }, errorCode: type, errorMessage: message, readOnly: true, resources: [],
  });
}

function refusal({ onFault }: KmsServerOptions, request: IncomingMessage, response: ServerResponse, error: unknown): { readonly status: number; readonly result: object } {
  const known = answerOf(error);
  if (!known && !hasGone(request)) onFault?.(error);
  const { type, message, status } = known ?? { type: 'KMSInternalException', message: 'The request was not completed because of an internal fault; it can be tried again.', status: 500 };
  if (!request.complete) response.setHeader('connection', 'close'); // the rest of the body is not worth reading
  if (status === 405) response.setHeader('allow', 'POST');
  response.setHeader('x-amzn-errortype', type);
  return { status, result: message === '' ? { __type: type } : { __type: type, message } };
}

function send(response: ServerResponse, status: number, body: object): void {
  const json = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID(), 'content-length': Buffer.byteLength(json), 'cache-control': 'no-store' });
  response.end(json);
}

/** Whoever asked may have gone away in the middle: that is no fault, and no refusal. */
function hasGone(request: IncomingMessage): boolean {
  return request.destroyed && !request.complete;
}

/** An IPv4 address that came over an IPv6 socket is told as IPv4. */
function addressOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

async function close(server: Server, closeMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close(); // closes idle connections too
  const timer = setTimeout(() => server.closeAllConnections(), closeMs);
  await closed;
  clearTimeout(timer);
}
