/** The thread that writes segments: does what it is asked, in order, and answers each request. */
import { parentPort } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import { systemDisk } from './disk.ts';
import { mend } from './mending.ts';
import { SegmentAppender } from './segment-appender.ts';
import type { WriterAnswer, WriterRequest } from './threaded-writers.ts';

/** Bytes of batches a second that are looked into for the index, and at most at once: about a hundredth of a core. */
const LOOK_BYTES_PER_S = 2 ** 18;
const LOOK_BURST_BYTES = 2 ** 20;

const port = parentPort!;
const segments = new Map<number, SegmentAppender>();
const mayLook = budget(LOOK_BYTES_PER_S, LOOK_BURST_BYTES);

port.on('message', (request: WriterRequest | undefined) => {
  if (request === undefined) {
    port.close();
    return;
  }
  const group = request.step === 'append' ? request.group : undefined;
  port.postMessage({ ...answer(request), ...(group && { group }) } satisfies WriterAnswer, group ? [group] : []);
});

const NOTHING = { bytes: 0, segmentId: Buffer.alloc(16), records: 0, chain: Buffer.alloc(32) };

function answer(request: WriterRequest): WriterAnswer {
  try {
    if (request.step === 'mend') {
      mend(systemDisk, request.mending);
      return NOTHING;
    }
    const appender = request.step === 'begin' ? SegmentAppender.begin(systemDisk, request.wish, mayLook) : segments.get(request.segment);
    if (!appender) throw new StoreError('STORE_CLOSED', 'the segment is closed');
    if (request.step === 'begin') segments.set(request.segment, appender);
    else if (request.step === 'append') appender.append(Buffer.from(request.group, 0, request.length));
    else {
      segments.delete(request.segment);
      appender[request.step]();
    }
    const { segmentId, records, chain } = appender.position;
    return { bytes: appender.bytes, segmentId, records, chain };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (request.step !== 'mend') segments.delete(request.segment);
    const code = error.code === 'STORE_CLOSED' ? error.code : 'STORE_FAILED';
    return { ...NOTHING, error: { code, message: error.message } };
  }
}

/** Says yes to at most so many bytes a second, and `burst` at once. */
function budget(perS: number, burst: number): (bytes: number) => boolean {
  let left = burst;
  let before = performance.now();
  return (bytes) => {
    const now = performance.now();
    left = Math.min(burst, left + ((now - before) / 1000) * perS);
    before = now;
    if (bytes > left) return false;
    left -= bytes;
    return true;
  };
}
