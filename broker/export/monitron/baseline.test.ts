import { describe, expect, it } from 'vitest';
import { baseline, TRAINING_MEASUREMENTS } from './baseline.ts';

function trained(value: (n: number) => number): ReturnType<typeof baseline> {
  const model = baseline(0.05);
  for (let n = 0; n < TRAINING_MEASUREMENTS; n++) expect(model.next(value(n)).pointwiseClassificationOutput).toBe('INITIALIZING');
  return model;
}

describe('a baseline', () => {
  it('judges nothing before it has learned', () => {
    const model = trained((n) => n % 2);
    expect(model.next(0.5)).toEqual({ previousPersistentClassificationOutput: 'UNKNOWN', persistentClassificationOutput: 'UNKNOWN', pointwiseClassificationOutput: 'HEALTHY' });
  });

  it('warns four deviations above what is usual, and raises an alarm at six', () => {
    const model = trained((n) => n % 2); // mean 0.5, deviation 0.5
    expect([0.5, 2.3, 2.7, 3.3, 3.7].map((value) => model.next(value).pointwiseClassificationOutput)).toEqual(['HEALTHY', 'HEALTHY', 'WARNING', 'WARNING', 'ALARM']);
  });

  it('finds nothing in the noise of a very even machine, and nothing in less vibration', () => {
    const model = trained(() => 1);
    expect([1.19, 0.2].map((value) => model.next(value).pointwiseClassificationOutput)).toEqual(['HEALTHY', 'HEALTHY']);
  });

  it('changes its persistent output when three values in a row agree', () => {
    const model = trained(() => 1);
    const said = [1, 1, 1, 9, 9, 1, 9, 9, 9, 1].map((value) => {
      const { previousPersistentClassificationOutput: before, persistentClassificationOutput: after } = model.next(value);
      return `${before} ${after}`;
    });
    expect(said).toEqual(['UNKNOWN UNKNOWN', 'UNKNOWN UNKNOWN', 'UNKNOWN HEALTHY', ...Array<string>(5).fill('HEALTHY HEALTHY'), 'HEALTHY ALARM', 'ALARM ALARM']);
  });

  it('does not get used to a fault', () => {
    const model = trained(() => 1);
    for (let n = 0; n < 10 * TRAINING_MEASUREMENTS; n++) expect(model.next(3).pointwiseClassificationOutput).toBe('ALARM');
  });

  it('neither judges nor learns what was not measured', () => {
    const model = baseline(1);
    for (let n = 0; n <= TRAINING_MEASUREMENTS; n++) expect(model.next(NaN).pointwiseClassificationOutput).toBe('UNKNOWN');
    expect(model.next(1).pointwiseClassificationOutput).toBe('INITIALIZING');
  });
});
