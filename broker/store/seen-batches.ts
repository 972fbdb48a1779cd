/**
 * Which batches are stored: per gateway and boot epoch the ranges of batch numbers, so that a resent batch is known
 * for what it is however late it comes. Normally one range; each batch dropped on purpose adds one.
 */
import { z } from 'zod';
import type { BatchHeader } from '../../frame/mod.ts';
import { StoreError } from '../errors.ts';

/** Ranges kept per gateway and boot epoch; a gateway that leaves more holes than this is refused. */
export const MAX_RANGES = 4096;
/** Ranges kept per gateway over all its boot epochs: as many restarts and holes may it have. */
export const MAX_RANGES_PER_GATEWAY = 16_384;
/** Ranges kept in all, so that a snapshot fits into one record: at most 60 bytes each, with gateway and epoch. */
export const MAX_RANGES_IN_ALL = 2 ** 19;

/** Sorted, disjoint, not touching: from0, to0, from1, to1, … both ends included. */
type Ranges = number[];

interface Gateway {
  readonly epochs: Map<number, Ranges>;
  ranges: number;
}

const snapshotShape = z.record(z.string(), z.record(z.string(), z.array(z.number().int().nonnegative())));
export type SeenSnapshot = z.infer<typeof snapshotShape>;

export class SeenBatches {
  readonly #gateways = new Map<string, Gateway>();
  #ranges = 0;

  has(batch: BatchHeader): boolean {
    const ranges = this.#gateways.get(batch.gatewayId)?.epochs.get(batch.bootEpoch);
    if (!ranges) return false;
    const at = firstEndingAtOrAfter(ranges, batch.sequence);
    return at < ranges.length && ranges[at]! <= batch.sequence;
  }

  /** Remembers a batch; false when it was known. STORE_FULL when one of the limits above does not let it in. */
  add(batch: BatchHeader): boolean {
    return this.#addRange(batch, batch.sequence);
  }

  /** Remembers all that a snapshot names. */
  addAll(snapshot: SeenSnapshot): void {
    for (const { first, through } of rangesOf(snapshot)) this.#addRange(first, through);
  }

  /** Whether any batch of a snapshot is known. */
  hasAny(snapshot: SeenSnapshot): boolean {
    for (const { first, through } of rangesOf(snapshot)) {
      const ranges = this.#gateways.get(first.gatewayId)?.epochs.get(first.bootEpoch) ?? [];
      const at = firstEndingAtOrAfter(ranges, first.sequence);
      if (at < ranges.length && ranges[at]! <= through) return true;
    }
    return false;
  }

  #addRange(batch: BatchHeader, through: number): boolean {
    const gateway = this.#gateways.get(batch.gatewayId) ?? { epochs: new Map<number, Ranges>(), ranges: 0 };
    const ranges = gateway.epochs.get(batch.bootEpoch) ?? [];
    const before = ranges.length;
    const isNew = insert(ranges, batch.sequence, through, () => this.#checkRoom(gateway, before));
    gateway.epochs.set(batch.bootEpoch, ranges);
    this.#gateways.set(batch.gatewayId, gateway);
    const grown = (ranges.length - before) / 2;
    gateway.ranges += grown;
    this.#ranges += grown;
    return isNew;
  }

  #checkRoom(gateway: Gateway, inEpoch: number): void {
    if (inEpoch >= 2 * MAX_RANGES) throw full(`a gateway left more than ${MAX_RANGES} gaps in one boot epoch`);
    if (gateway.ranges >= MAX_RANGES_PER_GATEWAY) throw full(`a gateway has more than ${MAX_RANGES_PER_GATEWAY} restarts and gaps`);
    if (this.#ranges >= MAX_RANGES_IN_ALL) throw full(`the project's gateways have more than ${MAX_RANGES_IN_ALL} restarts and gaps`);
  }

  snapshot(): SeenSnapshot {
    return Object.fromEntries(
      [...this.#gateways].map(([gateway, { epochs }]) => [
        gateway,
        Object.fromEntries([...epochs].map(([epoch, ranges]) => [String(epoch), [...ranges]])),
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
      const ranges = Object.values(epochs).reduce((sum, one) => sum + one.length / 2, 0);
      seen.#gateways.set(gateway, { epochs: new Map(Object.entries(epochs).map(([epoch, one]) => [Number(epoch), one])), ranges });
      seen.#ranges += ranges;
    }
    return seen;
  }
}

function* rangesOf(snapshot: SeenSnapshot): Generator<{ readonly first: BatchHeader; readonly through: number }> {
  for (const [gatewayId, epochs] of Object.entries(snapshot)) {
    for (const [epoch, ranges] of Object.entries(epochs)) {
      for (let at = 0; at + 1 < ranges.length; at += 2) yield { first: { gatewayId, bootEpoch: Number(epoch), sequence: ranges[at]! }, through: ranges[at + 1]! };
    }
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

/** False when any of `from` to `to` is in a range already. `checkRoom` is asked, and may throw, before a range is added. */
function insert(ranges: Ranges, from: number, to: number, checkRoom: () => void): boolean {
  const at = firstEndingAtOrAfter(ranges, from);
  if (at < ranges.length && ranges[at]! <= to) return false;
  const joinsLeft = at > 0 && ranges[at - 1] === from - 1;
  const joinsRight = at < ranges.length && ranges[at] === to + 1;
  if (joinsLeft && joinsRight) ranges.splice(at - 1, 2);
  else if (joinsLeft) ranges[at - 1] = to;
  else if (joinsRight) ranges[at] = from;
  else {
    checkRoom();
    ranges.splice(at, 0, from, to);
  }
  return true;
}

function full(what: string): StoreError {
  return new StoreError('STORE_FULL', what);
}
