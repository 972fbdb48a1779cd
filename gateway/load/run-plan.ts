/** What a worker is told: the scenario and its share of it. Plain data that crosses between processes. */
import type { ClockOrigin } from './clock.ts';
import type { MeasuresData } from './measures.ts';
import type { Scenario } from './scenario.ts';
import type { StreamData } from './streams.ts';
import type { SubscriptionData } from './subscriber.ts';
import type { BrokerFacts } from './report.ts';

/** What a load test needs beyond its scenario. */
export interface RunSettings {
  /** Certificates of the authorities that may have signed the brokers', PEM; undefined: those that Node.js trusts. */
  readonly authorityPem: string | undefined;
  /** Folder of the authority that mints identities. */
  readonly authorityDirectory: string | undefined;
  /** For `{project}` in topics, and in minted identities. */
  readonly projectId: string;
  readonly workers: number;
  /** This machine's share, from 1, of how many. */
  readonly shard: { readonly index: number; readonly of: number };
}

export interface WorkerPlan {
  readonly scenario: Scenario;
  readonly settings: RunSettings;
  /** Client n of a group is the worker's when n modulo `parts` is `part`: whatever workers another shard has, it has no client of this one. */
  readonly part: number;
  readonly parts: number;
  readonly origin: ClockOrigin;
  /** Seconds since 1970; tells this run's messages from others', and is the boot epoch of its gateways. Shards that begin together have the same. */
  readonly runEpoch: number;
}

export type ToWorker =
  | { readonly kind: 'prepare'; readonly plan: WorkerPlan }
  /** `searched`: what a search tries, with the time it takes instead of the steps' own. */
  | { readonly kind: 'start-stage'; readonly stage: number; readonly startUs: number; readonly searched?: { readonly perS: number; readonly forMs: number } }
  /** Ends the stage's lives, if any are left. */
  | { readonly kind: 'end-stage' }
  /** Tell now what was counted. */
  | { readonly kind: 'tell' }
  | { readonly kind: 'finish' };

export type FromWorker =
  | { readonly kind: 'progress'; readonly prepared: number; readonly clients: number }
  /** Resident memory before there were any clients. */
  | { readonly kind: 'prepared'; readonly idleRssBytes: number }
  | ({ readonly kind: 'tick' } & Tick)
  | { readonly kind: 'told' }
  /** The stage that began then: one that was ended may be done when the next has begun. */
  | { readonly kind: 'stage-done'; readonly startUs: number }
  | { readonly kind: 'finished'; readonly streams: readonly StreamData[]; readonly subscriptions: readonly SubscriptionData[]; readonly brokers: readonly BrokerFacts[] }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** What a worker saw in an interval. */
export interface Tick {
  /** Number of the interval since the run's origin. */
  readonly interval: number;
  /** Since the run's origin; since the tick before. */
  readonly atMs: number;
  readonly lengthMs: number;
  readonly groups: readonly (readonly [clients: string, measures: MeasuresData])[];
  readonly connectedNow: number;
  readonly inFlightNow: number;
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly loopDelayP99Ms: number;
  /** CPU time of the interval as a share of a core. */
  readonly busy: number;
}

export const INTERVAL_MS = 1000;
