import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RecordError } from './errors.ts';
import { sealRecord, type RecordKeys, type RecordsEnd } from './sealed-record.ts';
import { streamRecords, type RecordFile } from './sealed-record-stream.ts';

const keys: RecordKeys = { record: randomBytes(32), baseNonce: randomBytes(12) };
const FIRST_CHAIN = Buffer.alloc(32, 7);
const COUNT = 6;

/** Whole records one after the other, and where each of them ends. */
const { bytes: whole, ends } = (() => {
  const parts: Buffer[] = [];
  const ends: number[] = [];
  let chain: Buffer = FIRST_CHAIN;
  for (let number = 0; number < COUNT; number++) {
    const { header, sealed, chain: next } = sealRecord(1, number, chain, keys, Buffer.alloc(700 + 100 * number, number));
    parts.push(header, sealed);
    ends.push(parts.reduce((sum, part) => sum + part.length, 0));
    chain = next;
  }
  return { bytes: Buffer.concat(parts), ends };
})();

/** A file with room for all records; `filled` says how many bytes are written when it is read the n-th time, from 0. */
function growing(filled: (n: number) => number): RecordFile {
  let reads = 0;
  return {
    size: whole.length + 4_096,
    read: (offset, length) => {
      const now = Buffer.alloc(whole.length + 4_096);
      whole.copy(now, 0, 0, filled(reads++));
      return Promise.resolve(now.subarray(offset, offset + length));
    },
  };
}

async function readAll(file: RecordFile): Promise<{ numbers: number[]; end: RecordsEnd }> {
  const numbers: number[] = [];
  const records = streamRecords(file, 0, FIRST_CHAIN, keys, 2 ** 16);
  for (let step = await records.next(); ; step = await records.next()) {
    if (step.done) return { numbers, end: step.value };
    numbers.push(step.value.number);
  }
}

describe('a file that is written while it is read', () => {
  it('is no damage when several records come between two looks', async () => {
    const { numbers, end } = await readAll(growing((n) => (n === 0 ? ends[1]! : whole.length)));
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5]);
    expect(end.wholeBytes).toBe(whole.length);
  });

  it.each([1, 20, 300, 500])('is no damage when the look comes amid a write, %d bytes before its end', async (missing) => {
    const { numbers } = await readAll(growing((n) => (n === 0 ? ends[2]! - missing : whole.length)));
    expect(numbers.slice(0, 2)).toEqual([0, 1]);
    expect([[0, 1], [0, 1, 2, 3, 4, 5]]).toContainEqual(numbers);
  });

  it('is damage when it stays as it is', async () => {
    const file = growing(() => whole.length);
    const altered: RecordFile = {
      size: file.size,
      read: async (offset, length) => {
        const bytes = Buffer.from(await file.read(offset, length));
        if (offset <= ends[1]! + 30 && ends[1]! + 30 < offset + length) bytes[ends[1]! + 30 - offset]! ^= 1;
        return bytes;
      },
    };
    await expect(readAll(altered)).rejects.toBeInstanceOf(RecordError);
  });
});
