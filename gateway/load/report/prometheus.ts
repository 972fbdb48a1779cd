/**
 * A running load test in Prometheus' text format. Promises: counters only grow while a test runs; latencies stand there as
 * histograms (for sums over machines, up to ten minutes) and as quantiles (exact, of one machine), both in seconds; every
 * metric has HELP and TYPE, and a stage as label where it is of a stage. Docs: docs/load-report.md.
 */
import { Registry, type Metric } from 'prom-client';
import { COUNTERS, LATENCIES, Measures, type Counter, type Latency, type MeasuresData } from '../measures.ts';
import { PERCENTILES, countsUpTo, percentileMs, snakeCase } from './figures.ts';
import { printable } from './printable.ts';

/** How a test stands. Measures are of all that happened in a stage so far, stages that are over included. */
export interface LiveFigures {
  readonly stages: readonly { readonly name: string; readonly measures: Measures | MeasuresData }[];
  readonly connectedNow: number;
  readonly inFlightNow: number;
  /** CPU of all workers since the start. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  /** Of the last interval: of the worst worker. */
  readonly loopDelayP99Ms: number;
  readonly busiestWorker: number;
}

/** Upper bounds in seconds. */
export const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600] as const;

const HELP: Readonly<Record<Counter, string>> = {
  connects: 'Attempts to connect that were begun.', connected: 'Attempts that ended with CONNACK.', connectFailed: 'Attempts that failed.',
  refusedAsExpected: 'Attempts that were refused, as they should be.', unexpectedlyAccepted: 'Attempts that were accepted, and should not be.',
  connectsAbandoned: 'Attempts that were given up because the run stopped.', closed: 'Connections that the broker or the network ended.',
  cut: 'Connections cut on purpose.', disconnected: 'Connections ended with DISCONNECT.', subscribed: 'Subscriptions granted.', subscribeFailed: 'Subscriptions refused or unanswered.',
  claimed: 'Identities claimed.', rotated: 'Certificates renewed.', identityFailed: 'Claims and renewals that failed.',
  due: 'Messages whose time has come.', sent: 'Messages written to their connection.', acknowledged: 'Messages acknowledged by the broker.',
  failed: 'Messages whose connection ended before the acknowledgement.', unsent: 'Messages that were due and never sent.', bytesSent: 'Payload octets sent.',
  received: 'Messages that came to subscribers.', corrupted: 'Received messages with a wrong checksum.', duplicates: 'Received messages that came before.',
  reordered: 'Received messages that came after a later one.', foreign: 'Received messages of others.', unchecked: 'Received messages that say nothing of themselves.',
  lost: 'Acknowledged messages that no subscriber saw; known at the end.', expectedDeliveries: 'Deliveries that subscribers should see.', bytesReceived: 'Payload octets received.',
};
const LATENCY_HELP: Readonly<Record<Latency, string>> = {
  connect: 'from when a connection was due to CONNACK', tcp: 'of the TCP connection', tls: 'of the TLS handshake', connack: 'from CONNECT to CONNACK', subscribe: 'from SUBSCRIBE to SUBACK',
  publish: 'from when a message was due to its last acknowledgement', delivery: 'from when a message was due to a subscriber', slip: 'from when something was due to when it was written', identity: 'of a claim or a renewal',
};
const HANDSHAKE_LABELS = ['version', 'kind', 'group', 'cipher', 'client_key', 'chain'] as const;

type Labels = Readonly<Record<string, string | number>>;
interface Value {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly Value[];
}
interface LiveStage {
  readonly labels: { readonly stage: string };
  readonly measures: Measures;
}

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

export async function metricsText(figures: LiveFigures): Promise<string> {
  const registry = new Registry();
  for (const family of familiesOf(figures)) {
    const metric = { ...family, aggregator: 'sum', get: () => Promise.resolve(family) };
    // A registry asks a metric for no more than this; counting again in prom-client's own would lose the histograms' precision.
    registry.registerMetric(metric as unknown as Metric);
  }
  return registry.metrics();
}

function familiesOf(figures: LiveFigures): Family[] {
  const stages = figures.stages.map(({ name, measures }): LiveStage => ({ labels: { stage: printable(name, 100) }, measures: measures instanceof Measures ? measures : Measures.of(measures) }));
  return [
    ...COUNTERS.map((name): Family => ({
      name: `thrum_load_${snakeCase(name)}_total`, help: HELP[name], type: 'counter', values: stages.map(({ labels, measures }) => ({ labels, value: measures.counters[name] })),
    })),
    kinds('errors', 'Failures by kind.', stages, ({ errors }) => errors, (kind) => ({ kind })),
    kinds('handshakes', 'Finished TLS handshakes.', stages, ({ handshakes }) => handshakes, handshakeLabels),
    ...LATENCIES.flatMap((name) => latencyFamilies(name, stages.filter(({ measures }) => measures.has(name)))),
    gauge('connected_clients', 'Clients that are connected now.', figures.connectedNow),
    gauge('messages_in_flight', 'Messages sent and not yet acknowledged.', figures.inFlightNow),
    gauge('generator_resident_memory_bytes', 'Resident memory of all workers.', figures.rssBytes),
    gauge('generator_loop_delay_p99_seconds', 'Event-loop delay of the worst worker in the last interval.', figures.loopDelayP99Ms / 1_000),
    gauge('generator_busiest_worker_ratio', 'Share of a core that the busiest worker used in the last interval.', figures.busiestWorker),
    { name: 'thrum_load_generator_cpu_seconds_total', help: 'CPU time of all workers.', type: 'counter', values: [{ labels: {}, value: figures.cpuMs / 1_000 }] },
  ];
}

function gauge(name: string, help: string, value: number): Family {
  return { name: `thrum_load_${name}`, help, type: 'gauge', values: [{ labels: {}, value }] };
}

function kinds(name: string, help: string, stages: readonly LiveStage[], pick: (measures: Measures) => ReadonlyMap<string, number>, labelsOf: (kind: string) => Labels): Family {
  const values = stages.flatMap(({ labels, measures }) => [...pick(measures)].map(([kind, value]) => ({ labels: { ...labels, ...labelsOf(printable(kind, 200)) }, value })));
  return { name: `thrum_load_${name}_total`, help, type: 'counter', values };
}

/** Kinds past the limit, and whatever has other parts, have all of it as their version. */
function handshakeLabels(kind: string): Labels {
  const parts = kind.split(', ');
  const known = parts.length === HANDSHAKE_LABELS.length;
  return Object.fromEntries(HANDSHAKE_LABELS.map((name, at) => [name, known ? parts[at]! : at === 0 ? kind : '']));
}

function latencyFamilies(latency: Latency, stages: readonly LiveStage[]): Family[] {
  const [name, summary] = [`thrum_load_${latency}_seconds`, `thrum_load_${latency}_quantiles_seconds`];
  const [histogramValues, summaryValues]: [Value[], Value[]] = [[], []];
  for (const { labels, measures } of stages) {
    const histogram = measures.latency(latency);
    const ends = (base: string): Value[] => [
      { labels, value: (histogram.mean * histogram.totalCount) / 1e6, metricName: `${base}_sum` },
      { labels, value: histogram.totalCount, metricName: `${base}_count` },
    ];
    const counts = countsUpTo(histogram, BUCKETS_S.map((bound) => bound * 1e6));
    const buckets = [...BUCKETS_S.map((bound, at) => [String(bound), counts[at]!] as const), ['+Inf', histogram.totalCount] as const];
    histogramValues.push(...buckets.map(([le, value]) => ({ labels: { ...labels, le }, value, metricName: `${name}_bucket` })), ...ends(name));
    summaryValues.push(...PERCENTILES.map((percentile) => ({ labels: { ...labels, quantile: String(percentile / 100) }, value: percentileMs(measures, latency, percentile)! / 1_000 })), ...ends(summary));
  }
  const help = `Time ${LATENCY_HELP[latency]}`;
  return stages.length === 0 ? [] : [
    { name, help: `${help}.`, type: 'histogram', values: histogramValues },
    { name: summary, help: `${help}, as quantiles.`, type: 'summary', values: summaryValues },
  ];
}
