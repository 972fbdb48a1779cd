import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordError } from './errors.ts';
import { openRecord, readRecords, RECORD_HEADER_BYTES, sealRecord, TAG_BYTES, type ReadRecord, type RecordsEnd } from './sealed-record.ts';

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

const padded = (length: number): number => Math.ceil(length / 8) * 8;
const texts = ['', 'one', 'a longer one', 'x'.repeat(300)].map((text) => Buffer.from(text));

it('gives back what was sealed, after any bytes before it', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 }), fc.nat(200), (plaintexts, before) => {
    const bytes = logOf(plaintexts, randomBytes(before));
    const { records, end } = read(bytes, before);
    expect(records.map(({ plaintext }) => plaintext)).toEqual(plaintexts.map((one) => Buffer.from(one)));
    expect(end).toMatchObject({ records: plaintexts.length, wholeBytes: bytes.length });
  }));
});

it('costs a header, a tag and the zeros to a multiple of eight for each record', () => {
  expect(logOf([texts[1]!])).toHaveLength(RECORD_HEADER_BYTES + 3 + TAG_BYTES + 5);
  expect(logOf([Buffer.alloc(8)])).toHaveLength(RECORD_HEADER_BYTES + 8 + TAG_BYTES);
});

it('opens each record alone, at its own number only', () => {
  const bytes = logOf(texts);
  for (const { number, offset, plaintext } of read(bytes).records) {
    expect(openRecord(bytes.subarray(offset), number, keys, start)).toMatchObject({ number, plaintext });
    expect(() => openRecord(bytes.subarray(offset), number + 1, keys, start)).toThrow(RecordError);
    expect(() => openRecord(bytes.subarray(offset, offset + 20), number, keys, start)).toThrow(RecordError);
  }
});

describe('a write that a power cut interrupted', () => {
  const before = Buffer.from('acknowledged');
  const bytes = logOf([before, randomBytes(3_000)]);
  const [from, sectors] = [logOf([before]).length, Math.ceil(bytes.length / 512)];

  it('is told from damage, whichever of its sectors are there', () => {
    for (let lost = 1; lost < 2 ** sectors; lost++) {
      const torn = Buffer.concat([bytes, Buffer.alloc(8_192)]);
      for (let sector = 0; sector < sectors; sector++) {
        if ((lost >> sector) & 1) torn.fill(0, Math.max(from, 512 * sector), Math.min(bytes.length, 512 * (sector + 1)));
      }
      const { records, end } = readShort(torn);
      expect(records.map(({ plaintext }) => plaintext), lost.toString(2)).toEqual([before]);
      expect(end.wholeBytes).toBe(from);
    }
  });

  it('is damage when something whole follows it, or no sector of it is missing', () => {
    const followed = logOf([before, randomBytes(3_000), before]);
    followed.fill(0, 1024, 1536);
    expect(() => readShort(followed)).toThrow(RecordError);
    const altered = Buffer.concat([bytes, Buffer.alloc(8_192)]);
    altered.fill(0, 1024, 1535);
    expect(() => readShort(altered)).toThrow(RecordError);
  });

  it('is damage when its header is gone, or promises more than there is, and others follow it', () => {
    for (const alter of [(header: Buffer) => header.fill(0), (header: Buffer) => { header.writeUInt32LE(9_000, 0); header.writeUInt32LE(crc32(header.subarray(0, 12)), 12); }]) {
      const followed = logOf([before, before, before, before]);
      alter(followed.subarray(from, from + RECORD_HEADER_BYTES));
      expect(() => readShort(followed)).toThrow(expect.objectContaining({ record: 1 }) as Error);
    }
  });

  function readShort(torn: Buffer): { records: ReadRecord[]; end: RecordsEnd } {
    const records: ReadRecord[] = [];
    const reader = readRecords(torn, 0, start, keys, 10_000);
    for (let step = reader.next(); ; step = reader.next()) {
      if (step.done) return { records, end: step.value };
      records.push(step.value);
    }
  }
});

describe('what was altered', () => {
  it('by any single bit gives a RecordError at its record, and only records before it', () => {
    const bytes = logOf(texts);
    const ends: number[] = [];
    for (let at = 0; at < bytes.length; ) ends.push((at += padded(RECORD_HEADER_BYTES + bytes.readUInt32LE(at))));
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
  });

  it('by moving, repeating or leaving out records is found', () => {
    const cuts = [0];
    const bytes = logOf(['aa', 'bb', 'cc', 'dd'].map((text) => Buffer.from(text)));
    while (cuts.at(-1)! < bytes.length) cuts.push(cuts.at(-1)! + padded(RECORD_HEADER_BYTES + bytes.readUInt32LE(cuts.at(-1))));
    const part = (n: number): Buffer => bytes.subarray(cuts[n], cuts[n + 1]);
    for (const order of [[1, 0, 2, 3], [0, 2, 3], [0, 1, 1, 2, 3], [1, 2, 3], [0, 1, 2, 3, 0]]) {
      expect(() => read(Buffer.concat(order.map(part))), order.join(' ')).toThrow(RecordError);
    }
  });

  it('by putting a record of another history in its place ends in another chain', () => {
    const [mine, other] = [logOf([Buffer.from('aa'), Buffer.from('bb')]), logOf([Buffer.from('xx'), Buffer.from('bb')])];
    expect(read(mine).end.chain).not.toEqual(read(other).end.chain);
  });

  it('by another key is found', () => {
    expect(() => read(logOf(texts), 0, { ...keys, record: Buffer.alloc(32, 9) })).toThrow(RecordError);
  });
});

it('does not take a record longer than the limit', () => {
  expect(() => read(logOf([Buffer.alloc(MAX)]))).toThrow(RecordError);
  expect(read(logOf([Buffer.alloc(MAX - TAG_BYTES)])).records).toHaveLength(1);
});
