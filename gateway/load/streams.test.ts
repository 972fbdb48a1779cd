import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countWithin, messageOf, Ranges, ticketOf, unionOf } from './streams.ts';

const numbersOf = (bounds: readonly number[]): number[] => {
  const numbers: number[] = [];
  for (let at = 0; at < bounds.length; at += 2) for (let value = bounds[at]!; value < bounds[at + 1]!; value++) numbers.push(value);
  return numbers;
};
const ranges = fc.array(fc.tuple(fc.nat(60), fc.nat(12)).map(([from, length]) => [from, from + length]), { maxLength: 12 }).map((pairs) => pairs.flat());

describe('ranges of numbers', () => {
  it('hold what a set holds, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 120 }), (values) => {
        const model = new Set<number>();
        const own = new Ranges();
        for (const value of values) {
          expect(own.add(value)).toBe(!model.has(value));
          model.add(value);
        }
        const sorted = [...model].sort((a, b) => a - b);
        expect(numbersOf(own.toData())).toEqual(sorted);
        expect(own.size).toBe(model.size);
        expect(own.end).toBe(sorted.length === 0 ? 0 : sorted.at(-1)! + 1);
        for (let value = -1; value < 63; value++) expect(own.has(value)).toBe(model.has(value));
        const bounds = own.toData();
        expect(bounds).toEqual(unionOf(bounds)); // sorted, and none that could be one
      }),
    );
  });

  it('unite to what their numbers are', () => {
    fc.assert(
      fc.property(ranges, fc.nat(80), fc.nat(80), (bounds, from, to) => {
        const model = [...new Set(numbersOf(bounds))].sort((a, b) => a - b);
        const union = unionOf(bounds);
        expect(numbersOf(union)).toEqual(model);
        expect(countWithin(union, from, to)).toBe(model.filter((value) => value >= from && value < to).length);
      }),
    );
  });
});

describe('a ticket', () => {
  it('is one message of one stream', () => {
    fc.assert(
      fc.property(fc.nat(63), fc.nat(2 ** 28 - 1), (stream, sequence) => {
        expect(messageOf(ticketOf(stream, sequence))).toEqual({ stream, sequence });
      }),
    );
  });
});
