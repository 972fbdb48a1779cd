/**
 * Two runs side by side: what changed beyond noise. Promises: a change is named only when the 95 % interval of the
 * difference leaves out zero and the change is a hundredth at least; the same reports give the same answer; where a
 * generator was the limit, or too little was measured, nothing is judged, and it says so.
 */
import { Measures } from '../measures.ts';
import type { LoadReport, SeriesPoint, StageReport } from '../report.ts';
import { MIN_VALUES, medianDifference, shareDifference } from './bootstrap.ts';
import { COUNT_FIGURES, INTERVAL_FIGURES, type CountFigure, type IntervalFigure } from './compare-figures.ts';

export type Change = 'better' | 'worse' | 'same' | 'not comparable';

export interface FigureComparison {
  /** Null: of the whole run. */
  readonly stage: string | null;
  readonly figure: string;
  readonly unit: string;
  /** Medians of the intervals, or shares in %; null when not comparable. */
  readonly before: number | null;
  readonly now: number | null;
  /** 95 % interval of now − before, in the same unit. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly change: Change;
  /** Whole sentence where it is not comparable. */
  readonly reason: string;
}

export interface LoadComparison {
  readonly before: { readonly name: string; readonly startedAt: string };
  readonly now: { readonly name: string; readonly startedAt: string };
  /** Whole sentences: in what the runs were asked for, or made with, something else. */
  readonly differences: readonly string[];
  /** Whole sentences: why nothing is judged; none when it is. */
  readonly refusals: readonly string[];
  readonly figures: readonly FigureComparison[];
}

/** Intervals at the beginning of a stage that count as warming up. */
const WARM_UP = 2;
/** Smaller changes are nobody's concern, part of one. */
const MIN_CHANGE = 0.01;

export function compareReports(before: LoadReport, now: LoadReport): LoadComparison {
  const refusals = [
    ...before.limit.reasons.map((reason) => `In the first run the generator was the limit: ${reason}`),
    ...now.limit.reasons.map((reason) => `In the second run the generator was the limit: ${reason}`),
  ];
  const pairs = now.stages.flatMap((stage) => {
    const other = before.stages.find(({ name }) => name === stage.name);
    return other ? [[other, stage] as const] : [];
  });
  const figures = refusals.length > 0 ? [] : [...pairs.flatMap(([a, b]) => stageFigures(before, now, a, b)), ...COUNT_FIGURES.flatMap((figure) => countFigure(figure, Measures.of(before.total), Measures.of(now.total)))];
  return { before: headOf(before), now: headOf(now), differences: differencesOf(before, now), refusals, figures };
}

function headOf({ name, startedAt }: LoadReport): LoadComparison['now'] {
  return { name, startedAt };
}

function stageFigures(before: LoadReport, now: LoadReport, a: StageReport, b: StageReport): FigureComparison[] {
  const limited = [...a.limit.reasons, ...b.limit.reasons][0];
  const [first, second] = [valuesOf(before, a.name), valuesOf(now, b.name)];
  return INTERVAL_FIGURES.flatMap((figure): FigureComparison[] => {
    const [old, recent] = [first.get(figure)!, second.get(figure)!];
    if (old.length === 0 && recent.length === 0) return [];
    const head = { stage: a.name, figure: figure.name, unit: figure.unit };
    if (limited !== undefined) return [incomparable(head, `In one of the runs the generator was the limit in this stage: ${limited}`)];
    if (Math.min(old.length, recent.length) < MIN_VALUES) {
      return [incomparable(head, `There are ${old.length} and ${recent.length} intervals with it after the first ${WARM_UP}, and ${MIN_VALUES} of each are needed to know the noise.`)];
    }
    const difference = medianDifference(old, recent);
    return [{ ...head, before: difference.before, now: difference.now, interval: [difference.low, difference.high], change: changeOf(difference, figure.better), reason: '' }];
  });
}

/** Each figure of each interval of a stage but the first ones, where there is one. */
function valuesOf(report: LoadReport, stage: string): ReadonlyMap<IntervalFigure, readonly number[]> {
  const values = new Map<IntervalFigure, number[]>(INTERVAL_FIGURES.map((figure) => [figure, []]));
  const points = report.series.filter((point: SeriesPoint) => point.stage === stage).slice(WARM_UP);
  for (const point of points) {
    const measures = Measures.of(point.measures);
    for (const [figure, list] of values) {
      const value = figure.of(point, measures);
      if (value !== null) list.push(value);
    }
  }
  return values;
}

function countFigure({ name, events, trials, promised }: CountFigure, before: Measures, now: Measures): FigureComparison[] {
  const [a, b] = [before, now].map(({ counters }) => ({ events: events(counters), trials: trials(counters) })) as [Counted, Counted];
  if (a.trials <= 0 && b.trials <= 0) return [];
  const head = { stage: null, figure: name, unit: '%' };
  if (a.trials <= 0 || b.trials <= 0) return [incomparable(head, `In the ${a.trials <= 0 ? 'first' : 'second'} run it was not measured.`)];
  const difference = shareDifference(a, b);
  const change = promised && (a.events === 0) !== (b.events === 0) ? (a.events === 0 ? 'worse' : 'better') : changeOf(difference, 'lower');
  return [{ ...head, before: 100 * difference.before, now: 100 * difference.now, interval: [100 * difference.low, 100 * difference.high], change, reason: '' }];
}

interface Counted {
  readonly events: number;
  readonly trials: number;
}

function changeOf({ before, now, low, high }: { readonly before: number; readonly now: number; readonly low: number; readonly high: number }, better: 'lower' | 'higher'): Change {
  if ((low <= 0 && high >= 0) || Math.abs(now - before) < MIN_CHANGE * Math.abs(before)) return 'same';
  return now > before === (better === 'higher') ? 'better' : 'worse';
}

function incomparable(head: Pick<FigureComparison, 'stage' | 'figure' | 'unit'>, reason: string): FigureComparison {
  return { ...head, before: null, now: null, interval: null, change: 'not comparable', reason };
}

function differencesOf(a: LoadReport, b: LoadReport): string[] {
  const facts: (readonly [what: string, of: (report: LoadReport) => string | number])[] = [
    ['The scenario', ({ name }) => `'${name}'`],
    ['The number of clients', ({ generator }) => generator.clients],
    ['The number of workers', ({ generator }) => generator.workers],
    ['The number of cores', ({ generator }) => generator.cores],
    ['The CPU', ({ generator }) => generator.cpu],
    ["thrum's version", ({ generator }) => generator.thrum],
    ["Node.js's version", ({ generator }) => generator.node],
    ['The brokers', ({ brokers }) => brokers.map(({ url }) => url).join(', ')],
    ["The brokers' keys", ({ brokers }) => brokers.map(({ certificate }) => certificate?.keyType ?? 'none').join(', ')],
    ['The stages', ({ stages }) => stages.map(({ name }) => name).join(', ')],
    ['How it ended', ({ ended }) => ended],
  ];
  const differing = facts.filter(([, of]) => of(a) !== of(b)).map(([what, of]) => `${what}: ${of(a)} in the first run, ${of(b)} in the second.`);
  return [...differing, ...rateDifferences(a, b)];
}

/** The messages that were due are what was asked, whatever came of them. */
function rateDifferences(a: LoadReport, b: LoadReport): string[] {
  return b.stages.flatMap((stage) => {
    const other = a.stages.find(({ name }) => name === stage.name);
    const [before, now] = [other, stage].map((one) => (one && one.durationMs > 0 ? ((one.measures.counters.due ?? 0) * 1_000) / one.durationMs : 0)) as [number, number];
    if (!other || Math.abs(now - before) <= 0.05 * Math.max(now, before)) return [];
    return [`Messages due per second in stage '${stage.name}': ${before.toFixed(1)} in the first run, ${now.toFixed(1)} in the second.`];
  });
}
