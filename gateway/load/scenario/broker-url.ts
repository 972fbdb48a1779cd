/** Where a broker is, from the URL that a user gives. */
import { HOST_NAME, redact } from '../../target.ts';
import { isIP } from 'node:net';
import { LoadError } from '../errors.ts';
import type { Broker } from '../scenario.ts';

const WRITE = 'write mqtts://HOST:PORT, mqtt://HOST:PORT, wss://HOST:PORT/PATH or ws://HOST:PORT/PATH';
const TRANSPORTS: Readonly<Record<string, { readonly transport: Broker['transport']; readonly port: number }>> = {
  'mqtts:': { transport: 'tls', port: 8883 },
  'mqtt:': { transport: 'tcp', port: 1883 },
  'wss:': { transport: 'wss', port: 443 },
  'ws:': { transport: 'ws', port: 80 },
};
/** What brokers listen on as a rule. */
const DEFAULT_PATH = '/mqtt';

/** Throws LOAD_SCENARIO for anything else, without repeating what may be a secret. */
export function parseBrokerUrl(url: string): Broker {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // without its cause, which holds the whole input
    throw new LoadError('LOAD_SCENARIO', `'${redact(url)}' is not a URL: ${WRITE}`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new LoadError('LOAD_SCENARIO', 'a URL with user and password ends up in logs and process lists: identify clients by their certificates');
  }
  const known = TRANSPORTS[parsed.protocol];
  if (!known || parsed.hostname === '') throw new LoadError('LOAD_SCENARIO', `'${redact(url)}' is not an address of a broker: ${WRITE}`);
  const path = parsed.pathname === '' || parsed.pathname === '/' ? undefined : parsed.pathname;
  const isWebSocket = known.transport === 'wss' || known.transport === 'ws';
  if (parsed.search !== '' || parsed.hash !== '' || (path !== undefined && !isWebSocket)) {
    throw new LoadError('LOAD_SCENARIO', `'${redact(url)}' says more than an address: ${WRITE}`);
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = parsed.port === '' ? known.port : Number(parsed.port);
  if ((isIP(host) === 0 && !HOST_NAME.test(host)) || port === 0) {
    throw new LoadError('LOAD_SCENARIO', `'${redact(url)}' names no host and port that can be reached: ${WRITE}`);
  }
  return { transport: known.transport, host, port, path: isWebSocket ? (path ?? DEFAULT_PATH) : '' };
}
