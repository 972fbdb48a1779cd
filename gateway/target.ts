/** Which broker a fleet talks to, from the URL that a user gives. */
import { isIP } from 'node:net';
import { GatewayError } from './errors.ts';
import type { ServerRevocation } from './server-certificate.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Certificates of the authorities that may have signed the broker's, PEM. */
  readonly authorityPem: string;
  /** Revocation lists that the broker's certificate is looked up in; none are asked for without. */
  readonly revocation?: ServerRevocation;
}

/** MQTT over TLS, registered with IANA. */
const DEFAULT_PORT = 8883;
/** Letters, digits and hyphens (RFC 1123), and the underscore that private networks use; other scripts as xn--. */
export const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/** Parses `mqtts://host[:port]`. UPLINK_URL for anything else: other schemes, credentials, paths. */
export function parseTarget(url: string, authorityPem: string): Target {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // without its cause, which holds the whole input
    throw new GatewayError('UPLINK_URL', `'${redact(url)}' is not a URL: write mqtts://HOST:PORT`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new GatewayError('UPLINK_URL', 'a URL with user and password ends up in logs and process lists: identify with --cert and --key');
  }
  if (parsed.protocol !== 'mqtts:' || parsed.hostname === '') {
    throw new GatewayError('UPLINK_URL', `'${redact(url)}' is not an address that is spoken to over TLS: write mqtts://HOST:PORT`);
  }
  if ((parsed.pathname !== '' && parsed.pathname !== '/') || parsed.search !== '' || parsed.hash !== '') {
    throw new GatewayError('UPLINK_URL', `'${redact(url)}' has a path: write mqtts://HOST:PORT`);
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port);
  if ((isIP(host) === 0 && !HOST_NAME.test(host)) || port === 0) {
    throw new GatewayError('UPLINK_URL', `'${redact(url)}' names no host and port that can be reached: write mqtts://HOST:PORT`);
  }
  return { host, port, authorityPem };
}

/** Leaves out whatever may be a secret: all before the last @, and the query. */
export function redact(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@').replace(/[?#].*$/s, '?…');
}
