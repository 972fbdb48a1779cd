import { afterEach, describe, expect, it } from 'vitest';
import { Pacer, type Sleeper } from './pacer.ts';

const nowUs = (): number => performance.now() * 1000;
const pacers: Pacer[] = [];

function newPacer(): Pacer {
  const pacer = new Pacer(nowUs);
  pacers.push(pacer);
  return pacer;
}

afterEach(() => {
  for (const pacer of pacers.splice(0)) pacer.stop();
});

/** Keeps the event loop busy. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Sleeps again and again; resolves with when it was to wake and when it did. */
function repeatedly(pacer: Pacer, times: number, nextUs: (wokenUs: number, k: number) => number, onWake: (k: number) => unknown = () => undefined): Promise<[dueUs: number, wokenUs: number][]> {
  return new Promise((resolve) => {
    const log: [number, number][] = [];
    const sleeper: Sleeper = {
      wakeUs: nextUs(nowUs(), 0),
      wake: (wokenUs) => {
        log.push([sleeper.wakeUs, wokenUs]);
        onWake(log.length);
        if (log.length === times) return resolve(log);
        sleeper.wakeUs = nextUs(wokenUs, log.length);
        pacer.add(sleeper);
      },
    };
    pacer.add(sleeper);
  });
}

const mostLateMs = (log: readonly (readonly [dueUs: number, wokenUs: number])[]): number => Math.max(...log.map(([dueUs, wokenUs]) => (wokenUs - dueUs) / 1000));

describe('the pacer', () => {
  it('wakes each of thousands once, and none before its time', async () => {
    const pacer = newPacer();
    const startUs = nowUs();
    const woken = new Map<number, number>();
    await new Promise<void>((resolve) => {
      for (let i = 0; i < 5_000; i++) {
        const sleeper: Sleeper = {
          wakeUs: startUs + ((i * 7_919) % 1_300_000), // beyond one round of the wheel
          wake: (us) => {
            expect(us).toBeGreaterThanOrEqual(sleeper.wakeUs);
            woken.set(i, (woken.get(i) ?? 0) + 1);
            if (woken.size === 5_000) resolve();
          },
        };
        pacer.add(sleeper);
      }
    });
    expect([...woken.values()].every((times) => times === 1)).toBe(true);
  });

  it('keeps a single sleeper on time that sleeps again whenever it is woken, however long its work takes', async () => {
    const startUs = nowUs();
    const log = await repeatedly(newPacer(), 60, (_, k) => startUs + k * 4_000, () => block(2.5));
    expect(mostLateMs(log)).toBeLessThan(500); // a missed slot comes round again after 1,024 ms
  });

  it('has one timer, however often its only sleeper sleeps again', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    let most = 0;
    await repeatedly(newPacer(), 100, (wokenUs) => wokenUs + 1, () => (most = Math.max(most, timers())));
    expect(most - before).toBeLessThan(5);
  });

  it('wakes in a millisecond who is added while others wake, with a time that has passed', async () => {
    const log = await repeatedly(newPacer(), 100, (wokenUs) => wokenUs - 5_000);
    expect(log.at(-1)![1] - log[0]![1]).toBeLessThan(900_000);
  });

  it('wakes all after the event loop was blocked for longer than its wheel is round', async () => {
    const pacer = newPacer();
    const startUs = nowUs();
    let woken = 0;
    const all = new Promise<void>((resolve) => {
      for (let i = 0; i < 3_000; i++) pacer.add({ wakeUs: startUs + i * 500, wake: () => ++woken === 3_000 && resolve() });
    });
    await new Promise(setImmediate);
    block(1_200);
    await all;
    expect(woken).toBe(3_000);
    expect(nowUs() - startUs).toBeLessThan(2_400_000);
  });

  it('leaves alone who is to wake long after, and wakes nobody once it is stopped', async () => {
    const pacer = newPacer();
    let woken = 0;
    pacer.add({ wakeUs: nowUs() + 3_600e6, wake: () => (woken += 1) });
    await repeatedly(pacer, 2, (us) => us + 1_100_000); // the wheel comes round
    expect(woken).toBe(0);
    pacer.add({ wakeUs: nowUs(), wake: () => (woken += 1) });
    pacer.stop();
    await repeatedly(newPacer(), 3, (us) => us + 2_000);
    expect(woken).toBe(0);
  });

  it('tells each the time at which its turn came, after those before it', async () => {
    const pacer = newPacer();
    const wakeUs = nowUs() + 2_000;
    let firstUs = 0;
    pacer.add({
      wakeUs,
      wake: (us) => {
        firstUs = us;
        block(30);
      },
    });
    const secondUs = await new Promise<number>((resolve) => pacer.add({ wakeUs, wake: resolve }));
    expect(secondUs - firstUs).toBeGreaterThanOrEqual(30_000);
  });
});
