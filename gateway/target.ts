/** Which broker a fleet talks to, from the URL that a user gives. */
import { isIP } from 'node:net';
import { GatewayError } from './errors.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Certificates of the authorities that may have signed the broker's, PEM. */
  readonly authorityPem: string;
}

/** MQTT over TLS, registered with IANA. */
const DEFAULT_PORT = 8883;

/** Parses `mqtts://host[:port]`. UPLINK_URL for anything else: other schemes, credentials, paths. */
export function parseTarget(url: string, authorityPem: string): Target {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new GatewayError('UPLINK_URL', `'${redact(url)}' is not a URL: write mqtts://HOST:PORT`, { cause });
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
  return { host: isIP(host) ? host : decodeURIComponent(host), port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port), authorityPem };
}

function redact(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//…@');
}
