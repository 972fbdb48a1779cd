import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StoreError } from '../errors.ts';
import { MAX_SEALED_BYTES } from './segment-format.ts';
import { MAX_RANGES, MAX_RANGES_IN_ALL, MAX_RANGES_PER_GATEWAY, SeenBatches } from './seen-batches.ts';

const batch = (sequence: number, bootEpoch = 0, gatewayId = '0000000000000001') => ({ gatewayId, bootEpoch, sequence });
const again = (seen: SeenBatches): SeenBatches => SeenBatches.restore(JSON.stringify(seen.snapshot()));

it('answers as a set of all batches would, also after being written down and read back', () => {
  const one = fc.record({
    gatewayId: fc.constantFrom('0000000000000001', '0000000000000002'),
    bootEpoch: fc.constantFrom(0, 1, 2 ** 32 - 1),
    sequence: fc.oneof(fc.nat(30), fc.integer({ min: 2 ** 32 - 10, max: 2 ** 32 - 1 })),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 150 }), fc.array(one, { maxLength: 50 }), (added, asked) => {
      let seen = new SeenBatches();
      const model = new Set<string>();
      for (const [index, wish] of added.entries()) {
        const name = JSON.stringify(wish);
        expect(seen.has(wish)).toBe(model.has(name));
        expect(seen.add(wish)).toBe(!model.has(name));
        model.add(name);
        if (index % 40 === 39) seen = again(seen);
      }
      for (const wish of [...asked, ...added]) expect(seen.has(wish)).toBe(model.has(JSON.stringify(wish)));
    }),
    { numRuns: 300 },
  );
});

it('keeps one range for a gateway that leaves no gap, whatever the order', () => {
  const seen = new SeenBatches();
  for (const start of [0, 2, 1]) for (let n = start; n < 3000; n += 3) if (start < 1 || n < 2990) seen.add(batch(n));
  for (let n = 2990; n < 3000; n++) seen.add(batch(n));
  expect(seen.snapshot()).toEqual({ '0000000000000001': { 0: [0, 2999] } });
});

it(`refuses more than ${MAX_RANGES} gaps in one boot epoch, but lets them be closed`, () => {
  const seen = new SeenBatches();
  for (let n = 0; n < MAX_RANGES; n++) seen.add(batch(2 * n));
  expect(() => seen.add(batch(2 * MAX_RANGES))).toThrow(StoreError);
  expect(seen.has(batch(2 * MAX_RANGES))).toBe(false);
  expect(seen.add(batch(1))).toBe(true);
  expect(seen.add(batch(2 * MAX_RANGES))).toBe(true);
});

it('refuses a gateway that invents boot epochs, and it alone, also after a restart', () => {
  let seen = new SeenBatches();
  for (let n = 0; n < MAX_RANGES_PER_GATEWAY; n++) seen.add(batch(0, n));
  expect(() => seen.add(batch(0, MAX_RANGES_PER_GATEWAY))).toThrow('restarts and gaps');
  seen = again(seen);
  expect(() => seen.add(batch(0, MAX_RANGES_PER_GATEWAY))).toThrow('restarts and gaps');
  expect(seen.add(batch(1, 5))).toBe(true);
  expect(seen.add(batch(0, 0, '0000000000000002'))).toBe(true);
});

it('never grows past what fits into one record, so that a store can always be opened again', { timeout: 60_000 }, () => {
  const seen = new SeenBatches();
  const top = 2 ** 32 - 1;
  // Longest form: each range with a gateway and an epoch of its own, all numbers with ten digits.
  for (let n = 0; n < MAX_RANGES_IN_ALL; n++) seen.add(batch(top - 1, top, n.toString(16).padStart(16, '0')));
  expect(() => seen.add(batch(0))).toThrow(StoreError);
  expect(Buffer.byteLength(JSON.stringify(seen.snapshot()))).toBeLessThan(MAX_SEALED_BYTES - 1000);
});

it.each(['', '{', '[]', '{"a":{"0":["x"]}}', '{"a":[1]}', '{"a":{"0":[-1,2]}}'])('refuses %j as a list of stored batches', (json) => {
  expect(() => SeenBatches.restore(json)).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }) as Error);
});
