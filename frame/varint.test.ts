import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cursor } from './cursor.ts';
import { readVarint, varintLength, writeVarint } from './varint.ts';

function cursorOf(...bytes: number[]): Cursor {
  return { bytes: Uint8Array.from(bytes), position: 0, end: bytes.length, atEnd: 'FRAME_TRUNCATED' };
}

const u32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000, 0xfff_ffff, 0x1000_0000, 0xffff_ffff),
);

describe('varint', () => {
  it('is read back, and takes the length foretold', () => {
    fc.assert(
      fc.property(u32, (value) => {
        const buffer = new Uint8Array(5);
        const end = writeVarint(value, buffer, 0);
        expect(end).toBe(varintLength(value));
        const cursor = cursorOf(...buffer.subarray(0, end));
        expect(readVarint(cursor)).toBe(value);
        expect(cursor.position).toBe(end);
      }),
    );
  });

  it('puts the low seven bits first', () => {
    const buffer = new Uint8Array(2);
    writeVarint(300, buffer, 0);
    expect([...buffer]).toEqual([0xac, 0x02]);
  });

  it.each([
    ['a form longer than needed', [0x80, 0x00], 'FRAME_MALFORMED', 0],
    ['zeros on top in the fifth byte', [0xff, 0xff, 0xff, 0xff, 0x00], 'FRAME_MALFORMED', 0],
    ['more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x10], 'FRAME_MALFORMED', 0],
    ['more than five bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 'FRAME_MALFORMED', 0],
    ['an end before its last byte', [0x80, 0x80], 'FRAME_TRUNCATED', 2],
    ['no bytes', [], 'FRAME_TRUNCATED', 0],
  ] as const)('is refused for %s', (_, bytes, code, offset) => {
    expect(() => readVarint(cursorOf(...bytes))).toThrow(expect.objectContaining({ code, offset }));
  });
});
