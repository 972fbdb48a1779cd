/**
 * The batch numbers that each snapshot claims, against what the segments before it hold: docs/store.md, "Segments". No batch
 * is stored twice, and what was shredded stays known.
 */
import { Damage } from './store-bytes.ts';
import { batchOf } from './store-index.ts';
import type { Segment } from './store-segment.ts';

/** `gateway/boot epoch/number` of every batch in a snapshot. */
function numbersIn({ file, snapshot }: Segment): Set<string> {
  const numbers = new Set<string>();
  for (const [gatewayId, epochs] of Object.entries(snapshot as Record<string, Record<string, number[]>>)) {
    for (const [epoch, bounds] of Object.entries(epochs)) {
      if (bounds.length % 2 !== 0) throw new Damage(file, 'a range of the snapshot has no end');
      for (let i = 0; i < bounds.length; i += 2) {
        for (let number = bounds[i]!; number <= bounds[i + 1]!; number += 1) numbers.add(`${gatewayId}/${epoch}/${number}`);
      }
    }
  }
  return numbers;
}

/** `known` are the numbers before this segment, undefined where the segments before it were removed. Gives those after it. */
export function checkNumbers(segment: Segment, known: ReadonlySet<string> | undefined, isRewritten: boolean): Set<string> {
  const numbers = numbersIn(segment);
  const isKept = [...known ?? []].every((number) => numbers.has(number));
  const isMore = known !== undefined && numbers.size > known.size;
  if (!isKept || (isMore && !isRewritten)) throw new Damage(segment.file, 'the snapshot is not what was stored before');
  for (const entry of segment.groups.flatMap(({ entries }) => entries)) {
    const batch = batchOf(entry);
    if (batch === undefined) continue;
    const number = `${batch.gatewayId}/${batch.bootEpoch}/${batch.sequence}`;
    if (numbers.has(number)) throw new Damage(segment.file, `batch ${number} is stored twice`);
    numbers.add(number);
  }
  return numbers;
}
