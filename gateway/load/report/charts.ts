/** The charts of a report: what happened over time, with the stages as bands, and how latencies are spread. */
import { Measures, type Latency } from '../measures.ts';
import type { LoadReport, SeriesPoint } from '../report.ts';
import { linearScale, logScale, timeScale, type Scale } from './chart-scale.ts';
import type { Band, Chart, Line } from './chart.ts';
import { condensed } from './condense.ts';
import { percentileMs } from './figures.ts';
import { bytesText, durationText, numberText } from './text.ts';

/** More points than that cannot be told apart on a screen. */
const MAX_SHOWN = 600;
/** Steps of the percentile axis for each nine. */
const STEPS_A_NINE = 20;
const MOST_NINES = 6;

interface Moment {
  readonly atS: number;
  readonly point: SeriesPoint;
  readonly measures: Measures;
}

interface OverTime {
  readonly title: string;
  readonly subtitle: string;
  readonly scale: 'linear' | 'log';
  readonly text: (value: number) => string;
  readonly lines: readonly (readonly [name: string, of: (moment: Moment) => number | null])[];
}

const perS = (count: (counters: Measures['counters']) => number) => ({ measures, point }: Moment): number => (count(measures.counters) * 1_000) / point.lengthMs;
const publish = (percentile: number) => ({ measures }: Moment): number | null => percentileMs(measures, 'publish', percentile);
const errorsPerS = ({ measures, point }: Moment): number => ([...measures.errors.values()].reduce((sum, times) => sum + times, 0) * 1_000) / point.lengthMs;

const OVER_TIME: readonly OverTime[] = [
  {
    title: 'Messages', subtitle: 'per second', scale: 'linear', text: numberText,
    lines: [['due', perS(({ due }) => due)], ['sent', perS(({ sent }) => sent)], ['acknowledged', perS(({ acknowledged }) => acknowledged)], ['received', perS(({ received }) => received)]],
  },
  {
    title: 'Publish latency', subtitle: 'from when a message was due; logarithmic', scale: 'log', text: durationText,
    lines: [['p50', publish(50)], ['p90', publish(90)], ['p99', publish(99)], ['p99.9', publish(99.9)], ['max', publish(100)]],
  },
  { title: 'Connects', subtitle: 'per second', scale: 'linear', text: numberText, lines: [['connected', perS(({ connected }) => connected)], ['failed', perS(({ connectFailed }) => connectFailed)], ['closed', perS(({ closed }) => closed)]] },
  { title: 'Clients', subtitle: 'connected, and messages in flight', scale: 'linear', text: numberText, lines: [['connected', ({ point }) => point.connectedNow], ['in flight', ({ point }) => point.inFlightNow]] },
  { title: 'Errors', subtitle: 'per second', scale: 'linear', text: numberText, lines: [['errors', errorsPerS], ['failed messages', perS(({ failed }) => failed)], ['unsent messages', perS(({ unsent }) => unsent)]] },
  { title: 'CPU of the generator', subtitle: 'cores', scale: 'linear', text: numberText, lines: [['all workers', ({ point }) => point.cpuMs / point.lengthMs], ['busiest worker', ({ point }) => point.busiestWorker]] },
  { title: 'Memory of the generator', subtitle: 'resident, all workers', scale: 'linear', text: bytesText, lines: [['resident', ({ point }) => point.rssBytes]] },
  { title: 'Delay of the generator', subtitle: 'p99 of the event loop and of the schedule', scale: 'linear', text: durationText, lines: [['event loop', ({ point }) => point.loopDelayP99Ms], ['slip', ({ measures }) => percentileMs(measures, 'slip', 99)]] },
];

/** Charts over time that have something to show; lines that are zero all along are left out. */
export function timeCharts(report: LoadReport): Chart[] {
  const moments = condensed(report.series, MAX_SHOWN).map((point): Moment => ({ atS: (point.atMs - point.lengthMs / 2) / 1_000, point, measures: Measures.of(point.measures) }));
  if (moments.length === 0) return [];
  const end = Math.max(report.durationMs, report.series.at(-1)!.atMs) / 1_000;
  const bands = report.stages.map(({ name, startMs, durationMs }): Band => ({ name, from: startMs / 1_000, to: (startMs + durationMs) / 1_000 }));
  return OVER_TIME.flatMap((wanted) => {
    const lines = wanted.lines.map(([name, of]) => lineOf(name, moments, of, wanted.text)).filter(({ points }) => points.some(({ y }) => y !== null && y > 0));
    if (lines.length === 0) return [];
    return [{ title: wanted.title, subtitle: wanted.subtitle, x: timeScale(end), xText: clockText, y: scaleOf(wanted.scale, lines), yText: wanted.text, lines, bands }];
  });
}

function lineOf(name: string, moments: readonly Moment[], of: (moment: Moment) => number | null, text: (value: number) => string): Line {
  const points = moments.map((moment) => ({ x: moment.atS, y: of(moment) }));
  const highest = points.reduce((most, { y }) => Math.max(most, y ?? 0), 0);
  return { name, points, note: `max ${text(highest)}` };
}

/** How latencies are spread: each nine of the percentile as wide as the one before. */
export function distributionCharts(report: LoadReport): Chart[] {
  const total = Measures.of(report.total);
  return [
    distribution('Message latency by percentile', total, ['publish', 'delivery', 'slip']),
    distribution('Connect time by percentile', total, ['connect', 'tcp', 'tls', 'connack', 'subscribe', 'identity']),
  ].flatMap((chart) => chart ?? []);
}

function distribution(title: string, measures: Measures, names: readonly Latency[]): Chart | undefined {
  const lines = names.filter((name) => measures.has(name)).map((name) => spreadLine(name, measures));
  if (lines.length === 0) return undefined;
  const nines = lines.reduce((most, { points }) => Math.max(most, points.at(-1)!.x), 1);
  // 50 % stands close to 0 %: on a long axis there is no room for it.
  const ticks = [0, ...(nines > 3 ? [] : [Math.log10(2)]), ...Array.from({ length: Math.floor(nines) }, (_, at) => at + 1)];
  const x: Scale = { ticks, place: (value) => Math.min(1, value / nines) };
  return { title, subtitle: 'logarithmic', x, xText: percentileText, y: scaleOf('log', lines), yText: durationText, lines, bands: [] };
}

/** x is the number of nines: 1 is 90 %, 2 is 99 %. It ends where one value stands for the rest. */
function spreadLine(name: Latency, measures: Measures): Line {
  const histogram = measures.latency(name);
  const nines = Math.min(MOST_NINES, Math.max(1, Math.log10(histogram.totalCount)));
  const steps = Math.ceil(nines * STEPS_A_NINE);
  const points = Array.from({ length: steps + 1 }, (_, at) => {
    const x = (nines * at) / steps;
    return { x, y: percentileMs(measures, name, Math.max(100 * (1 - 10 ** -x), 1e-6)) };
  });
  return { name, points, note: `max ${durationText(histogram.maxValue / 1_000)}` };
}

function percentileText(nines: number): string {
  return `${Number((100 * (1 - 10 ** -nines)).toFixed(Math.max(0, Math.ceil(nines) - 2)))} %`;
}

function scaleOf(scale: 'linear' | 'log', lines: readonly Line[]): Scale {
  const values = lines.flatMap(({ points }) => points.flatMap(({ y }) => y ?? []));
  return scale === 'log' ? logScale(values) : linearScale(values.reduce((most, value) => Math.max(most, value), 0));
}

/** `0:05`, `12:30`, `1:00:00`; tenths below a minute where they are needed. */
function clockText(seconds: number): string {
  if (!Number.isInteger(seconds)) return `${Number(seconds.toFixed(1))} s`;
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), seconds % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
