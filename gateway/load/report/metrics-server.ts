/**
 * Where Prometheus fetches the figures of a running test. Promises: answers GET and HEAD of /metrics and nothing else, on this machine
 * alone unless told otherwise; holds a few connections at most; ends at once when closed.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { METRICS_CONTENT_TYPE, metricsText, type LiveFigures } from './prometheus.ts';

const MAX_CONNECTIONS = 32;
const REQUEST_MS = 5_000;

export interface MetricsServer {
  /** `http://127.0.0.1:9464/metrics`. */
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

export interface MetricsServerOptions {
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  readonly snapshot: () => LiveFigures | Promise<LiveFigures>;
}

/** Throws the system's error when it cannot listen there. */
export async function startMetricsServer({ host = '127.0.0.1', port, snapshot }: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    void answer(request, response, snapshot);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/metrics`,
    port: address.port,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, snapshot: MetricsServerOptions['snapshot']): Promise<void> {
  const plain = { 'content-type': 'text/plain; charset=utf-8' };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { ...plain, allow: 'GET, HEAD' }).end('only GET and HEAD\n');
    return;
  }
  if (request.url?.split('?')[0] !== '/metrics') {
    response.writeHead(404, plain).end('the figures are at /metrics\n');
    return;
  }
  try {
    const text = await metricsText(await snapshot());
    response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store' }).end(request.method === 'HEAD' ? '' : text);
  } catch {
    // The test goes on; whoever asks again may get them.
    response.writeHead(503, plain).end('no figures at the moment\n');
  }
}
