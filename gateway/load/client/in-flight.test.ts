import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InFlight, MOST_IN_FLIGHT } from './in-flight.ts';

describe('publishes in flight', () => {
  it('are found by the id that they were given, in any order, as a map would find them', () => {
    const operation = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), burst: fc.integer({ min: 1, max: 40 }) }) },
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('take' as const), which: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('strange' as const), id: fc.integer({ min: 0, max: 65_535 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), fc.integer({ min: 0, max: 65_600 }), (operations, goneBefore) => {
        const inFlight = new InFlight();
        const model = new Map<number, { dueUs: number; ticket: number; released: boolean }>();
        for (let i = 0; i < goneBefore; i++) inFlight.take(inFlight.add(0, 0));
        let ticket = 0;
        for (const operation of operations) {
          const ids = [...model.keys()];
          if (operation.kind === 'add') {
            for (let i = 0; i < operation.burst; i++) {
              const dueUs = ticket * 1.5;
              const id = inFlight.add(dueUs, ticket);
              expect(id).toBeGreaterThanOrEqual(1);
              expect(id).toBeLessThanOrEqual(MOST_IN_FLIGHT);
              expect(model.has(id)).toBe(false);
              model.set(id, { dueUs, ticket, released: false });
              ticket += 1;
            }
          } else if (operation.kind === 'take' && ids.length > 0) {
            const id = ids[operation.which % ids.length]!;
            const { dueUs, ticket: known } = model.get(id)!;
            expect(inFlight.take(id)).toEqual({ dueUs, ticket: known });
            model.delete(id);
          } else if (operation.kind === 'release' && ids.length > 0) {
            const id = ids[operation.which % ids.length]!;
            expect(inFlight.release(id)).toBe(true);
            model.get(id)!.released = true;
          } else if (operation.kind === 'strange' && !model.has(operation.id)) {
            expect([inFlight.take(operation.id), inFlight.release(operation.id), inFlight.isReleased(operation.id)]).toEqual([undefined, false, false]);
          } else if (operation.kind === 'clear') {
            expect(inFlight.clear().sort((a, b) => a - b)).toEqual([...model.values()].map((waiting) => waiting.ticket).sort((a, b) => a - b));
            model.clear();
          }
          expect(inFlight.size).toBe(model.size);
          for (const [id, { released }] of model) expect(inFlight.isReleased(id)).toBe(released);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('leave out ids whose acknowledgement never comes, however often the ids go round', () => {
    const inFlight = new InFlight();
    const lost = [inFlight.add(1, 1), inFlight.add(2, 2)];
    let isGivenTwice = false;
    for (let i = 0; i < 200_000; i++) {
      const id = inFlight.add(3, i);
      isGivenTwice ||= lost.includes(id);
      inFlight.take(id);
    }
    expect(isGivenTwice).toBe(false);
    expect(inFlight.size).toBe(2);
    expect(inFlight.take(lost[0]!)).toEqual({ dueUs: 1, ticket: 1 });
  });

  it('are as many as there are ids, and then full', () => {
    const inFlight = new InFlight();
    const ids = new Set<number>();
    for (let i = 0; i < MOST_IN_FLIGHT && !inFlight.isFull; i++) ids.add(inFlight.add(i, i));
    expect(ids.size).toBe(MOST_IN_FLIGHT);
    expect(inFlight.isFull).toBe(true);
    inFlight.take(40_000);
    expect(inFlight.isFull).toBe(false);
    expect(inFlight.add(0, 7)).toBe(40_000);
  });
});
