/**
 * Reads the logs of several writers as one, in the order of receiving. Promise: each batch once. A gateway that lost its
 * connection before an acknowledgement and came back to another broker has that batch stored by both.
 */
import type { KeyProvider } from '../keys/provider.ts';
import { isConnection, readProject, type StoredItem } from '../store/read.ts';
import { SeenBatches } from '../store/seen-batches.ts';
import type { Selection } from '../store/segment-index.ts';
import type { SegmentSource } from '../store/segment-source.ts';

/** As `readProject`, of all `sources`. */
export async function* readLogs(sources: readonly SegmentSource[], projectId: string, keys: KeyProvider, selection: Selection = {}): AsyncGenerator<StoredItem> {
  if (sources.length === 1) {
    yield* readProject(sources[0]!, projectId, keys, selection);
    return;
  }
  const seen = new SeenBatches();
  for await (const item of inOrder(sources.map((source) => readProject(source, projectId, keys, selection)))) {
    if (isConnection(item) || seen.add(item.batch)) yield item;
  }
}

async function* inOrder(logs: readonly AsyncGenerator<StoredItem>[]): AsyncGenerator<StoredItem> {
  const heads = new Map<AsyncGenerator<StoredItem>, StoredItem>();
  const advance = async (log: AsyncGenerator<StoredItem>): Promise<void> => {
    const step = await log.next();
    if (step.done) heads.delete(log);
    else heads.set(log, step.value);
  };
  try {
    for (const log of logs) await advance(log);
    while (heads.size > 0) {
      let [log, item] = heads.entries().next().value!;
      for (const [other, its] of heads) if (its.receivedMs < item.receivedMs) [log, item] = [other, its];
      yield item;
      await advance(log);
    }
  } finally {
    for (const log of logs) await log.return(undefined);
  }
}
