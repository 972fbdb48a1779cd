import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StoreError } from '../errors.ts';
import { CHANNELS, decodeGroup, encodeGroup, ENTRY_HEADER_BYTES } from './group.ts';

const entry = fc.record({
  receivedMs: fc.nat(2 ** 48 - 1),
  channel: fc.constantFrom(...CHANNELS),
  payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
});
const entries = fc.array(entry, { maxLength: 8 });

it('gives back the entries it was made of', () => {
  fc.assert(fc.property(entries, (group) => {
    const bytes = encodeGroup(group);
    expect(bytes).toHaveLength(group.reduce((sum, { payload }) => sum + ENTRY_HEADER_BYTES + payload.length, 4));
    expect(decodeGroup(bytes)).toEqual(group);
  }));
});

it('does not parse when it is cut off or has bytes too many', () => {
  fc.assert(fc.property(entries, fc.nat(), (group, cut) => {
    const bytes = encodeGroup(group);
    expect(() => decodeGroup(bytes.subarray(0, cut % bytes.length))).toThrow(StoreError);
    expect(() => decodeGroup(Buffer.concat([bytes, Buffer.alloc(1 + (cut % 30))]))).toThrow(StoreError);
  }));
});

it('gives entries or an error for any bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    try {
      expect(encodeGroup(decodeGroup(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }));
});
