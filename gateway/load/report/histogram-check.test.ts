import { deflateSync } from 'node:zlib';
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Measures, newHistogram } from '../measures.ts';
import { isHistogram } from './histogram-check.ts';

/** One of ours with another payload; its length is as it is unless told. */
function withPayload(payload: Buffer, said = payload.length): string {
  const head = Buffer.alloc(40);
  head.writeUInt32BE(0x1c849313, 0);
  head.writeUInt32BE(said, 4);
  head.writeUInt32BE(3, 12);
  head.writeBigUInt64BE(1n, 16);
  head.writeBigUInt64BE(3_600_000_000n, 24);
  head.writeDoubleBE(1, 32);
  const packed = deflateSync(Buffer.concat([head, payload]));
  const outer = Buffer.alloc(8);
  outer.writeUInt32BE(0x1c849314, 0);
  outer.writeUInt32BE(packed.length, 4);
  return Buffer.concat([outer, packed]).toString('base64');
}

/** The encoding's word for a count, or, below zero, for so many places without one. */
function word(value: bigint): Buffer {
  let rest = value < 0n ? -value * 2n - 1n : value * 2n;
  const octets: number[] = [];
  do {
    octets.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(octets);
}

const all = (...values: bigint[]): string => withPayload(Buffer.concat(values.map(word)));

describe('a histogram from a file', () => {
  it('is taken when it is one of ours, whatever it holds', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 3_600_000_000 }), fc.integer({ min: 1, max: 1_000_000 })), { maxLength: 50 }), (values) => {
      const histogram = newHistogram();
      for (const [value, times] of values) histogram.recordValueWithCount(value, times);
      expect(isHistogram(encodeIntoCompressedBase64(histogram))).toBe(true);
    }), { numRuns: 50 });
    expect(isHistogram(all(3n, -100n, 7n))).toBe(true);
    expect(Measures.of({ counters: {}, errors: {}, handshakes: {}, latenciesUs: { publish: all(3n, -100n, 7n) } }).latency('publish').totalCount).toBe(10);
  });

  it('is refused when it would be read for ever, or beyond its end', () => {
    for (const zeros of [23_553n, 2n ** 31n, 2n ** 50n]) expect(isHistogram(all(-zeros, 1n))).toBe(false);
    expect(isHistogram(all(-23_551n, 1n))).toBe(true);
    expect(isHistogram(all(-23_552n, 1n))).toBe(false);
    expect(isHistogram(all(2n ** 32n))).toBe(false);
    expect(isHistogram(withPayload(Buffer.from([0x80, 0x80])))).toBe(false);
    expect(isHistogram(withPayload(Buffer.from([2]), 2))).toBe(false);
  });

  it('is refused when it unpacks to more, is of another kind, or is none', () => {
    expect(isHistogram(withPayload(Buffer.alloc(10_000_000)))).toBe(false);
    const other = build({ numberOfSignificantValueDigits: 5, highestTrackableValue: 3_600_000_000 });
    other.recordValue(7);
    expect(isHistogram(encodeIntoCompressedBase64(other))).toBe(false);
    fc.assert(fc.property(fc.base64String({ maxLength: 300 }), (text) => {
      expect(isHistogram(text)).toBe(false);
    }), { numRuns: 100 });
  });
});
