/** What two runs are compared by: figures of the intervals of a stage, and counts of the whole run. */
import { Measures, type Counter, type Latency } from '../measures.ts';
import type { SeriesPoint } from '../report.ts';
import { RATES, percentileMs, type Rate } from './figures.ts';

export interface IntervalFigure {
  readonly name: string;
  readonly unit: 'ms' | '/s' | 'µs' | '%';
  readonly better: 'lower' | 'higher';
  /** Null when the interval says nothing of it. `measures` are those of the point. */
  readonly of: (point: SeriesPoint, measures: Measures) => number | null;
}

export const INTERVAL_FIGURES: readonly IntervalFigure[] = [
  latency('connect', 50), latency('connect', 99), latency('tls', 50), latency('connack', 50), latency('subscribe', 99),
  latency('publish', 50), latency('publish', 99), latency('delivery', 50), latency('delivery', 99), latency('identity', 50),
  rate('connect'), rate('acknowledge'), rate('receive'),
  { name: 'error share', unit: '%', better: 'lower', of: (_, { counters: { due, failed, unsent } }) => (due === 0 ? null : (100 * (failed + unsent)) / due) },
  // Connecting costs so much more that it would hide what messages cost.
  { name: 'generator CPU per message', unit: 'µs', better: 'lower', of: ({ cpuMs }, { counters: { acknowledged, connects } }) => (acknowledged === 0 || connects > 0 ? null : (cpuMs * 1_000) / acknowledged) },
];

function latency(name: Latency, percentile: number): IntervalFigure {
  return { name: `${name} p${percentile}`, unit: 'ms', better: 'lower', of: (_, measures) => percentileMs(measures, name, percentile) };
}

function rate(name: Rate): IntervalFigure {
  return { name: `${RATES[name]} rate`, unit: '/s', better: 'higher', of: ({ lengthMs }, { counters }) => (counters[RATES[name]] === 0 ? null : (counters[RATES[name]] * 1_000) / lengthMs) };
}

export interface CountFigure {
  readonly name: string;
  readonly events: (counters: Measures['counters']) => number;
  readonly trials: (counters: Measures['counters']) => number;
  /** None is what a broker promises: from none to some is worse however few they are. */
  readonly promised: boolean;
}

export const COUNT_FIGURES: readonly CountFigure[] = [
  { name: 'lost', events: pick('lost'), trials: pick('expectedDeliveries'), promised: true },
  { name: 'corrupted', events: pick('corrupted'), trials: checked, promised: true },
  { name: 'duplicates', events: pick('duplicates'), trials: checked, promised: false },
  { name: 'reordered', events: pick('reordered'), trials: checked, promised: false },
  { name: 'failed messages', events: pick('failed'), trials: pick('sent'), promised: false },
  { name: 'failed connects', events: pick('connectFailed'), trials: pick('connects'), promised: false },
];

function pick(name: Counter): (counters: Measures['counters']) => number {
  return (counters) => counters[name];
}

function checked({ received, foreign, unchecked }: Measures['counters']): number {
  return received - foreign - unchecked;
}
