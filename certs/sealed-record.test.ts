import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordError } from './errors.ts';
import { readRecords, RECORD_HEADER_BYTES, sealRecord, TAG_BYTES, type ReadRecord, type RecordsEnd } from './sealed-record.ts';

const keys = { record: Buffer.alloc(32, 1), baseNonce: Buffer.alloc(12, 2) };
const start = Buffer.alloc(32, 3);
const MAX = 1000;

function logOf(plaintexts: readonly Uint8Array[], prefix = Buffer.alloc(0)): Buffer {
  let chain: Buffer = start;
  const parts: Buffer[] = [prefix];
  for (const [number, plaintext] of plaintexts.entries()) {
    const record = sealRecord(number % 3, number, chain, keys, plaintext);
    parts.push(record.header, record.sealed);
    chain = record.chain;
  }
  return Buffer.concat(parts);
}

function read(bytes: Buffer, from = 0, use = keys): { records: ReadRecord[]; end: RecordsEnd } {
  const records: ReadRecord[] = [];
  const reader = readRecords(bytes, from, start, use, MAX);
  for (let step = reader.next(); ; step = reader.next()) {
    if (step.done) return { records, end: step.value };
    records.push(step.value);
  }
}

const texts = ['', 'one', 'a longer one', 'x'.repeat(300)].map((text) => Buffer.from(text));

it('gives back what was sealed, after any bytes before it', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 }), fc.nat(200), (plaintexts, before) => {
    const bytes = logOf(plaintexts, randomBytes(before));
    const { records, end } = read(bytes, before);
    expect(records.map(({ plaintext }) => plaintext)).toEqual(plaintexts.map((one) => Buffer.from(one)));
    expect(end).toMatchObject({ records: plaintexts.length, wholeBytes: bytes.length });
  }));
});

it('costs a header and a tag for each record', () => {
  expect(logOf([texts[1]!])).toHaveLength(RECORD_HEADER_BYTES + 3 + TAG_BYTES);
});

describe('what was altered', () => {
  it('by any single bit gives a RecordError at its record, and only records before it', () => {
    const bytes = logOf(texts);
    const ends: number[] = [];
    for (let at = 0; at < bytes.length; ) ends.push((at += RECORD_HEADER_BYTES + bytes.readUInt32LE(at)));
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      const record = ends.findIndex((end) => bit >> 3 < end);
      expect(() => read(altered), `bit ${bit}`).toThrow(expect.objectContaining({ name: 'RecordError', record }) as Error);
    }
  });

  it('by cutting is the torn end of a write, at every length', () => {
    const bytes = logOf(texts);
    for (let length = 0; length < bytes.length; length++) {
      const { records, end } = read(bytes.subarray(0, length));
      expect(records.map(({ plaintext }) => plaintext)).toEqual(texts.slice(0, records.length));
      expect(end.wholeBytes).toBeLessThanOrEqual(length);
    }
  });

  it('by zeros to its end is the torn end of a write too, as a power cut can leave it', () => {
    const bytes = logOf(texts);
    for (const zeros of [1, RECORD_HEADER_BYTES, 4096]) {
      const { records, end } = read(Buffer.concat([bytes, Buffer.alloc(zeros)]));
      expect(records).toHaveLength(texts.length);
      expect(end.wholeBytes).toBe(bytes.length);
    }
    expect(() => read(Buffer.concat([bytes, Buffer.alloc(4096), Buffer.from([1])]))).toThrow(RecordError);
  });

  it('by moving, repeating or leaving out records is found', () => {
    const cuts = [0];
    const bytes = logOf(['aa', 'bb', 'cc', 'dd'].map((text) => Buffer.from(text)));
    while (cuts.at(-1)! < bytes.length) cuts.push(cuts.at(-1)! + RECORD_HEADER_BYTES + bytes.readUInt32LE(cuts.at(-1)));
    const part = (n: number): Buffer => bytes.subarray(cuts[n], cuts[n + 1]);
    for (const order of [[1, 0, 2, 3], [0, 2, 3], [0, 1, 1, 2, 3], [1, 2, 3], [0, 1, 2, 3, 0]]) {
      expect(() => read(Buffer.concat(order.map(part))), order.join(' ')).toThrow(RecordError);
    }
  });

  it('by putting a record of another history in its place is found', () => {
    const [mine, other] = [logOf([Buffer.from('aa'), Buffer.from('bb')]), logOf([Buffer.from('xx'), Buffer.from('bb')])];
    const half = mine.length / 2;
    expect(() => read(Buffer.concat([mine.subarray(0, half), other.subarray(half)]))).toThrow(RecordError);
  });

  it('by another key or start is found', () => {
    expect(() => read(logOf(texts), 0, { ...keys, record: Buffer.alloc(32, 9) })).toThrow(RecordError);
    expect(() => [...readRecords(logOf(texts), 0, Buffer.alloc(32), keys, MAX)]).toThrow(RecordError);
  });
});

it('does not take a record longer than the limit', () => {
  expect(() => read(logOf([Buffer.alloc(MAX)]))).toThrow(RecordError);
  expect(read(logOf([Buffer.alloc(MAX - TAG_BYTES)])).records).toHaveLength(1);
});
