/**
 * How a condition on a load test is written: `p99<50ms`, `steady: connect.p99.9 <= 2s`, `lost==0`, `connect_rate>200/s`,
 * `error_share<0.1%`, `errors.tls==0`. Promises: what cannot be understood is refused with one line that says what can,
 * and the name that was probably meant. Docs: docs/load-report.md.
 */
import { LoadError } from '../errors.ts';
import { COUNTERS, LATENCIES, type Counter, type Latency } from '../measures.ts';
import { RATES, snakeCase, type Rate } from './figures.ts';
import { printable } from './printable.ts';

/** `percentile` of a latency: above 0, below 100. */
export type Figure =
  | { readonly kind: 'latency'; readonly latency: Latency; readonly statistic: 'max' | 'mean' | { readonly percentile: number } }
  | { readonly kind: 'counter'; readonly counter: Counter }
  | { readonly kind: 'rate'; readonly rate: Rate }
  | { readonly kind: 'error-share' }
  /** Kinds that are `prefix` or begin with it and a dot; empty: all. */
  | { readonly kind: 'errors'; readonly prefix: string };

export const OPERATORS = ['<', '<=', '>', '>=', '==', '!='] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Assertion {
  /** The condition as written, without the stage. */
  readonly text: string;
  /** Null: the whole run. */
  readonly stage: string | null;
  readonly figure: Figure;
  readonly operator: Operator;
  /** In the unit as written: times in `unit.ms` ms each, a share in % or as a part of one. */
  readonly bound: number;
  readonly unit: Unit;
}

/** A figure in base units (ms, 1/s, 0 to 1, times) divided by `size` is in this unit. */
export interface Unit {
  readonly name: string;
  readonly size: number;
}

const MAX_TEXT = 300;
const TIMES: Readonly<Record<string, number>> = { us: 0.001, 'µs': 0.001, ms: 1, s: 1_000, m: 60_000 };
const FORM = /^([A-Za-z][A-Za-z0-9_.-]*)\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|m|\/s|%)?$/;
const UNDERSTOOD = "write a figure, one of < <= > >= == != and a value, such as 'p99<50ms', 'lost==0', 'connect_rate>200' or 'steady: error_share<0.1%'";
/** Names that are no latency, for suggestions too. */
const OTHERS = [...COUNTERS.map(snakeCase), ...Object.keys(RATES).map((rate) => `${rate}_rate`), 'error_share'];
const STATISTICS = ['p50', 'p90', 'p95', 'p99', 'p99.9', 'p99.99', 'max', 'mean'];

/** Throws LOAD_ASSERTION. A stage within the text goes before `stage`. */
export function parseAssertion(text: string, stage: string | null = null): Assertion {
  if (text.length > MAX_TEXT) throw refused(text.slice(0, 40), `is longer than ${MAX_TEXT} characters`);
  const colon = text.lastIndexOf(':');
  const condition = text.slice(colon + 1).trim();
  const named = colon < 0 ? stage : text.slice(0, colon).trim();
  if (named === '') throw refused(text, 'names no stage before its colon');
  const match = FORM.exec(condition);
  if (!match) throw refused(text, 'is no condition');
  const [, name, operator, value, written] = match as unknown as [string, string, Operator, string, string | undefined];
  const figure = figureOf(name);
  if (!figure) throw unknownFigure(text, name);
  return { text: condition, stage: named, figure, operator, bound: Number(value), unit: unitOf(figure, written, text) };
}

function figureOf(name: string): Figure | undefined {
  const errors = /^errors(?:\.(.+))?$/.exec(name);
  if (errors) return { kind: 'errors', prefix: errors[1] ?? '' };
  const plain = snakeCase(name);
  if (plain === 'error_share') return { kind: 'error-share' };
  const rate = (Object.keys(RATES) as Rate[]).find((one) => plain === `${one}_rate`);
  if (rate) return { kind: 'rate', rate };
  const counter = COUNTERS.find((one) => snakeCase(one) === plain);
  return counter ? { kind: 'counter', counter } : latencyOf(name);
}

function latencyOf(name: string): Figure | undefined {
  const latency = LATENCIES.find((one) => name.startsWith(`${one}.`)) ?? 'publish';
  const rest = name.startsWith(`${latency}.`) ? name.slice(latency.length + 1) : name;
  if (rest === 'max' || rest === 'mean') return { kind: 'latency', latency, statistic: rest };
  const percentile = Number(/^p(\d{1,2}(?:\.\d{1,3})?)$/.exec(rest)?.[1]);
  return percentile > 0 ? { kind: 'latency', latency, statistic: { percentile } } : undefined;
}

function unitOf(figure: Figure, written: string | undefined, text: string): Unit {
  if (figure.kind === 'latency') {
    const size = TIMES[written ?? ''];
    if (size === undefined) throw refused(text, 'compares a time', 'give it a unit: us, ms, s or m');
    return { name: written!, size };
  }
  if (figure.kind === 'rate') {
    if (written !== undefined && written !== '/s') throw refused(text, 'compares a rate', "write it per second, as 'connect_rate>200' or '…>200/s'");
    return { name: '/s', size: 1 };
  }
  if (figure.kind === 'error-share') {
    if (written !== undefined && written !== '%') throw refused(text, 'compares a share', "write it in %, or as a part of one, as '0.001'");
    return written === '%' ? { name: '%', size: 0.01 } : { name: '', size: 1 };
  }
  if (written !== undefined) throw refused(text, 'compares a count', 'write a number without a unit');
  return { name: '', size: 1 };
}

function unknownFigure(text: string, name: string): LoadError {
  const latencies = LATENCIES.flatMap((latency) => STATISTICS.map((statistic) => `${latency}.${statistic}`));
  const known = [...STATISTICS, ...OTHERS, ...latencies];
  const [nearest] = known.map((one) => ({ one, far: distance(snakeCase(name), one) })).sort((a, b) => a.far - b.far);
  const hint = nearest && nearest.far <= Math.max(1, name.length / 3) ? `did you mean '${nearest.one}'? ` : '';
  return refused(text, `has a figure that is not known, '${printable(name, 60)}'`,
    `${hint}known are p50 to p99.99, max and mean, of publishing or after ${LATENCIES.map((one) => `${one}.`).join(' ')}; ${OTHERS.slice(-5).join(', ')}; errors, errors.<kind>; and the counters (${COUNTERS.slice(0, 3).map(snakeCase).join(', ')} … docs/load-report.md)`);
}

function refused(text: string, what: string, todo = UNDERSTOOD): LoadError {
  return new LoadError('LOAD_ASSERTION', `assertion '${printable(text, 100)}' ${what}: ${todo}`);
}

/** Levenshtein's. Both texts are short. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
