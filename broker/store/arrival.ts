/** What comes to a project's log, and which of it is new. */
import type { BatchHeader } from '../../frame/mod.ts';
import type { StoredEntry } from './group.ts';
import type { SeenBatches } from './seen-batches.ts';

export interface Arrival extends StoredEntry {
  readonly batch: BatchHeader;
}

/** A gateway came or went: stored with what is published, in its order. */
export interface ConnectionNote extends StoredEntry {
  readonly channel: 'connection';
  readonly batch?: undefined;
}

export type Done = (error?: Error) => void;

/** What one publish is answered: nothing when it is stored. */
export type Answer = Error | undefined;

/** What of a group is new, and the answer to each. A gateway past its limits is refused from there on, and it alone. */
export function sift(group: readonly (Arrival | ConnectionNote)[], seen: SeenBatches): { readonly fresh: (Arrival | ConnectionNote)[]; readonly answers: Answer[] } {
  const fresh: (Arrival | ConnectionNote)[] = [];
  const refused = new Map<string, Error>();
  const answers = group.map((arrival) => {
    if (!arrival.batch) {
      fresh.push(arrival);
      return undefined;
    }
    const { gatewayId } = arrival.batch;
    if (refused.has(gatewayId)) return refused.get(gatewayId);
    try {
      if (seen.add(arrival.batch)) fresh.push(arrival);
      return undefined;
    } catch (error) {
      refused.set(gatewayId, error as Error);
      return error as Error;
    }
  });
  return { fresh, answers };
}
