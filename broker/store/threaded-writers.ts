/**
 * Writes segments in a thread of its own: sealing, writing and waiting for the disk cost the broker's thread nothing but
 * two messages a commit. Groups travel in buffers that change hands and come back.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import type { Mending } from './mending.ts';
import type { NewSegment } from './segment-appender.ts';
import type { SegmentWriter, SegmentWriters } from './segment-writer.ts';
import type { ChainPosition } from './segment-format.ts';

/** What the thread is asked. `segment` is a number that the asker gave; `group` changes hands. */
export type WriterRequest =
  | { readonly segment: number; readonly step: 'begin'; readonly wish: NewSegment }
  | { readonly segment: number; readonly step: 'append'; readonly group: ArrayBuffer; readonly length: number }
  | { readonly segment: number; readonly step: 'seal' | 'abandon' }
  | { readonly step: 'mend'; readonly mending: Mending };

/** Answers come in the order of the requests. `group` comes back to be filled anew. */
export interface WriterAnswer {
  readonly bytes: number;
  readonly segmentId: Uint8Array;
  readonly records: number;
  readonly chain: Uint8Array;
  readonly error?: { readonly code: 'STORE_FAILED' | 'STORE_CLOSED'; readonly message: string };
  readonly group?: ArrayBuffer;
}

/** Buffers kept to be filled anew, and the longest that is kept. */
const KEPT_BUFFERS = 4;
const SMALLEST_BUFFER_BYTES = 256 * 2 ** 10;

interface Waiting {
  readonly resolve: (answer: WriterAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the thread. */
export function threadedWriters(worker = new Worker(new URL('./writer-thread.js', import.meta.url))): SegmentWriters {
  const waiting: Waiting[] = [];
  const spare: ArrayBuffer[] = [];
  let segments = 0;
  let ended: Error | undefined;
  let closing = false;

  worker.on('message', (answer: WriterAnswer) => {
    if (answer.group && spare.length < KEPT_BUFFERS) spare.push(answer.group);
    const asked = waiting.shift()!;
    if (answer.error) asked.reject(new StoreError(answer.error.code, answer.error.message));
    else asked.resolve(answer);
  });
  worker.on('error', (error: Error) => end(new StoreError('STORE_FAILED', `the thread that writes ended: ${error.message}`, { cause: error })));
  worker.on('exit', () => end(closing ? new StoreError('STORE_CLOSED', 'the thread that writes has ended') : new StoreError('STORE_FAILED', 'the thread that writes was ended: start again; nothing acknowledged is lost')));
  function end(error: Error): void {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(error);
  }

  function ask(request: WriterRequest, transfer: ArrayBuffer[] = []): Promise<WriterAnswer> {
    if (ended) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.postMessage(request, transfer);
    });
  }

  async function begin(wish: NewSegment): Promise<SegmentWriter> {
    const segment = ++segments;
    let state = positionOf(await ask({ segment, step: 'begin', wish }));
    const step = async (request: WriterRequest, transfer?: ArrayBuffer[]): Promise<void> => {
      state = positionOf(await ask(request, transfer));
    };
    return {
      get bytes() { return state.bytes; },
      get position() { return state.position; },
      append: ({ buffer, length }) => step({ segment, step: 'append', group: buffer as ArrayBuffer, length }, [buffer as ArrayBuffer]),
      seal: () => step({ segment, step: 'seal' }),
      abandon: () => step({ segment, step: 'abandon' }).catch(() => undefined), // the thread is gone, and its files with it
    };
  }

  return {
    begin,
    mend: async (mending) => {
      await ask({ step: 'mend', mending });
    },
    /** Alone in its buffer and at its beginning, so that it can change hands. */
    room: (bytes) => {
      const found = spare.findIndex((one) => one.byteLength >= bytes);
      const buffer = found >= 0 ? spare.splice(found, 1)[0]! : new ArrayBuffer(Math.max(bytes, SMALLEST_BUFFER_BYTES));
      return Buffer.from(buffer, 0, bytes);
    },
    close: async () => {
      if (ended) return;
      closing = true;
      const exited = once(worker, 'exit');
      worker.postMessage(undefined);
      await exited;
    },
  };
}

function positionOf({ bytes, segmentId, records, chain }: WriterAnswer): { readonly bytes: number; readonly position: ChainPosition } {
  return { bytes, position: { segmentId: Buffer.from(segmentId), records, chain: Buffer.from(chain) } };
}
