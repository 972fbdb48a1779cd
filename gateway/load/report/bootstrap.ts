/**
 * Whether two series differ by more than their noise. Promises: the same series give the same answer; neighbours that
 * resemble each other (a slow broker stays slow for a while) are not taken for independent: blocks are resampled, not
 * single values.
 */
import { uniform, type Uniform } from './seeded.ts';

/** Fewer say nothing about noise. */
export const MIN_VALUES = 10;
/** More are averaged with their neighbours first. */
const MAX_VALUES = 500;
const RESAMPLES = 2_000;
/** Of the interval: 95 %. */
const TAIL = 0.025;
const SEED = 20_260_301;

export interface Difference {
  readonly before: number;
  readonly now: number;
  /** 95 % interval of now − before. */
  readonly low: number;
  readonly high: number;
}

/** Difference of the medians, by moving-block bootstrap. At least {@link MIN_VALUES} of each. */
export function medianDifference(before: readonly number[], now: readonly number[]): Difference {
  const [a, b] = [shortened(before), shortened(now)];
  const random = uniform(SEED);
  const differences = Float64Array.from({ length: RESAMPLES }, () => median(resampled(b, random)) - median(resampled(a, random))).sort();
  return {
    before: median(Float64Array.from(before)),
    now: median(Float64Array.from(now)),
    low: differences[Math.floor(TAIL * (RESAMPLES - 1))]!,
    high: differences[Math.ceil((1 - TAIL) * (RESAMPLES - 1))]!,
  };
}

/** Blocks as long as the cube root of the series, two at least, taken from anywhere, round the end. */
function resampled(values: readonly number[], random: Uniform): Float64Array {
  const block = Math.max(2, Math.round(Math.cbrt(values.length)));
  const sample = new Float64Array(values.length);
  for (let at = 0; at < sample.length; at += block) {
    const start = Math.floor(random() * values.length);
    for (let n = 0; n < block && at + n < sample.length; n += 1) sample[at + n] = values[(start + n) % values.length]!;
  }
  return sample;
}

/** Sorts what it is given. */
function median(values: Float64Array): number {
  values.sort();
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}

function shortened(values: readonly number[]): readonly number[] {
  const size = Math.ceil(values.length / MAX_VALUES);
  if (size <= 1) return values;
  return Array.from({ length: Math.ceil(values.length / size) }, (_, at) => {
    const chunk = values.slice(at * size, (at + 1) * size);
    return chunk.reduce((sum, value) => sum + value, 0) / chunk.length;
  });
}

/** Difference of two shares, events of trials, with Newcombe's 95 % interval. Trials above 0. */
export function shareDifference(before: { readonly events: number; readonly trials: number }, now: { readonly events: number; readonly trials: number }): Difference {
  const [a, b] = [wilson(before.events, before.trials), wilson(now.events, now.trials)];
  const difference = b.share - a.share;
  return {
    before: a.share,
    now: b.share,
    low: difference - Math.hypot(b.share - b.low, a.high - a.share),
    high: difference + Math.hypot(b.high - b.share, a.share - a.low),
  };
}

/** Wilson's score interval. */
function wilson(events: number, trials: number): { readonly share: number; readonly low: number; readonly high: number } {
  const z = 1.959964;
  const share = Math.min(events / trials, 1);
  const centre = share + (z * z) / (2 * trials);
  const reach = z * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  const scale = 1 + (z * z) / trials;
  return { share, low: Math.max(0, (centre - reach) / scale), high: Math.min(1, (centre + reach) / scale) };
}
