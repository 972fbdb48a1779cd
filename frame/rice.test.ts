import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitReader, readBits } from './bit-reader.ts';
import { bitWriter, finishBits, writeBits } from './bit-writer.ts';
import { BLOCK_SAMPLES, planResiduals, readResiduals, writeResiduals } from './rice.ts';

/** Residuals of very different sizes in different places, so that partitions differ. */
const residuals = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 20 }), fc.nat()), {
    minLength: 1,
    maxLength: 20,
  })
  .map((runs) =>
    Int32Array.from(
      runs.flatMap(([length, bits, seed]) =>
        Array.from({ length }, (_, index) => Math.imul(seed + index, 0x9e3779b1) & ((1 << bits) - 1)),
      ),
    ),
  );

describe('rice', () => {
  it('reads the residuals back, and takes exactly the bits of its plan', () => {
    fc.assert(
      fc.property(residuals, fc.nat(4), (zigzag, wanted) => {
        const order = Math.min(wanted, zigzag.length - 1);
        zigzag.fill(0, 0, order);
        const plan = planResiduals(zigzag, zigzag.length, order);
        const writer = bitWriter(new Uint8Array(4 * zigzag.length + 100), 0);
        writeResiduals(plan, zigzag, zigzag.length, order, writer);
        expect(writer.position * 8 + writer.pendingBits).toBe(plan.bits);
        const bytes = writer.buffer.subarray(0, finishBits(writer));
        const reader = bitReader({ bytes, position: 0, end: bytes.length, atEnd: 'FRAME_MALFORMED' });
        const back = new Int32Array(zigzag.length);
        readResiduals(reader, zigzag.length, order, back);
        expect(back).toEqual(zigzag);
        expect(readBits(reader, reader.pendingBits)).toBe(0);
      }),
    );
  });

  it('cuts a block where its loudness changes, and not where it does not', () => {
    const steady = Int32Array.from({ length: BLOCK_SAMPLES }, (_, index) => 64 + (index % 7));
    expect(planResiduals(steady, BLOCK_SAMPLES, 0).partitionOrder).toBe(0);
    const burst = steady.map((value, index) => (index >= 1024 && index < 1056 ? value * 8192 : 1));
    expect(planResiduals(burst, BLOCK_SAMPLES, 0).partitionOrder).toBeGreaterThan(4);
  });

  it.each([
    ['an undefined coding', [[0, 3], [21, 5]]],
    ['a width of 0', [[0, 3], [31, 5], [0, 5]]],
    ['a width above 20', [[0, 3], [31, 5], [21, 5]]],
    ['a residual of more than 20 bits', [[0, 3], [20, 5], [0, 1], [1, 1], [0, 20]]],
  ] as const)('refuses %s', (_, fields) => {
    const writer = bitWriter(new Uint8Array(64), 0);
    for (const [value, count] of fields) writeBits(writer, value, count);
    const bytes = writer.buffer;
    const reader = bitReader({ bytes, position: 0, end: bytes.length, atEnd: 'FRAME_MALFORMED' });
    expect(() => readResiduals(reader, 8, 0, new Int32Array(8))).toThrow(
      expect.objectContaining({ code: 'FRAME_MALFORMED' }),
    );
  });
});
