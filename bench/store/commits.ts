/** Commits a second and how long one takes, at 1, 10 and 100 publishers that each wait for their acknowledgement; and what storing adds at a steady 1,000 publishes/s. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Sink, type Arrival } from '../../broker/mod.ts';
import { measurements, startProcess } from '../publish.ts';
import { preparePackets } from '../publisher.ts';
import { isQuick } from '../quick.ts';
import { percentile } from '../statistics.ts';
import { batchMaker, BENCH_FOLDER, withPlace } from './place.ts';

export interface CommitFigures {
  readonly publishers: number;
  readonly commitsPerS: number;
  readonly publishesPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const SECONDS = isQuick ? 0.5 : 5;
const PAYLOAD_BYTES = 256;

export async function measureCommits(): Promise<CommitFigures[]> {
  const figures: CommitFigures[] = [];
  for (const publishers of [1, 10, 100]) figures.push(await withPlace(async ({ store, projects, keys, projectId }) => {
    const sink = await Sink.open({ directory: store, projects, keys, onFatal: fail });
    const make = batchMaker(PAYLOAD_BYTES);
    const latenciesMs: number[] = [];
    const publish = (arrival: Arrival): Promise<void> => new Promise((resolve, reject) => sink.publish(projectId, arrival, (error) => (error ? reject(error) : resolve())));
    await publish(make());
    const before = sink.counts.commits;
    const startMs = performance.now();
    await Promise.all(Array.from({ length: publishers }, async (_, gateway) => {
      while (performance.now() - startMs < SECONDS * 1000) {
        const arrival = make(gateway);
        const sentMs = performance.now();
        await publish(arrival);
        latenciesMs.push(performance.now() - sentMs);
      }
    }));
    const seconds = (performance.now() - startMs) / 1000;
    const commits = sink.counts.commits - before;
    await sink.close();
    return {
      publishers, commitsPerS: commits / seconds, publishesPerS: latenciesMs.length / seconds,
      p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99), maxMs: percentile(latenciesMs, 1),
    };
  }));
  return figures;
}

function fail(error: Error): void {
  throw error;
}

export interface AddedLatency {
  readonly ratePerS: number;
  readonly sink: { readonly p50Ms: number; readonly p99Ms: number };
  readonly noSink: { readonly p50Ms: number; readonly p99Ms: number };
  /** p99 with the sink less p99 without. */
  readonly addedP99Ms: number;
}

const RATE_PER_S = 1000;
/** More than fit into a batch of PAYLOAD_BYTES. */
const MESSAGES = 20;

/** Through the broker with mutual TLS, from when a publish was due to its PUBACK. */
export async function measureAddedLatency(): Promise<AddedLatency> {
  const figures = { sink: await paced('sink'), noSink: await paced('none') };
  return { ratePerS: RATE_PER_S, ...figures, addedP99Ms: figures.sink.p99Ms - figures.noSink.p99Ms };
}

async function paced(mode: 'sink' | 'none'): Promise<AddedLatency['sink']> {
  const folder = await mkdtemp(join(BENCH_FOLDER, 'thrum-bench-store-'));
  const broker = await startProcess(folder, mode);
  try {
    const messages = measurements(MESSAGES);
    const perClient = RATE_PER_S / broker.clients.length;
    const round = async (seconds: number): Promise<number[]> => {
      const first = broker.nextSequence;
      broker.nextSequence += perClient * seconds;
      const all = broker.clients.map(({ identity, publisher }) => publisher.pace(preparePackets(identity, broker.address.projectId, messages, PAYLOAD_BYTES, first, perClient * seconds), perClient));
      return (await Promise.all(all)).flat();
    };
    await round(1); // warms up
    const latenciesMs = await round(isQuick ? 1 : 20);
    return { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99) };
  } finally {
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
