import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StoreError } from '../errors.ts';
import { CHANNELS, decodeConnection, decodeGroup, encodeConnection, encodeGroup, maxGroupLength, type StoredEntry } from './group.ts';

const entry = fc.record({
  receivedMs: fc.nat(2 ** 48 - 1),
  channel: fc.constantFrom(...CHANNELS),
  payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
});
const entries = fc.array(entry, { minLength: 1, maxLength: 8 });

function encoded(group: readonly StoredEntry[]): Buffer {
  const bytes = Buffer.alloc(maxGroupLength(group));
  return bytes.subarray(0, encodeGroup(group, bytes));
}

it('gives back the entries it was made of', () => {
  fc.assert(fc.property(entries, (group) => {
    expect(decodeGroup(encoded(group))).toEqual(group);
  }));
});

it('does not parse when it is cut off or has bytes too many', () => {
  fc.assert(fc.property(entries, fc.nat(), (group, cut) => {
    const bytes = encoded(group);
    expect(() => decodeGroup(bytes.subarray(0, cut % bytes.length))).toThrow(StoreError);
    expect(() => decodeGroup(Buffer.concat([bytes, Buffer.alloc(1 + (cut % 30))]))).toThrow(StoreError);
  }));
});

it('gives entries or an error for any bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    try {
      const group = decodeGroup(Buffer.from(bytes));
      if (group.length > 0) expect(decodeGroup(encoded(group))).toEqual(group);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }));
});

it('costs three bytes an entry of up to 16 KiB, and eight a group', () => {
  const group = Array.from({ length: 50 }, (_, n) => ({ receivedMs: 1_760_000_000_000 + n, channel: 'data' as const, payload: Buffer.alloc(256) }));
  expect(encoded(group)).toHaveLength(7 + 50 * (3 + 256));
});

it('tells of a gateway that came or went', () => {
  for (const connected of [true, false]) {
    const event = { gatewayId: '00124b0000000001', connected };
    expect(decodeConnection(encodeConnection(event))).toEqual(event);
  }
  expect(() => decodeConnection(Buffer.alloc(8))).toThrow(StoreError);
});
