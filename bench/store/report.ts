/** The figures of `npm run bench:store` as a table. */
import { table } from '../../cli/output.ts';
import type { AddedLatency, CommitFigures } from './commits.ts';
import type { OverheadFigures } from './overhead.ts';
import type { PeerFigures } from './peers.ts';
import type { RecoveryFigures } from './recovery.ts';
import type { Limits, ThroughputFigures } from './throughput.ts';

export interface StoreFigures {
  readonly quick: boolean;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly overhead: readonly OverheadFigures[];
  readonly commits: readonly CommitFigures[];
  readonly addedLatency: AddedLatency;
  readonly throughput: readonly ThroughputFigures[];
  readonly limits: Limits;
  readonly peers: readonly PeerFigures[];
  readonly recovery: RecoveryFigures | null;
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const ms = (value: number): string => `${value.toFixed(2)} ms`;

export function reportLines({ node, cpu, cores, overhead, commits, addedLatency, throughput, limits, peers, recovery }: StoreFigures): string[] {
  const { sink, noSink } = addedLatency;
  return [
    `Node ${node}, ${cores} × ${cpu}`,
    '',
    'Bytes beside the payload',
    ...table([['batches a commit', 'payload', 'bytes a batch', 'bytes a segment'], ...overhead.map((one) => [whole(one.batchesPerCommit), `${one.payloadBytes} B`, one.bytesPerBatch.toFixed(1), whole(one.bytesPerSegment)])]),
    '',
    'Commits of batches of 256 B, publishers that wait for each acknowledgement',
    ...table([['publishers', 'commits/s', 'publishes/s', 'p50', 'p99', 'max'], ...commits.map((one) => [whole(one.publishers), whole(one.commitsPerS), whole(one.publishesPerS), ms(one.p50Ms), ms(one.p99Ms), ms(one.maxMs)])]),
    '',
    `At ${whole(addedLatency.ratePerS)} publishes/s through the broker with mutual TLS: p99 ${ms(sink.p99Ms)} with the sink, ${ms(noSink.p99Ms)} without, ${ms(addedLatency.addedP99Ms)} added (p50 ${ms(sink.p50Ms)} and ${ms(noSink.p50Ms)})`,
    '',
    'MB/s of payload; verify: of what is on disk',
    ...table([['payload', 'in', 'out', 'verify'], ...throughput.map((one) => [`${one.payloadBytes} B`, whole(one.inMBPerS), whole(one.outMBPerS), whole(one.verifyMBPerS)])]),
    `limits: AES-256-GCM seals ${whole(limits.sealMBPerS)} MB/s and opens ${whole(limits.openMBPerS)} MB/s in one thread; files are read at ${whole(limits.readMBPerS)} MB/s`,
    '',
    'The same batches, encrypted and durable, one commit after the other',
    ...table([['store', 'payload', 'batches a commit', 'commits/s', 'MB/s'], ...peers.map((one) => [one.name, `${one.payloadBytes} B`, whole(one.batchesPerCommit), whole(one.commitsPerS), one.MBPerS.toFixed(1)])]),
    ...(recovery
      ? ['', `A start after a kill: ${whole(recovery.ms)} ms for ${(recovery.storedBytes / 1e9).toFixed(2)} GB in ${whole(recovery.segments)} segments, the last of ${whole(recovery.lastSegmentBytes / 1e6)} MB and ${whole(recovery.records)} records`]
      : []),
  ];
}
