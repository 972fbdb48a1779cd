/** What goes wrong with a connection, as short kinds that can be counted, the same for every way to fail. */

/** A connection, or a step on it, that failed. `kind` is dotted, from the layer down: `tls.alert.bad_certificate`. */
export class ClientFailure extends Error {
  override readonly name = 'ClientFailure';
  readonly kind: string;

  constructor(kind: string) {
    super(kind);
    this.kind = kind;
  }
}

const TCP: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'tcp.refused',
  ECONNRESET: 'tcp.reset',
  EPIPE: 'tcp.reset',
  ETIMEDOUT: 'tcp.timeout',
  EHOSTUNREACH: 'tcp.unreachable',
  ENETUNREACH: 'tcp.unreachable',
  EADDRNOTAVAIL: 'tcp.no-local-port',
  EADDRINUSE: 'tcp.no-local-port',
  EMFILE: 'generator.too-many-files',
  ENFILE: 'generator.too-many-files',
  ENOBUFS: 'generator.no-buffers',
  ENOTFOUND: 'dns.not-found',
  EAI_AGAIN: 'dns.no-answer',
};

/** Whether it says that the other side closed in the middle of a handshake: Node.js gives that the code of a reset. */
export function isEarlyClose({ code, message }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' && /^(socket hang up|Client network socket disconnected)/.test(message);
}

/** Where a write waited for the handshake, as a WebSocket's does, Node.js gives OpenSSL's reason in the message alone. */
function codeOf({ code = '', message }: NodeJS.ErrnoException): string {
  const reason = code === 'EPROTO' ? /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] : undefined;
  return reason === undefined ? code : `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}

/** The kind of an error that a socket emitted. */
export function kindOfError(error: NodeJS.ErrnoException): string {
  const code = codeOf(error);
  const tcp = TCP[code];
  if (tcp !== undefined) return tcp;
  const alert = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_ALERT_(.+)$/.exec(code)?.[1] ?? /^ERR_SSL_(?:TLSV1|SSL\/TLS)_(UNRECOGNIZED_NAME|UNSUPPORTED_EXTENSION|CERTIFICATE_UNOBTAINABLE|BAD_CERTIFICATE_STATUS_RESPONSE|BAD_CERTIFICATE_HASH_VALUE)$/.exec(code)?.[1];
  if (alert !== undefined) return `tls.alert.${alert.toLowerCase()}`;
  if (code.startsWith('ERR_SSL_')) return `tls.${code.slice('ERR_SSL_'.length).toLowerCase()}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'tls.verify.wrong-name';
  if (/^[A-Z_]*CERT[A-Z_]*$|^UNABLE_TO_|^CRL_|^INVALID_(CA|PURPOSE)$|^PATH_LENGTH|^HOSTNAME_MISMATCH$/.test(code)) return `tls.verify.${code.toLowerCase()}`;
  if (code.startsWith('ERR_TLS_')) return `tls.${code.slice('ERR_TLS_'.length).toLowerCase()}`;
  if (/^(WS_ERR|HPE)_/.test(code)) return 'websocket.garbage';
  if (code.startsWith('E')) return `system.${code.toLowerCase()}`;
  if (error.message.startsWith('Unexpected server response')) return 'websocket.refused';
  return /Upgrade header|WebSocket|subprotocol/.test(error.message) ? 'websocket.garbage' : 'unknown';
}
