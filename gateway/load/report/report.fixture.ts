/** Reports for tests: a plausible run made by a seeded generator, and bent to what a test wants. */
import { Measures } from '../measures.ts';
import { REPORT_FORMAT, REPORT_VERSION, type GeneratorLimit, type LoadReport, type SeriesPoint, type StageReport } from '../report.ts';
import { judgeReport, parseAssertion } from './assertion.ts';
import { uniform, type Uniform } from './seeded.ts';

/** Text that would do harm where it is not escaped. */
export const HOSTILE = `\u001b[2J<script>alert("x")</script>&'\u202e\u0000,=1+1`;

export interface Wish {
  readonly seed?: number;
  readonly clients?: number;
  /** Of the stage `steady`. */
  readonly seconds?: number;
  readonly ratePerS?: number;
  /** Median of publishing, ms. */
  readonly medianMs?: number;
  readonly lengthMs?: number;
  readonly lost?: number;
  readonly shard?: { readonly index: number; readonly of: number; readonly host: string };
  readonly assertions?: readonly string[];
  readonly limit?: readonly string[];
}

export const NO_LIMIT: GeneratorLimit = { reasons: [], slipP99Ms: 0.4, loopDelayP99Ms: 2.1, busiestWorker: 0.42 };

/** Two stages, `connect` and `steady`, with subscribers that check. */
export function reportOf(wish: Wish = {}): LoadReport {
  const { seed = 1, clients = 200, seconds = 20, ratePerS = 400, medianMs = 3, lengthMs = 1_000, lost = 0, shard = { index: 1, of: 1, host: 'host-a' }, limit = [] } = wish;
  const random = uniform(seed);
  const connectMs = 4_000;
  const series: SeriesPoint[] = [];
  for (let at = lengthMs; at <= connectMs; at += lengthMs) {
    series.push(pointOf('connect', at, lengthMs, connecting(random, Math.round((clients * lengthMs) / connectMs)), { connectedNow: Math.round((clients * at) / connectMs), random }));
  }
  for (let at = lengthMs; at <= seconds * 1_000; at += lengthMs) {
    series.push(pointOf('steady', connectMs + at, lengthMs, publishing(random, Math.round((ratePerS * lengthMs) / 1_000), medianMs), { connectedNow: clients, random }));
  }
  const generatorLimit: GeneratorLimit = { ...NO_LIMIT, reasons: limit };
  const stages = ['connect', 'steady'].map((name): StageReport => {
    const measures = sum(series.filter(({ stage }) => stage === name));
    const startMs = name === 'connect' ? 0 : connectMs;
    return { name, startMs, durationMs: name === 'connect' ? connectMs : seconds * 1_000, measures: measures.toData(), groups: [{ clients: 'devices', measures: measures.toData() }], limit: generatorLimit };
  });
  const total = sum(series);
  total.counters.lost = lost;
  total.counters.expectedDeliveries = total.counters.acknowledged;
  const report: LoadReport = {
    format: REPORT_FORMAT, version: REPORT_VERSION, name: 'telemetry', startedAt: '2026-03-01T12:00:00.000Z', startAt: null, durationMs: connectMs + seconds * 1_000, ended: 'done', shards: [shard],
    generator: { thrum: '0.1.0', node: '20.19.0', cpu: 'Some CPU', cores: 2, workers: 2, clients, prepareMs: 812, cpuMs: series.reduce((all, { cpuMs }) => all + cpuMs, 0), peakRssBytes: 190_000_000, bytesPerClient: 61_000 },
    brokers: [{ name: 'main', url: 'mqtts://broker.example:8883', certificate: { keyType: 'ec-p256', chainLength: 2, subject: 'CN=broker', verified: true } }],
    stages, total: total.toData(), series, searches: [], assertions: [], limit: generatorLimit,
  };
  return { ...report, assertions: judgeReport((wish.assertions ?? []).map((text) => parseAssertion(text)), report) };
}

/** Its stage `steady` as a search that found a rate: each trial is a stage that is named for its rate. */
export function searched(report: LoadReport): LoadReport {
  const met = { outcome: 'met' as const, publishP99Ms: 21.5, reason: '' };
  const renamed = (name: string): string => (name === 'steady' ? 'steady at 3200/s' : name);
  return {
    ...report,
    stages: report.stages.map((stage) => ({ ...stage, name: renamed(stage.name) })),
    series: report.series.map((point) => ({ ...point, stage: renamed(point.stage) })),
    searches: [{
      stage: 'steady', objective: ['p99<50ms', 'lost==0'], ratePerS: 3_200, missedAtPerS: 3_400, confidence: 'It held in 3 of 3 trials, and 3,400/s missed in 3 of 3.',
      trials: [{ ratePerS: 1_000, achievedPerS: 999, ...met }, { ratePerS: 3_200, achievedPerS: 3_198, ...met }, { ratePerS: 3_400, achievedPerS: 3_310, outcome: 'missed', publishP99Ms: 81, reason: 'p99 was 81 ms.' }],
    }],
  };
}

function sum(points: readonly SeriesPoint[]): Measures {
  const measures = new Measures();
  for (const point of points) measures.add(point.measures);
  return measures;
}

function pointOf(stage: string, atMs: number, lengthMs: number, measures: Measures, { connectedNow, random }: { readonly connectedNow: number; readonly random: Uniform }): SeriesPoint {
  return {
    atMs, lengthMs, stage, measures: measures.toData(), connectedNow, inFlightNow: Math.floor(random() * 9),
    cpuMs: lengthMs * (0.3 + 0.1 * random()), rssBytes: Math.round(120_000_000 + 400 * atMs + 1_000_000 * random()), loopDelayP99Ms: 1 + 2 * random(), busiestWorker: 0.3 + 0.1 * random(),
  };
}

function connecting(random: Uniform, times: number): Measures {
  const measures = new Measures();
  measures.counters.connects = times + 1;
  measures.counters.connected = times;
  measures.counters.connectFailed = 1;
  measures.countError('tls.alert.bad_certificate');
  measures.countHandshake('TLSv1.3, full, X25519, TLS_AES_256_GCM_SHA384, ec-p256, 2', times);
  for (let n = 0; n < times; n += 1) {
    const [tcp, tls, connack] = [skewed(random, 0.3), skewed(random, 6), skewed(random, 1)];
    measures.time('tcp', tcp);
    measures.time('tls', tls);
    measures.time('connack', connack);
    measures.time('connect', tcp + tls + connack);
  }
  return measures;
}

function publishing(random: Uniform, times: number, medianMs: number): Measures {
  const measures = new Measures();
  Object.assign(measures.counters, { due: times, sent: times, acknowledged: times, received: times, bytesSent: times * 300, bytesReceived: times * 300 });
  // Neighbouring intervals differ more than chance within one would have it.
  const mood = 0.9 + 0.2 * random();
  for (let n = 0; n < times; n += 1) {
    const us = skewed(random, medianMs * mood);
    measures.time('publish', us);
    measures.time('delivery', us * 1.2);
    measures.time('slip', skewed(random, 0.1));
  }
  return measures;
}

/** Log-normal around a median in ms; in µs. */
function skewed(random: Uniform, medianMs: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return medianMs * 1_000 * Math.exp(0.5 * normal);
}
