/**
 * Which batches are stored: per gateway and boot epoch the ranges of batch numbers, so that a resent batch is known
 * for what it is however late it comes. Normally one range; each batch dropped on purpose adds one.
 */
import { z } from 'zod';
import type { BatchHeader } from '../../frame/mod.ts';
import { StoreError } from '../errors.ts';

/** Ranges kept per gateway and boot epoch; a gateway that leaves more holes than this is refused. */
export const MAX_RANGES = 4096;

/** Sorted, disjoint, not touching: from0, to0, from1, to1, … both ends included. */
type Ranges = number[];

const snapshotShape = z.record(z.string(), z.record(z.string(), z.array(z.number().int().nonnegative())));
export type SeenSnapshot = z.infer<typeof snapshotShape>;

export class SeenBatches {
  readonly #gateways = new Map<string, Map<number, Ranges>>();

  has(batch: BatchHeader): boolean {
    const ranges = this.#gateways.get(batch.gatewayId)?.get(batch.bootEpoch);
    if (!ranges) return false;
    const at = firstEndingAtOrAfter(ranges, batch.sequence);
    return at < ranges.length && ranges[at]! <= batch.sequence;
  }

  /** Remembers a batch; false when it was known. STORE_FULL when its gateway has left more than MAX_RANGES holes in this boot epoch. */
  add(batch: BatchHeader): boolean {
    let epochs = this.#gateways.get(batch.gatewayId);
    if (!epochs) this.#gateways.set(batch.gatewayId, (epochs = new Map<number, Ranges>()));
    let ranges = epochs.get(batch.bootEpoch);
    if (!ranges) epochs.set(batch.bootEpoch, (ranges = []));
    return insert(ranges, batch.sequence);
  }

  snapshot(): SeenSnapshot {
    return Object.fromEntries(
      [...this.#gateways].map(([gateway, epochs]) => [
        gateway,
        Object.fromEntries([...epochs].filter(([, ranges]) => ranges.length > 0).map(([epoch, ranges]) => [String(epoch), [...ranges]])),
      ]),
    );
  }

  /** The inverse of `snapshot`; STORE_DAMAGED when the JSON is not one. */
  static restore(json: string): SeenBatches {
    const seen = new SeenBatches();
    let parsed;
    try {
      parsed = snapshotShape.parse(JSON.parse(json));
    } catch (cause) {
      throw new StoreError('STORE_DAMAGED', 'the list of stored batches does not parse', { cause });
    }
    for (const [gateway, epochs] of Object.entries(parsed)) {
      seen.#gateways.set(gateway, new Map(Object.entries(epochs).map(([epoch, ranges]) => [Number(epoch), ranges])));
    }
    return seen;
  }
}

/** Index of the first range whose end is not before `value`; ranges.length when there is none. Usually the last one. */
function firstEndingAtOrAfter(ranges: Ranges, value: number): number {
  let low = 0;
  let high = ranges.length / 2;
  if (high > 0 && ranges[ranges.length - 1]! < value) return ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[2 * middle + 1]! < value) low = middle + 1;
    else high = middle;
  }
  return 2 * low;
}

function insert(ranges: Ranges, value: number): boolean {
  const at = firstEndingAtOrAfter(ranges, value);
  if (at < ranges.length && ranges[at]! <= value) return false;
  const joinsLeft = at > 0 && ranges[at - 1] === value - 1;
  const joinsRight = at < ranges.length && ranges[at] === value + 1;
  if (joinsLeft && joinsRight) ranges.splice(at - 1, 2);
  else if (joinsLeft) ranges[at - 1] = value;
  else if (joinsRight) ranges[at] = value;
  else if (ranges.length >= 2 * MAX_RANGES) {
    throw new StoreError('STORE_FULL', `a gateway left more than ${MAX_RANGES} gaps in one boot epoch`);
  } else ranges.splice(at, 0, value, value);
  return true;
}
