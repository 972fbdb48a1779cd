import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { COUNTERS, Measures } from '../measures.ts';
import { startMetricsServer, type MetricsServer } from './metrics-server.ts';
import { BUCKETS_S, metricsText, type LiveFigures } from './prometheus.ts';
import { HOSTILE, reportOf } from './report.fixture.ts';

const { stages } = reportOf({ seconds: 3 });
const LIVE: LiveFigures = { stages, connectedNow: 200, inFlightNow: 3, cpuMs: 1_500, rssBytes: 5e7, loopDelayP99Ms: 2, busiestWorker: 0.4 };

/** Samples by name and labels, as the format has them. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
    const match = /^([a-z_0-9]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})?) (\S+)$/.exec(line);
    expect(match, line).not.toBeNull();
    expect(found.has(match![1]!), line).toBe(false);
    found.set(match![1]!, Number(match![2]));
  }
  return found;
}

describe('live figures for Prometheus', () => {
  it('have HELP and TYPE once for each metric, and names as they should be', async () => {
    const text = await metricsText(LIVE);
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!] as const);
    expect(new Set(types.map(([name]) => name)).size).toBe(types.length);
    expect([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name)).toEqual(types.map(([name]) => name));
    for (const [name, type] of types) expect(name).toMatch(type === 'counter' ? /^thrum_load_[a-z_]+_total$/ : /^thrum_load_[a-z_0-9]+$/);
    expect(types.filter(([, type]) => type === 'counter')).toHaveLength(COUNTERS.length + 3);
  });

  it('count by stage', async () => {
    const found = samples(await metricsText(LIVE));
    expect(found.get('thrum_load_connected_total{stage="connect"}')).toBe(200);
    expect(found.get('thrum_load_acknowledged_total{stage="steady"}')).toBe(1_200);
    expect(found.get('thrum_load_errors_total{stage="connect",kind="tls.alert.bad_certificate"}')).toBe(4);
    expect(found.get('thrum_load_handshakes_total{stage="connect",version="TLSv1.3",kind="full",group="X25519",cipher="TLS_AES_256_GCM_SHA384",client_key="ec-p256",chain="2"}')).toBe(200);
    expect(found.get('thrum_load_connected_clients')).toBe(200);
  });

  it('have latencies in seconds: buckets that only grow, up to minutes, and quantiles', async () => {
    const measures = new Measures();
    for (const us of [900, 1_000, 4_000, 70_000_000, 3_000_000_000]) measures.time('connect', us);
    const found = samples(await metricsText({ ...LIVE, stages: [{ name: 'x', measures }] }));
    const buckets = [...BUCKETS_S.map(String), '+Inf'].map((le) => found.get(`thrum_load_connect_seconds_bucket{stage="x",le="${le}"}`)!);
    expect(buckets).toEqual([2, 2, ...Array<number>(13).fill(3), 4, 4, 4, 5]);
    expect(found.get('thrum_load_connect_seconds_count{stage="x"}')).toBe(5);
    expect(found.get('thrum_load_connect_seconds_sum{stage="x"}')! / 3_070.0059).toBeCloseTo(1, 2);
    expect(found.get('thrum_load_connect_quantiles_seconds{stage="x",quantile="0.5"}')).toBeCloseTo(0.004, 4);
    expect([...found.keys()].filter((name) => name.startsWith('thrum_load_publish_seconds'))).toEqual([]);
  });

  it('stay well-formed whatever names are', async () => {
    const measures = new Measures();
    measures.countError(`${HOSTILE}\\"\n`);
    measures.countHandshake(HOSTILE);
    samples(await metricsText({ ...LIVE, stages: [{ name: HOSTILE, measures }] }));
    samples(await metricsText({ ...LIVE, stages: [] }));
  });
});

describe('the server of live figures', () => {
  let server: MetricsServer;
  afterEach(() => server.close());

  it('answers on this machine alone, as often as asked, with what is new', async () => {
    let connectedNow = 1;
    server = await startMetricsServer({ port: 0, snapshot: () => ({ ...LIVE, connectedNow: connectedNow++ }) });
    expect(new URL(server.url).hostname).toBe('127.0.0.1');
    for (const now of [1, 2]) {
      const response = await fetch(server.url);
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(samples(await response.text()).get('thrum_load_connected_clients')).toBe(now);
    }
  });

  it('knows nothing else, and survives a snapshot that fails', async () => {
    server = await startMetricsServer({ port: 0, snapshot: () => Promise.reject(new Error('no')) });
    expect((await fetch(server.url.replace('/metrics', '/'))).status).toBe(404);
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(405);
    expect((await fetch(server.url)).status).toBe(503);
  });

  it('closes at once, whoever is still connected', async () => {
    server = await startMetricsServer({ port: 0, snapshot: () => LIVE });
    const idle = connect(server.port, '127.0.0.1');
    await once(idle, 'connect');
    const ended = once(idle, 'close');
    await server.close();
    await ended;
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('says when its port is taken', async () => {
    server = await startMetricsServer({ port: 0, snapshot: () => LIVE });
    await expect(startMetricsServer({ port: server.port, snapshot: () => LIVE })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
