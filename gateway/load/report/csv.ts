/**
 * The time series as CSV (RFC 4180), one line an interval. Promises: the columns are always these, in this order; what was
 * not measured is empty; a spreadsheet takes no cell for a formula. Docs: docs/load-report.md.
 */
import { COUNTERS, Measures, type Latency } from '../measures.ts';
import type { LoadReport, SeriesPoint } from '../report.ts';
import { percentileMs, snakeCase } from './figures.ts';

const PERCENTILES: readonly (readonly [Latency, number])[] = (['connect', 'publish', 'delivery', 'slip'] as const).flatMap((name) => [50, 99, 99.9, 100].map((percentile) => [name, percentile] as const));

export const CSV_COLUMNS: readonly string[] = [
  'at_s', 'length_s', 'stage', 'connected_now', 'in_flight_now',
  ...COUNTERS.map(snakeCase),
  'errors',
  ...PERCENTILES.map(([name, percentile]) => (percentile === 100 ? `${name}_max_ms` : `${name}_p${String(percentile).replace('.', '_')}_ms`)),
  'cpu_ms', 'rss_bytes', 'loop_delay_p99_ms', 'busiest_worker',
];

export function reportToCsv({ series }: LoadReport): string {
  return [CSV_COLUMNS.join(','), ...series.map(lineOf), ''].join('\r\n');
}

function lineOf(point: SeriesPoint): string {
  const measures = Measures.of(point.measures);
  const errors = [...measures.errors.values()].reduce((sum, times) => sum + times, 0);
  const cells = [
    point.atMs / 1_000, point.lengthMs / 1_000, quoted(point.stage), point.connectedNow, point.inFlightNow,
    ...COUNTERS.map((name) => measures.counters[name]),
    errors,
    ...PERCENTILES.map(([name, percentile]) => percentileMs(measures, name, percentile)),
    point.cpuMs, point.rssBytes, point.loopDelayP99Ms, point.busiestWorker,
  ];
  return cells.map((cell) => (cell === null ? '' : typeof cell === 'number' ? String(Number(cell.toFixed(4))) : cell)).join(',');
}

function quoted(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${harmless.replaceAll('"', '""').replaceAll(/[\r\n]+/g, ' ')}"`;
}
