import { describe, expect, test } from 'vitest';
import { randomStream } from '../../sensors/mod.ts';
import { Measures } from './measures.ts';
import { search, type Trial } from './search.ts';
import type { Search } from './scenario.ts';

const WANTED: Search = { objective: ['p99<50ms'], fromPerS: 100, toPerS: 100_000, trialMs: 1_000, precision: 0.05, confirmations: 2 };

/** A trial of a broker that bears so much; `others` acknowledge besides. */
function trialAt(perS: number, acknowledged: number, reasons: readonly string[] = []): Trial {
  const own = new Measures();
  own.counters.acknowledged = acknowledged;
  const others = new Measures();
  others.counters.acknowledged = 1_000_000;
  return {
    name: `at ${perS}`, startMs: 0, durationMs: 1_000, measures: others.toData(), groups: [{ clients: 'ours', measures: own.toData() }, { clients: 'others', measures: others.toData() }],
    limit: { reasons, slipP99Ms: null, loopDelayP99Ms: null, busiestWorker: null },
  };
}

describe('a search for the highest rate', () => {
  test('finds what a broker bears within its precision, and has tried both ends three times', async () => {
    const report = await search('s', 'ours', WANTED, (perS) => Promise.resolve(trialAt(perS, Math.min(perS, 7_300))), () => undefined, () => false);
    expect(report.ratePerS).toBeLessThanOrEqual(7_300 / 0.99);
    expect(report.ratePerS).toBeGreaterThan((7_300 / 0.99) / 1.05);
    expect(report.missedAtPerS! / report.ratePerS!).toBeLessThanOrEqual(1.05);
    for (const rate of [report.ratePerS, report.missedAtPerS]) expect(report.trials.filter(({ ratePerS }) => ratePerS === rate)).toHaveLength(3);
    expect(report.trials.length).toBeLessThan(25);
    expect(report.confidence).toMatch(/^Met in 3 of 3 trials at \d+\/s; met in 0 of 3 at \d+\/s, the next above\.$/);
  });

  test('tries nothing below its lowest rate, and that as often as a rate that is found', async () => {
    const report = await search('s', 'ours', WANTED, (perS) => Promise.resolve(trialAt(perS, Math.min(perS, 10))), () => undefined, () => false);
    expect(report.trials.map(({ ratePerS }) => ratePerS)).toEqual([100, 100, 100]);
    expect(report).toMatchObject({ ratePerS: null, missedAtPerS: 100, confidence: 'No rate that was tried met the objective.' });
  });

  test('says that the limit lies above the highest rate that it may try', async () => {
    const report = await search('s', 'ours', WANTED, (perS) => Promise.resolve(trialAt(perS, perS)), () => undefined, () => false);
    expect(report).toMatchObject({ ratePerS: 100_000, missedAtPerS: null });
    expect(report.confidence).toContain('the limit lies above it');
  });

  test('is not led far astray by trials that fail by chance', async () => {
    const random = randomStream(7, 'search');
    const tryRate = (perS: number): Promise<Trial> => Promise.resolve(trialAt(perS, random.uniform() < 0.1 ? 0 : Math.min(perS, 20_000)));
    const found: number[] = [];
    for (let run = 0; run < 20; run++) found.push((await search('s', 'ours', WANTED, tryRate, () => undefined, () => false)).ratePerS ?? 0);
    expect(found.filter((rate) => rate > 10_000).length).toBeGreaterThanOrEqual(15);
    expect(found.every((rate) => rate <= 20_000 / 0.99)).toBe(true);
  });

  test('does not lay at the broker’s door what the generator could not send', async () => {
    const report = await search('s', 'ours', WANTED, (perS) => Promise.resolve(trialAt(perS, Math.min(perS, 5_000), perS > 5_000 ? ['It was late.'] : [])), () => undefined, () => false);
    expect(report.trials.some(({ outcome }) => outcome === 'generator-limited')).toBe(true);
    expect(report.confidence).toContain('the generator was the limit, so the broker\'s lies above');
  });

  test('says so when it was ended before it was sure, and when nothing met', async () => {
    const ended = await search('s', 'ours', WANTED, (perS) => Promise.resolve(trialAt(perS, perS)), () => undefined, () => true);
    expect(ended.confidence).toBe('The search was ended before it was sure.');
    const never = await search('s', 'ours', WANTED, (perS) => Promise.resolve(trialAt(perS, perS)), () => 'It was 60 ms.', () => false);
    expect(never).toMatchObject({ ratePerS: null, confidence: 'No rate that was tried met the objective.' });
  });
});
