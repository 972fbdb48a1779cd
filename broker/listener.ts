/**
 * The broker's TLS: which versions, ciphers and certificates it takes. Promises: both sides show certificates; forward
 * secrecy and AEAD only; with other revocation lists no session from before them is resumed.
 */
import { constants } from 'node:crypto';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import type { RevocationLists } from '../certs/mod.ts';

/** Keys and digests of 112 bits at least, so RSA from 2048 on and no SHA-1, also where the system's default is lower. */
const SECURITY_LEVEL = '@SECLEVEL=2';
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

/** What every server of ours takes. */
export const SERVER_TLS = {
  minVersion: 'TLSv1.2',
  ciphers: [...TLS_1_3_CIPHERS, ...TLS_1_2_CIPHERS, SECURITY_LEVEL].join(':'),
  honorCipherOrder: true,
  // A client could otherwise make the broker do handshakes one after another (RFC 9325, section 3.5).
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies TlsOptions;

interface ListenerOptions {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Certificate of the authority whose clients are let in. */
  readonly authorityPem: string;
  readonly handshakeMs: number;
  readonly connections: number;
}

export function createListener(options: ListenerOptions, lists: RevocationLists | undefined): Server {
  const server = createServer({
    ...contextOf(options, lists),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: options.handshakeMs,
    ALPNProtocols: ['mqtt'],
  });
  server.maxConnections = options.connections;
  // Node.js says that the time is over, and leaves the connection open.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/** Handshakes from now on go by these lists. The new context has new ticket keys: earlier sessions do not resume. */
export function useLists(server: Server, options: ListenerOptions, lists: RevocationLists): void {
  server.setSecureContext(contextOf(options, lists));
}

/**
 * OpenSSL wants the list of every authority in a chain, each given by itself. It refuses everybody once a list is past
 * its time: who may be revoked is not known then. Where a list is missing the broker's own look at each certificate does.
 */
function contextOf({ certificatePem, keyPem, authorityPem }: ListenerOptions, lists: RevocationLists | undefined): TlsOptions {
  return {
    cert: certificatePem,
    key: keyPem,
    ca: authorityPem,
    ...(lists?.complete === true ? { crl: lists.lists.map(({ crl }) => crl.pem) } : {}),
    ...SERVER_TLS,
  };
}
