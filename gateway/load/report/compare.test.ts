import { describe, expect, it } from 'vitest';
import type { LoadReport } from '../report.ts';
import { medianDifference, shareDifference } from './bootstrap.ts';
import { comparisonLines } from './compare-lines.ts';
import { compareReports, type Change } from './compare.ts';
import { HOSTILE, reportOf } from './report.fixture.ts';
import { uniform } from './seeded.ts';

function changes(before: LoadReport, now: LoadReport, change: Change): string[] {
  return compareReports(before, now).figures.filter((one) => one.change === change).map(({ stage, figure }) => `${stage ?? 'whole run'}: ${figure}`);
}

const BEFORE = reportOf({ seconds: 32 });

describe('a comparison of two runs', () => {
  it('finds nothing better or worse in runs of the same kind', () => {
    const again = reportOf({ seconds: 32, seed: 7 });
    expect([changes(BEFORE, again, 'better'), changes(BEFORE, again, 'worse')]).toEqual([[], []]);
    expect(changes(BEFORE, again, 'same')).toContain('steady: publish p99');
  });

  it('finds a slower broker, and a faster one the other way round', () => {
    const slower = reportOf({ seconds: 32, seed: 7, medianMs: 4 });
    const figures = ['steady: publish p50', 'steady: publish p99', 'steady: delivery p50', 'steady: delivery p99'];
    expect(changes(BEFORE, slower, 'worse')).toEqual(figures);
    expect(changes(slower, BEFORE, 'better')).toEqual(figures);
  });

  it('finds a rate that fell, and says that another was asked for', () => {
    const fewer = reportOf({ seconds: 32, ratePerS: 300 });
    expect(changes(BEFORE, fewer, 'worse')).toContain('steady: acknowledged rate');
    expect(compareReports(BEFORE, fewer).differences).toEqual(["Messages due per second in stage 'steady': 400.0 in the first run, 300.0 in the second."]);
  });

  it('takes one lost message for worse where none was lost', () => {
    expect(changes(BEFORE, reportOf({ seconds: 32, lost: 1 }), 'worse')).toEqual(['whole run: lost']);
  });

  it('does not judge by a handful of intervals', () => {
    const figure = compareReports(BEFORE, reportOf({ seconds: 9 })).figures.find((one) => one.figure === 'publish p99')!;
    expect(figure).toMatchObject({ change: 'not comparable', before: null, interval: null, reason: 'There are 30 and 7 intervals with it after the first 2, and 10 of each are needed to know the noise.' });
  });

  it('judges nothing when the generator was the limit', () => {
    const comparison = compareReports(BEFORE, reportOf({ seconds: 32, limit: [`It was late.${HOSTILE}`] }));
    expect(comparison.figures).toEqual([]);
    expect(comparison.refusals).toHaveLength(1);
    expect(comparisonLines(comparison).at(-1)).toContain('Nothing is judged');
    expect(comparisonLines(comparison).join('')).not.toMatch(/\p{C}/u);
  });

  it('says in what the runs differ', () => {
    const other = reportOf({ seconds: 32, clients: 100 });
    const { differences } = compareReports(BEFORE, { ...other, name: 'other', generator: { ...other.generator, workers: 1, cores: 8 } });
    expect(differences).toEqual([
      "The scenario: 'telemetry' in the first run, 'other' in the second.", 'The number of clients: 200 in the first run, 100 in the second.',
      'The number of workers: 2 in the first run, 1 in the second.', 'The number of cores: 2 in the first run, 8 in the second.',
    ]);
  });

  it('gives the same answer when asked again, and lines that end in a sentence', () => {
    const slower = reportOf({ seconds: 32, seed: 7, medianMs: 4 });
    expect(compareReports(BEFORE, slower)).toEqual(compareReports(BEFORE, slower));
    const lines = comparisonLines(compareReports(BEFORE, slower));
    expect(lines.some((line) => /^✗ +steady +publish p50 +[\d.]+ ms +[\d.]+ ms +\+\d\d(\.\d)? % +[\d.]+ to [\d.]+ ms +worse$/.test(line))).toBe(true);
    expect(lines.filter((line) => line.startsWith('?  connect, not comparable: There are 2 and 2'))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^Of \d+ figures, 4 are worse, 0 better, and \d+ the same within noise\.$/);
  });
});

describe('noise', () => {
  /** Each value keeps `memory` of the one before. */
  const walk = (seed: number, length: number, memory: number, level = 100): number[] => {
    const random = uniform(seed);
    let state = 0;
    return Array.from({ length }, () => level + 10 * (state = memory * state + random() - 0.5));
  };
  const alarms = (length: number, memory: number): number =>
    Array.from({ length: 200 }, (_, seed) => medianDifference(walk(seed + 1, length, memory), walk(seed + 5_001, length, memory))).filter(({ low, high }) => low > 0 || high < 0).length;

  it('is taken for a change about as often as promised', () => {
    expect(alarms(30, 0)).toBeLessThan(20);
    expect(alarms(60, 0.4)).toBeLessThan(30);
  });

  it('does not hide a change of the size of its spread', () => {
    const found = Array.from({ length: 20 }, (_, seed) => medianDifference(walk(seed + 1, 30, 0), walk(seed + 900, 30, 0, 105))).filter(({ low }) => low > 0);
    expect(found.length).toBeGreaterThan(17);
  });

  it('of shares is known where nothing happened, too', () => {
    const { low, high } = shareDifference({ events: 0, trials: 100 }, { events: 0, trials: 100 });
    expect([low, high].map((value) => Number(value.toFixed(3)))).toEqual([-0.037, 0.037]);
    expect(shareDifference({ events: 10, trials: 1_000 }, { events: 40, trials: 1_000 }).low).toBeGreaterThan(0);
  });
});
