import { describe, expect, it } from 'vitest';
import { SimulatedClock } from './clock.ts';
import { Turns } from './turns.ts';

const START_MS = Date.UTC(2026, 0, 1);
const never = new AbortController().signal;

describe('simulated time', () => {
  it('runs as many times as fast as real time as it was told', () => {
    let realMs = 5_000;
    const clock = new SimulatedClock({ startMs: START_MS, speed: 60, realNow: () => realMs });
    expect(clock.now()).toBe(START_MS);
    realMs += 250;
    expect(clock.now()).toBe(START_MS + 15_000);
  });

  it('does not return from a wait before its time has come, however early timers fire', async () => {
    let realMs = 0;
    const looks: number[] = [];
    const realNow = (): number => {
      looks.push(realMs);
      return (realMs += 0.4); // real time goes on by less than what the timer was set to
    };
    const clock = new SimulatedClock({ startMs: START_MS, speed: 1000, realNow });
    await clock.until(START_MS + 3_000, never);
    expect(realMs).toBeGreaterThanOrEqual(3);
    expect(looks.length).toBeGreaterThan(3);
    const before = looks.length;
    await clock.until(START_MS, never);
    expect(looks.length).toBe(before + 1);
  });

  it('without a speed limit jumps to what is due, and never back', async () => {
    const clock = new SimulatedClock({ startMs: START_MS, speed: Infinity, realNow: () => 0 });
    expect(clock.now()).toBe(START_MS);
    await clock.until(START_MS + 86_400_000, never);
    await clock.until(START_MS + 5, never);
    expect(clock.now()).toBe(START_MS + 86_400_000);
  });

  it.each([1, Infinity])('at speed %d ends a wait when told, or does not begin it', async (speed) => {
    const clock = new SimulatedClock({ startMs: START_MS, speed, realNow: () => 0 });
    await expect(clock.until(START_MS + 1, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(clock.now()).toBe(START_MS);
    if (speed === Infinity) return;
    const stopping = new AbortController();
    const waiting = clock.until(START_MS + 1e12, stopping.signal); // longer than setTimeout can
    stopping.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('turns', () => {
  it('are given one in each round of the event loop, first come first served', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const takers = ['a', 'b', 'c'].map(async (name) => {
      await turns.take();
      order.push(name);
    });
    const rounds = (async () => {
      while (order.filter((name) => name !== 'round').length < 3) {
        await new Promise(setImmediate);
        order.push('round');
      }
    })();
    await Promise.all([...takers, rounds]);
    for (const [index, name] of order.entries()) {
      if (name !== 'round' && name !== 'a') expect(order[index - 1]).toBe('round');
    }
    expect(order.filter((name) => name !== 'round')).toEqual(['a', 'b', 'c']);
    await turns.take();
  });
});
