/**
 * What is counted and timed, and how it is added up. Promises: adding is exact, in any order and grouping, so workers,
 * shards, seconds and stages all merge without loss; latencies are HDR histograms (three significant digits, 1 µs to an
 * hour), written in HdrHistogram's own compressed form, which other tools read.
 */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { LoadError } from './errors.ts';

/**
 * connects: attempts begun, each of which ends as one of connected, connectFailed, refusedAsExpected or, when the run
 * stops first, connectsAbandoned. closed: connections that the broker or the network ended; cut: that we did.
 *
 * due: messages whose time has come = sent + unsent. sent = acknowledged + in flight + failed. failed: their connection
 * ended before the acknowledgement, or the broker refused them (MQTT 5). received: messages that came to subscribers, of
 * which corrupted had a wrong checksum, duplicates came before (or to another member of a shared subscription: known only
 * at the end), reordered came after a later one, foreign are not this run's, unchecked say nothing of themselves. lost:
 * acknowledged, and never seen by a subscriber that should have; known only at the end.
 */
export const COUNTERS = [
  'connects', 'connected', 'connectFailed', 'refusedAsExpected', 'unexpectedlyAccepted', 'connectsAbandoned', 'closed', 'cut', 'disconnected',
  'subscribed', 'subscribeFailed', 'claimed', 'rotated', 'identityFailed',
  'due', 'sent', 'acknowledged', 'failed', 'unsent', 'bytesSent',
  'received', 'corrupted', 'duplicates', 'reordered', 'foreign', 'unchecked', 'lost', 'expectedDeliveries', 'bytesReceived',
] as const;
export type Counter = (typeof COUNTERS)[number];

/**
 * connect: from when it was due to CONNACK; its parts tcp, tls and connack; subscribe: SUBSCRIBE to SUBACK; publish: from
 * when it was due to its last acknowledgement (QoS 0: until the system took it); delivery: from when it was due to a
 * subscriber's socket, unless the broker had retained it; slip: from when it was due to when it was written; identity: a
 * claim or a rotation, whole.
 */
export const LATENCIES = ['connect', 'tcp', 'tls', 'connack', 'subscribe', 'publish', 'delivery', 'slip', 'identity'] as const;
export type Latency = (typeof LATENCIES)[number];

/** Plain data of {@link Measures}; counters that are zero and histograms that are empty are left out. */
export interface MeasuresData {
  readonly counters: Readonly<Partial<Record<Counter, number>>>;
  /** HdrHistogram V2, compressed, base64; values in µs. */
  readonly latenciesUs: Readonly<Partial<Record<Latency, string>>>;
  /** Failures by kind: `tcp.refused`, `tls.alert.bad_certificate`, `mqtt.connack.5`, `timeout.tls` … (docs/load.md, "Failures, by kind"). */
  readonly errors: Readonly<Record<string, number>>;
  /** Finished handshakes by `version, full or resumed, group, cipher suite, client's key type, certificates in the client's chain`. */
  readonly handshakes: Readonly<Record<string, number>>;
}

const HIGHEST_US = 3_600_000_000;
const DIGITS = 3;
/** Kinds of errors and handshakes that are told apart; more are counted as `other`. */
const MAX_KINDS = 200;

export function newHistogram(): Histogram {
  return build({ bitBucketSize: 64, autoResize: false, lowestDiscernibleValue: 1, highestTrackableValue: HIGHEST_US, numberOfSignificantValueDigits: DIGITS, useWebAssembly: false });
}

export class Measures {
  readonly counters = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<Counter, number>;
  readonly errors = new Map<string, number>();
  readonly handshakes = new Map<string, number>();
  readonly #latencies = new Map<Latency, Histogram>();

  /** The histogram of that name, in µs; made when it is first asked for. */
  latency(name: Latency): Histogram {
    let histogram = this.#latencies.get(name);
    if (!histogram) this.#latencies.set(name, (histogram = newHistogram()));
    return histogram;
  }

  has(name: Latency): boolean {
    return (this.#latencies.get(name)?.totalCount ?? 0) > 0;
  }

  /** Records a time; below 1 µs counts as 1, above an hour as an hour. */
  time(name: Latency, us: number): void {
    this.latency(name).recordValue(us < 1 ? 1 : us > HIGHEST_US ? HIGHEST_US : Math.round(us));
  }

  countError(kind: string, times = 1): void {
    addTo(this.errors, kind, times);
  }

  countHandshake(kind: string, times = 1): void {
    addTo(this.handshakes, kind, times);
  }

  /** Adds what another has. Throws LOAD_REPORT for data that is none of ours. */
  add(other: Measures | MeasuresData): void {
    if (other instanceof Measures) {
      for (const name of COUNTERS) this.counters[name] += other.counters[name];
      for (const [name, histogram] of other.#latencies) this.latency(name).add(histogram);
      for (const [kind, times] of other.errors) this.countError(kind, times);
      for (const [kind, times] of other.handshakes) this.countHandshake(kind, times);
      return;
    }
    for (const name of COUNTERS) this.counters[name] += other.counters[name] ?? 0;
    for (const name of LATENCIES) {
      const encoded = other.latenciesUs[name];
      if (encoded !== undefined) this.latency(name).add(decodeHistogram(encoded));
    }
    for (const [kind, times] of Object.entries(other.errors)) this.countError(kind, times);
    for (const [kind, times] of Object.entries(other.handshakes)) this.countHandshake(kind, times);
  }

  toData(): MeasuresData {
    return {
      counters: Object.fromEntries(COUNTERS.filter((name) => this.counters[name] !== 0).map((name) => [name, this.counters[name]])),
      latenciesUs: Object.fromEntries([...this.#latencies].filter(([, { totalCount }]) => totalCount > 0).map(([name, histogram]) => [name, encodeIntoCompressedBase64(histogram)])),
      errors: Object.fromEntries(this.errors),
      handshakes: Object.fromEntries(this.handshakes),
    };
  }

  reset(): void {
    for (const name of COUNTERS) this.counters[name] = 0;
    for (const histogram of this.#latencies.values()) if (histogram.totalCount > 0) histogram.reset();
    this.errors.clear();
    this.handshakes.clear();
  }

  static of(data: MeasuresData): Measures {
    const measures = new Measures();
    measures.add(data);
    return measures;
  }
}

/** Throws LOAD_REPORT when it is no histogram. */
function decodeHistogram(encoded: string): Histogram {
  try {
    return decodeFromCompressedBase64(encoded, 64, false);
  } catch (cause) {
    throw new LoadError('LOAD_REPORT', `a latency histogram cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function addTo(counts: Map<string, number>, kind: string, times: number): void {
  const key = counts.has(kind) || counts.size < MAX_KINDS ? kind : 'other';
  counts.set(key, (counts.get(key) ?? 0) + times);
}
