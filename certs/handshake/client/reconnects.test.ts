import { expect, it } from 'vitest';
import { judgeGrowth, judgeJitter, tooFew } from './reconnects.ts';

it.each([
  ['doubling', [1_000, 2_000, 4_000, 8_000, 16_000], 'pass', 'warn'],
  ['doubling up to a cap', [1_000, 2_000, 4_000, 4_000, 4_000], 'pass', 'warn'],
  ['half fixed, half drawn', [1_400, 2_100, 5_200, 9_000, 17_500], 'pass', 'pass'],
  ['drawn altogether', [700, 300, 3_100, 900, 9_000], 'pass', 'pass'],
  ['always the same', [1_010, 1_000, 1_020, 1_000, 990], 'fail', 'fail'],
  ['at once', [3, 60, 2, 40, 5], 'fail', 'fail'],
  ['drawn, but never longer', [1_900, 1_100, 1_500, 1_000, 1_800], 'fail', 'pass'],
] as const)('judges waits that are %s', (_, waitsMs, growth, jitter) => {
  expect(judgeGrowth(waitsMs).outcome).toBe(growth);
  expect(judgeJitter(waitsMs).outcome).toBe(jitter);
});

it('judges nothing by too few waits', () => {
  expect(tooFew({ waitsMs: [1, 2, 3, 4] }, 4)).toBeUndefined();
  expect(tooFew({ waitsMs: [], stopped: 'after 1 connection the device ended with exit code 7' }, 4)).toMatchObject({ outcome: 'warn' });
  expect(tooFew({ waitsMs: [], stopped: 'after 1 connection the device ended with exit code 0' }, 4)).toMatchObject({ outcome: 'not-run' });
  expect(tooFew({ waitsMs: [], stopped: 'after 0 connections it did not come again in the time given' }, 4)).toMatchObject({ outcome: 'not-run' });
});
