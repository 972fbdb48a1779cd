/**
 * Checks segments of a local store in threads, a segment each: opening and decoding is what takes time, and it needs nothing of other
 * segments. Keys are unwrapped by the asker; a thread is given what it takes to read one segment, and forgets it.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { StoreError, type StoreErrorCode, type StorePlace } from '../errors.ts';
import { checkSegment, type SegmentReport } from './check-segment.ts';
import type { SegmentKeys } from './segment-format.ts';
import type { OpenedSegment } from './segment-reader.ts';
import type { SegmentChecker } from './verify.ts';

/** What a thread is asked: one thing at a time. */
export interface CheckRequest {
  readonly directory: string;
  readonly ordinal: number;
  readonly segmentId: string;
  readonly bytes: number;
  readonly header: Uint8Array;
  readonly keys: Readonly<Record<keyof SegmentKeys, Uint8Array>>;
  readonly chainsAfter: ReadonlySet<number>;
}

/** Bytes arrive as plain Uint8Arrays. */
export type CheckAnswer =
  | { readonly report: SegmentReport }
  | { readonly fault: { readonly code: StoreErrorCode; readonly message: string; readonly place: StorePlace | undefined } };

interface ThreadedChecker extends SegmentChecker {
  close(): Promise<void>;
}

/** What is shorter is checked sooner than a thread is started. */
const WORTH_A_THREAD_BYTES = 8 * 2 ** 20;

/** Starts up to `threads` threads, each when it is needed first. */
export function threadedChecker(threads: number): ThreadedChecker {
  const all: Worker[] = [];
  const idle: Worker[] = [];
  const start = (): Worker => {
    const worker = new Worker(new URL('./check-thread.js', import.meta.url));
    all.push(worker);
    return worker;
  };
  return {
    atOnce: threads,
    check: async (segment, chainsAfter) => {
      const { directory } = segment.source;
      if (directory === undefined || segment.bytes < WORTH_A_THREAD_BYTES) return checkSegment(segment, chainsAfter);
      const worker = idle.pop() ?? start(); // no more are asked at once than there may be
      try {
        const answered = once(worker, 'message') as Promise<[CheckAnswer]>; // rejects with what ends the thread
        worker.postMessage(requestOf(directory, segment, chainsAfter));
        return reportIn((await answered)[0]);
      } finally {
        idle.push(worker);
      }
    },
    close: async () => {
      await Promise.all(all.map((worker) => worker.terminate()));
    },
  };
}

function requestOf(directory: string, { file, bytes, header, keys }: OpenedSegment, chainsAfter: ReadonlySet<number>): CheckRequest {
  const { record, baseNonce, header: headerKey, commitment } = keys;
  return { directory, ordinal: file.ordinal, segmentId: file.segmentId, bytes, header: header.bytes, keys: { record, baseNonce, header: headerKey, commitment }, chainsAfter };
}

function reportIn(answer: CheckAnswer): SegmentReport {
  if ('fault' in answer) {
    const { code, message, place } = answer.fault;
    throw new StoreError(code, message, place && { place });
  }
  const { end, chains, ...rest } = answer.report;
  const { segmentId, records, chain } = end.position;
  return {
    ...rest,
    end: { ...end, position: { segmentId: Buffer.from(segmentId), records, chain: Buffer.from(chain) } },
    chains: new Map([...chains].map(([after, one]) => [after, Buffer.from(one)])),
  };
}
