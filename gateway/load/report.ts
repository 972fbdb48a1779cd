/**
 * What a load test came to. Plain data that survives JSON, and enough of it that reports of shards can be added up
 * exactly and two runs compared. Docs: docs/load-report.md.
 */
import type { MeasuresData } from './measures.ts';

export const REPORT_FORMAT = 'thrum load report';
export const REPORT_VERSION = 1;

export interface LoadReport {
  readonly format: typeof REPORT_FORMAT;
  readonly version: typeof REPORT_VERSION;
  /** The scenario's name. */
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** When its first stage was told to begin, ISO 8601, UTC: the same in all shards of a run. Null: as soon as all was prepared. */
  readonly startAt: string | null;
  readonly durationMs: number;
  /** `done`, or why it ended early: `interrupted`, `worker 1 ended before its work (SIGKILL)`, `stage 'x' took longer than its limit`. */
  readonly ended: string;
  /** Which parts of the load these figures are of; a whole run has one of one. */
  readonly shards: readonly { readonly index: number; readonly of: number; readonly host: string }[];
  readonly generator: GeneratorFacts;
  readonly brokers: readonly BrokerFacts[];
  readonly stages: readonly StageReport[];
  readonly total: MeasuresData;
  /** In order of time. At most 3,600: a longer run has points of two, four … seconds. */
  readonly series: readonly SeriesPoint[];
  readonly searches: readonly SearchReport[];
  readonly assertions: readonly AssertionResult[];
  readonly limit: GeneratorLimit;
}

/** With what the load was made. */
export interface GeneratorFacts {
  readonly thrum: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly workers: number;
  /** Clients of all groups that were its. */
  readonly clients: number;
  /** Making keys, certificates and TLS contexts before the start. */
  readonly prepareMs: number;
  /** CPU of the workers while the stages ran, user and system. */
  readonly cpuMs: number;
  /** Highest resident memory of all workers together; and what came with each client, its identity included, when most were connected: null below 500. */
  readonly peakRssBytes: number;
  readonly bytesPerClient: number | null;
}

export interface BrokerFacts {
  readonly name: string;
  /** `mqtts://host:port`, `mqtt://…`, `wss://…` or `ws://…`. */
  readonly url: string;
  /** Of the broker's certificate as first seen; null when there was none. */
  readonly certificate: { readonly keyType: string; readonly chainLength: number; readonly subject: string; readonly verified: boolean } | null;
}

export interface StageReport {
  readonly name: string;
  /** Since the start of the run. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly measures: MeasuresData;
  /** Per group of clients. */
  readonly groups: readonly { readonly clients: string; readonly measures: MeasuresData }[];
  readonly limit: GeneratorLimit;
}

/** What happened within one interval. Counters and latencies are of the interval, the rest is as it was at its end. */
export interface SeriesPoint {
  /** End of the interval since the start of the run; its length. */
  readonly atMs: number;
  readonly lengthMs: number;
  readonly stage: string;
  readonly measures: MeasuresData;
  readonly connectedNow: number;
  readonly inFlightNow: number;
  /** Of all workers: CPU time of the interval, resident memory; of the worst of them: event-loop delay, CPU as a share of a core. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly loopDelayP99Ms: number;
  readonly busiestWorker: number;
}

/** Whether the generator itself was the limit. With reasons, figures are not the broker's. */
export interface GeneratorLimit {
  /** Whole sentences, none when the generator kept up. */
  readonly reasons: readonly string[];
  readonly slipP99Ms: number | null;
  readonly loopDelayP99Ms: number | null;
  /** Highest share of a core that a worker used over an interval, 0 to 1. */
  readonly busiestWorker: number | null;
}

export interface SearchReport {
  readonly stage: string;
  readonly objective: readonly string[];
  readonly trials: readonly SearchTrial[];
  /** Highest rate that met the objective in most of its trials; null when not even the lowest did. */
  readonly ratePerS: number | null;
  /** Lowest rate that missed it; null when none did. */
  readonly missedAtPerS: number | null;
  /** Whole sentence: how sure that is. */
  readonly confidence: string;
}

export interface SearchTrial {
  readonly ratePerS: number;
  readonly outcome: 'met' | 'missed' | 'generator-limited';
  readonly achievedPerS: number;
  readonly publishP99Ms: number | null;
  /** Whole sentence when it was not met. */
  readonly reason: string;
}

export interface AssertionResult {
  /** As written: `p99<50ms`. */
  readonly text: string;
  /** Stage that it is about; null: the whole run. */
  readonly stage: string | null;
  /** `unknown`: nothing of the kind was measured, or the generator was the limit and it would have failed. */
  readonly outcome: 'met' | 'failed' | 'unknown';
  /** The figure, in the unit of the assertion; null when nothing of the kind was measured. */
  readonly value: number | null;
  /** Whole sentence. */
  readonly reason: string;
}
