/**
 * Figures from what was counted and timed: percentiles and rates. Promises: a figure of nothing is null, never 0; a rate
 * is over the time in which its events happened, rounded up to whole intervals, so it flatters nobody.
 */
import { JsHistogram, type Histogram } from 'hdr-histogram-js';
import { Measures, type Counter, type Latency } from '../measures.ts';
import type { LoadReport, SeriesPoint } from '../report.ts';

export const PERCENTILES = [50, 90, 95, 99, 99.9, 99.99] as const;

/** All in ms. `percentilesMs` in the order of {@link PERCENTILES}. */
export interface LatencyFigures {
  readonly times: number;
  readonly percentilesMs: readonly number[];
  readonly maxMs: number;
  readonly meanMs: number;
}

/** Null when nothing was timed. */
export function latencyFigures(measures: Measures, name: Latency): LatencyFigures | null {
  if (!measures.has(name)) return null;
  const histogram = measures.latency(name);
  return {
    times: histogram.totalCount,
    percentilesMs: PERCENTILES.map((percentile) => percentileUs(histogram, percentile) / 1_000),
    maxMs: histogram.maxValue / 1_000,
    meanMs: histogram.mean / 1_000,
  };
}

/** `percentile` above 0, at most 100; null when nothing was timed. */
export function percentileMs(measures: Measures, name: Latency, percentile: number): number | null {
  return measures.has(name) ? percentileUs(measures.latency(name), percentile) / 1_000 : null;
}

function percentileUs(histogram: Histogram, percentile: number): number {
  return Math.min(histogram.getValueAtPercentile(percentile), histogram.maxValue);
}

/** How many recorded values are at most as large as each bound. Bounds in µs, ascending; a value counts where it stands within the histogram's precision. */
export function countsUpTo(histogram: Histogram, boundsUs: readonly number[]): number[] {
  if (!(histogram instanceof JsHistogram)) throw new TypeError('a histogram of measures.ts is needed');
  const counts: number[] = [];
  let index = 0;
  let sum = 0;
  for (const bound of boundsUs) {
    const last = histogram.countsArrayIndex(bound);
    for (; index <= last; index += 1) sum += histogram.getCountAtIndex(index);
    counts.push(sum);
  }
  return counts;
}

/** Rates that assertions and tables know, and what they count. */
export const RATES = { connect: 'connected', publish: 'sent', acknowledge: 'acknowledged', receive: 'received' } as const satisfies Record<string, Counter>;
export type Rate = keyof typeof RATES;

/**
 * Events per second: from the start of the first interval in which there were any to the end of the last. Without
 * intervals, over `durationMs`. Null when there was no event.
 */
export function ratePerS(rate: Rate, measures: Measures, durationMs: number, points: readonly SeriesPoint[]): number | null {
  const counter = RATES[rate];
  const events = measures.counters[counter];
  if (events === 0) return null;
  const first = points.find((point) => (point.measures.counters[counter] ?? 0) > 0);
  const last = points.findLast((point) => (point.measures.counters[counter] ?? 0) > 0);
  const overMs = first && last ? last.atMs - (first.atMs - first.lengthMs) : durationMs;
  return overMs > 0 ? (events * 1_000) / overMs : null;
}

/** The rate of the stage where it was highest: over a whole run, pauses between stages would water it down. Null when there was no event. */
export function highestRate(rate: Rate, { stages, series }: Pick<LoadReport, 'stages' | 'series'>): { readonly stage: string; readonly perS: number } | null {
  const rates = stages.flatMap(({ name, measures, durationMs }) => {
    const perS = ratePerS(rate, Measures.of(measures), durationMs, series.filter((point) => point.stage === name));
    return perS === null ? [] : [{ stage: name, perS }];
  });
  return rates.reduce<{ readonly stage: string; readonly perS: number } | null>((most, one) => (most === null || one.perS > most.perS ? one : most), null);
}

/** Messages that did not get there, of those that were due: 0 to 1; null when none was due. */
export function errorShare({ counters }: Measures): number | null {
  return counters.due === 0 ? null : (counters.failed + counters.unsent) / counters.due;
}

/** Messages that were sent, and neither acknowledged nor failed by the end. */
export function inFlight({ counters }: Measures): number {
  return counters.sent - counters.acknowledged - counters.failed;
}

/** `connectFailed` → `connect_failed`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
