/**
 * One connection to the broker: MQTT 3.1.1 over mutual TLS, without retries of its own, a session that ends with it.
 * Promise: the broker's certificate, revocation lists and a stapled OCSP answer are judged before a byte of MQTT leaves.
 */
import { isIP } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions, type DetailedPeerCertificate, type PeerCertificate, type TLSSocket } from 'node:tls';
import { MqttClient, type IClientOptions } from 'mqtt';
import type { Credentials } from './identity-store.ts';
import { distrustOfServer } from './server-certificate.ts';
import type { Target } from './target.ts';

/** TLS 1.3, or 1.2 with forward secrecy and AEAD; keys and digests of 112 bits at least (RSA from 2048, no SHA-1). */
const CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2';
const CONNECT_TIMEOUT_MS = 10_000;

export interface ConnectionOptions {
  readonly target: Target;
  readonly credentials: Credentials;
  /** Milliseconds since 1970: revocation lists and OCSP answers have their time. */
  readonly now: () => number;
  /** Client id, keep-alive, last will. */
  readonly mqtt: Pick<IClientOptions, 'clientId' | 'keepalive' | 'will'>;
}

/** Begins to connect. Throws Error when certificate, key or authority cannot be used; all else is the client's events. */
export function connectToBroker(options: ConnectionOptions): MqttClient {
  const connection = new MqttClient((client) => openStream(client, options), {
    ...options.mqtt,
    protocolVersion: 4,
    clean: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
  });
  connection.on('error', () => undefined); // a connection that failed may fail once more after nobody listens
  return connection;
}

function openStream(client: MqttClient, { target, credentials, now }: ConnectionOptions): TLSSocket {
  const { host, port, authorityPem, revocation } = target;
  let staple: Buffer | undefined;
  const options: TlsOptions & { requestOCSP: boolean } = {
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ca: authorityPem,
    cert: credentials.certificatePem,
    key: credentials.keyPem,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    rejectUnauthorized: true,
    requestOCSP: true,
    // Called once the handshake is done, before anything is sent: Node.js destroys the socket on an error.
    checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
      distrustOfServer({ host, certificate: certificate as DetailedPeerCertificate, staple }, revocation, now()),
  };
  const socket = connectTls(options);
  socket.on('OCSPResponse', (answer: Buffer | null) => (staple = answer ?? undefined));
  const onFailure = (error: Error): void => {
    client.emit('error', error);
    socket.end();
  };
  socket.on('error', onFailure);
  socket.once('secureConnect', () => socket.off('error', onFailure)); // from then on the client listens itself
  return socket;
}
