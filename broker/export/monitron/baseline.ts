/**
 * A model that learns what is usual for one sensor: mean and spread of a figure, and how far a value lies above them.
 * Plain statistics, and a function of the values alone; docs/export.md says what it can tell and what it cannot.
 */
import type { LearnedOutput } from './event.ts';

/** Measurements that are learned before anything is judged: a week of hourly ones. */
export const TRAINING_MEASUREMENTS = 168;
/** Standard deviations above the mean at which a value is a warning, an alarm. */
const WARNING_DEVIATIONS = 4;
const ALARM_DEVIATIONS = 6;
/** Values in a row that must agree before the persistent output follows them. */
const AGREEING = 3;

type Judged = 'HEALTHY' | 'WARNING' | 'ALARM';

export interface Baseline {
  /** Judges a value and learns from it; NaN is neither judged nor learned. */
  next(value: number): LearnedOutput;
}

/** `leastDeviation`: a spread below it is taken for it, in the unit of the values, so that a very even machine raises no alarm. */
export function baseline(leastDeviation: number): Baseline {
  let learned = 0;
  let mean = 0;
  let variance = 0;
  let persistent: LearnedOutput['persistentClassificationOutput'] = 'UNKNOWN';
  let last: Judged | undefined;
  let agreeing = 0;

  const learn = (value: number): void => {
    learned += 1;
    const weight = 1 / Math.min(learned, TRAINING_MEASUREMENTS);
    const difference = value - mean;
    mean += weight * difference;
    variance = (1 - weight) * (variance + weight * difference * difference);
  };
  const judge = (value: number): Judged => {
    const deviations = (value - mean) / Math.max(Math.sqrt(variance), leastDeviation);
    return deviations >= ALARM_DEVIATIONS ? 'ALARM' : deviations >= WARNING_DEVIATIONS ? 'WARNING' : 'HEALTHY';
  };
  const output = (pointwise: LearnedOutput['pointwiseClassificationOutput'], previous: typeof persistent): LearnedOutput => ({
    previousPersistentClassificationOutput: previous,
    persistentClassificationOutput: persistent,
    pointwiseClassificationOutput: pointwise,
  });
  return {
    next: (value) => {
      const previous = persistent;
      if (Number.isNaN(value)) return output('UNKNOWN', previous);
      if (learned < TRAINING_MEASUREMENTS) {
        learn(value);
        return output('INITIALIZING', previous);
      }
      const judged = judge(value);
      agreeing = judged === last ? agreeing + 1 : 1;
      last = judged;
      if (agreeing >= AGREEING) persistent = judged;
      if (judged === 'HEALTHY') learn(value); // what is a fault does not become usual
      return output(judged, previous);
    },
  };
}
