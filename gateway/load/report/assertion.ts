/**
 * Whether a load test meets a condition. Promises: nothing is held to be met or failed that was not measured; and when
 * the generator was the limit, a time or a rate that misses its bound is not laid at the broker's door.
 */
import { Measures, type Counter } from '../measures.ts';
import type { AssertionResult, GeneratorLimit, LoadReport, SeriesPoint } from '../report.ts';
import { parseAssertion, type Assertion, type Operator } from './assertion-grammar.ts';
import { errorShare, percentileMs, ratePerS } from './figures.ts';

export { parseAssertion, type Assertion } from './assertion-grammar.ts';

/** What went wrong says nothing where nothing could: then there is a sentence. */
const UNMEASURED: Readonly<Partial<Record<Counter, (counters: Measures['counters']) => string | undefined>>> = {
  lost: ({ expectedDeliveries }) => (expectedDeliveries > 0 ? undefined : 'No delivery was expected here, so loss was not measured: it is known at the end of a whole run in which subscribers check what they get.'),
  duplicates: checked,
  reordered: checked,
  corrupted: checked,
  failed: ({ sent }) => (sent > 0 ? undefined : 'No message was sent.'),
  unsent: ({ due }) => (due > 0 ? undefined : 'No message was due.'),
  connectFailed: ({ connected, refusedAsExpected, unexpectedlyAccepted }) => (connected + refusedAsExpected + unexpectedlyAccepted > 0 ? undefined : 'No attempt to connect came to its end.'),
};

interface Found {
  /** In base units: ms, per second, 0 to 1, times. Null: not measured, and `why` is a sentence. */
  readonly value: number | null;
  readonly why: string;
  /** Kinds of errors that are not told apart any more could make it so much more. */
  readonly atMost?: number;
}

/**
 * Judges by measures of the assertion's stage, or of the whole run. Rates are over the time that `points` say, or over
 * `durationMs` without any.
 */
export function judge(assertion: Assertion, measures: Measures, durationMs: number, limit: GeneratorLimit, points: readonly SeriesPoint[] = []): AssertionResult {
  const { text, stage, operator, bound, unit } = assertion;
  const { value: base, why, atMost } = find(assertion, measures, durationMs, points);
  if (base === null) return { text, stage, outcome: 'unknown', value: null, reason: why };
  const value = rounded(base / unit.size);
  const met = holds(value, operator, bound);
  const said = `${valueText(value, unit.name)}${why}`;
  if (atMost !== undefined && holds(atMost, operator, bound) !== met) {
    return { text, stage, outcome: 'unknown', value, reason: `It was at least ${said}, and up to ${atMost} with errors whose kind was not kept.` };
  }
  if (met) return { text, stage, outcome: 'met', value, reason: `It was ${said}.` };
  if (limit.reasons.length > 0 && generatorMatters(assertion)) {
    return { text, stage, outcome: 'unknown', value, reason: `It was ${said}, but the generator was the limit, not the broker: ${limit.reasons[0]!}` };
  }
  return { text, stage, outcome: 'failed', value, reason: `It was ${said}, and ${text} was asked.` };
}

/** Judges each on the stage it names, or on the whole run. A stage that the report does not have is unknown. */
export function judgeReport(assertions: readonly Assertion[], report: Pick<LoadReport, 'total' | 'durationMs' | 'limit' | 'series' | 'stages'>): AssertionResult[] {
  return assertions.map((assertion) => {
    if (assertion.stage === null) return judge(assertion, Measures.of(report.total), report.durationMs, report.limit, report.series);
    const stage = report.stages.find(({ name }) => name === assertion.stage);
    if (!stage) return { text: assertion.text, stage: assertion.stage, outcome: 'unknown', value: null, reason: 'No stage of that name was run.' };
    return judge(assertion, Measures.of(stage.measures), stage.durationMs, stage.limit, report.series.filter((point) => point.stage === stage.name));
  });
}

/** The same assertions, to be judged on other figures. Throws LOAD_ASSERTION. */
export function assertionsOf(results: readonly AssertionResult[]): Assertion[] {
  return results.map(({ text, stage }) => parseAssertion(text, stage));
}

function find({ figure }: Assertion, measures: Measures, durationMs: number, points: readonly SeriesPoint[]): Found {
  switch (figure.kind) {
    case 'latency': {
      const { latency, statistic } = figure;
      const histogram = measures.has(latency) ? measures.latency(latency) : undefined;
      if (!histogram) return { value: null, why: `Nothing of the kind was timed (${latency}).` };
      const value = statistic === 'max' ? histogram.maxValue / 1_000 : statistic === 'mean' ? histogram.mean / 1_000 : percentileMs(measures, latency, statistic.percentile);
      return { value, why: ` (${histogram.totalCount.toLocaleString('en-US')} timed)` };
    }
    case 'rate': {
      const value = ratePerS(figure.rate, measures, durationMs, points);
      return { value, why: value === null ? `There was nothing to count for the ${figure.rate} rate.` : '' };
    }
    case 'error-share': {
      const value = errorShare(measures);
      return { value, why: value === null ? 'No message was due.' : ` of ${measures.counters.due.toLocaleString('en-US')} due` };
    }
    case 'counter': {
      const value = measures.counters[figure.counter];
      const unmeasured = value === 0 ? UNMEASURED[figure.counter]?.(measures.counters) : undefined;
      return unmeasured === undefined ? { value, why: '' } : { value: null, why: unmeasured };
    }
    case 'errors':
      return errorsFound(figure.prefix, measures);
  }
}

function errorsFound(prefix: string, { errors }: Measures): Found {
  let value = 0;
  for (const [kind, times] of errors) if (prefix === '' || kind === prefix || kind.startsWith(`${prefix}.`)) value += times;
  const other = prefix === '' || prefix === 'other' ? 0 : errors.get('other') ?? 0;
  return { value, why: '', ...(other > 0 && { atMost: value + other }) };
}

function checked({ received, foreign, unchecked }: Measures['counters']): string | undefined {
  return received - foreign - unchecked > 0 ? undefined : 'No message was received that could be checked.';
}

/** Figures that are worse when the generator is too slow. */
function generatorMatters({ figure }: Assertion): boolean {
  return figure.kind === 'latency' || figure.kind === 'rate' || figure.kind === 'error-share' || (figure.kind === 'counter' && figure.counter === 'unsent');
}

function holds(value: number, operator: Operator, bound: number): boolean {
  switch (operator) {
    case '<': return value < bound;
    case '<=': return value <= bound;
    case '>': return value > bound;
    case '>=': return value >= bound;
    case '==': return value === bound;
    case '!=': return value !== bound;
  }
}

/** Without the noise of binary fractions, and finer than anything is measured. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

function valueText(value: number, unit: string): string {
  const number = Number.isInteger(value) ? value.toLocaleString('en-US') : Number(value.toPrecision(4)).toLocaleString('en-US', { maximumSignificantDigits: 4 });
  return unit === '' || unit === '/s' || unit === '%' ? `${number}${unit}` : `${number} ${unit}`;
}
