import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitReader, finishReading, readBits, readUnary, readZeros } from './bit-reader.ts';
import { bitWriter, finishBits, writeBits, writeUnary, writeZeros } from './bit-writer.ts';
import type { Cursor } from './cursor.ts';

function cursorOf(bytes: Uint8Array): Cursor {
  return { bytes, position: 0, end: bytes.length, atEnd: 'FRAME_MALFORMED' };
}

const piece = fc.oneof(
  fc.record({ kind: fc.constant('bits' as const), count: fc.integer({ min: 0, max: 24 }), seed: fc.nat(0xff_ffff) }),
  fc.record({ kind: fc.constant('unary' as const), zeros: fc.nat(100) }),
  fc.record({ kind: fc.constant('zeros' as const), count: fc.nat(60) }),
);

describe('bits', () => {
  it('come back as they were written, with nothing left over', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const writer = bitWriter(new Uint8Array(1000), 3);
        for (const each of pieces) {
          if (each.kind === 'bits') writeBits(writer, each.seed & ((1 << each.count) - 1), each.count);
          else if (each.kind === 'unary') writeUnary(writer, each.zeros);
          else writeZeros(writer, each.count);
        }
        const cursor = cursorOf(writer.buffer.subarray(3, finishBits(writer)));
        const reader = bitReader(cursor);
        for (const each of pieces) {
          if (each.kind === 'bits') expect(readBits(reader, each.count)).toBe(each.seed & ((1 << each.count) - 1));
          else if (each.kind === 'unary') expect(readUnary(reader, 100)).toBe(each.zeros);
          else readZeros(reader, each.count);
        }
        finishReading(reader, cursor);
        expect(cursor.position).toBe(cursor.end);
      }),
    );
  });

  it('go into bytes from the top', () => {
    const writer = bitWriter(new Uint8Array(2), 0);
    writeBits(writer, 0b101, 3);
    writeUnary(writer, 2);
    writeBits(writer, 0b11, 2);
    expect(finishBits(writer)).toBe(1);
    expect(writer.buffer[0]).toBe(0b1010_0111);
  });

  it('past the end of the buffer are counted, not written', () => {
    const whole = new Uint8Array(4);
    const writer = bitWriter(whole.subarray(0, 2), 0);
    writeBits(writer, 0xff_ffff, 24);
    expect(finishBits(writer)).toBe(3);
    expect([...whole]).toEqual([0xff, 0xff, 0, 0]);
  });

  it('are refused past the end, above a limit, and where zeros must be', () => {
    const malformed = expect.objectContaining({ code: 'FRAME_MALFORMED' }) as unknown;
    expect(() => readBits(bitReader(cursorOf(Uint8Array.of(1))), 9)).toThrow(malformed);
    expect(() => readUnary(bitReader(cursorOf(new Uint8Array(9))), 1000)).toThrow(malformed);
    expect(() => readUnary(bitReader(cursorOf(new Uint8Array(9))), 10)).toThrow(malformed);
    expect(() => readUnary(bitReader(cursorOf(Uint8Array.of(0, 1))), 14)).toThrow(malformed);
    expect(readUnary(bitReader(cursorOf(Uint8Array.of(0, 1))), 15)).toBe(15);
    expect(() => readZeros(bitReader(cursorOf(Uint8Array.of(0, 1))), 16)).toThrow(malformed);
    const cursor = cursorOf(Uint8Array.of(0b1000_0001));
    const reader = bitReader(cursor);
    readBits(reader, 1);
    expect(() => finishReading(reader, cursor)).toThrow(malformed);
  });
});
