/** A thread that checks segments: one at a time, each as it is asked. */
import { parentPort } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import { checkSegment } from './check-segment.ts';
import { segmentFile } from './segment-files.ts';
import { parseHeader, wipe, type SegmentHeader } from './segment-format.ts';
import type { OpenedSegment } from './segment-reader.ts';
import { localSource } from './segment-source.ts';
import type { CheckAnswer, CheckRequest } from './threaded-checker.ts';

const port = parentPort!;

port.on('message', (request: CheckRequest) => {
  const segment = segmentOf(request);
  void answer(segment, request.chainsAfter)
    .finally(() => wipe(segment.keys))
    .then((result) => port.postMessage(result));
});

function segmentOf({ directory, ordinal, segmentId, bytes, header, keys }: CheckRequest): OpenedSegment {
  const { record, baseNonce, header: headerKey, commitment } = keys;
  return {
    source: localSource(directory),
    file: segmentFile(directory, ordinal, segmentId),
    header: parseHeader(Buffer.from(header)) as SegmentHeader, // the asker has parsed it before
    bytes,
    keys: { record: Buffer.from(record), baseNonce: Buffer.from(baseNonce), header: Buffer.from(headerKey), commitment: Buffer.from(commitment) },
  };
}

/** Faults of the store are told; others end the thread, and with it the check. */
async function answer(segment: OpenedSegment, chainsAfter: ReadonlySet<number>): Promise<CheckAnswer> {
  try {
    return { report: await checkSegment(segment, chainsAfter) };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const { code, message, place } = error;
    return { fault: { code, message, place } };
  }
}
