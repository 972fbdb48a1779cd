/**
 * Whether the generator itself was the limit. It was when it sent later than it was to, had no CPU left, or could not look
 * up from its work; then latencies and rates are its own, and nobody should call them the broker's.
 */
import type { Measures } from './measures.ts';
import type { GeneratorLimit, SeriesPoint } from './report.ts';

export const LIMITS = {
  /** Messages sent later than this after they were due. */
  slipP99Ms: 5,
  /** A core that is used for more than this has nothing left. */
  busy: 0.95,
  /** Answers that wait longer than this in the event loop spoil what is timed. */
  loopDelayP99Ms: 50,
} as const;
/** Part of the intervals that must be so, for the whole to be called so. */
const PART = 0.2;

/** Of an interval that is shorter nothing is said: the start of a stage is always busy. */
const SHORTEST_MS = 500;

/** How late and how busy the intervals of a stage or a run were, however many: three digits of each, so there are few different ones. */
export class Intervals {
  readonly #delaysMs = new Map<number, number>();
  readonly #busy = new Map<number, number>();

  add({ lengthMs, loopDelayP99Ms, busiestWorker }: Pick<SeriesPoint, 'lengthMs' | 'loopDelayP99Ms' | 'busiestWorker'>): void {
    if (lengthMs < SHORTEST_MS) return;
    note(this.#delaysMs, loopDelayP99Ms);
    note(this.#busy, busiestWorker);
  }

  get loopDelayP99Ms(): number | null {
    return often(this.#delaysMs);
  }

  get busiestWorker(): number | null {
    return often(this.#busy);
  }
}

/** Judges a stage or a run by its measures and its intervals. */
export function generatorLimit(measures: Measures, { loopDelayP99Ms, busiestWorker }: Intervals): GeneratorLimit {
  const slipP99Ms = measures.has('slip') ? measures.latency('slip').getValueAtPercentile(99) / 1000 : null;
  const reasons: string[] = [];
  if (slipP99Ms !== null && slipP99Ms > LIMITS.slipP99Ms) {
    reasons.push(`One message in a hundred was sent ${slipP99Ms.toFixed(1)} ms or more after it was due (limit ${LIMITS.slipP99Ms} ms).`);
  }
  if (busiestWorker !== null && busiestWorker > LIMITS.busy) {
    reasons.push(`A worker used ${(busiestWorker * 100).toFixed(0)} % of a core in a fifth of the intervals or more: give it more workers or machines.`);
  }
  if (loopDelayP99Ms !== null && loopDelayP99Ms > LIMITS.loopDelayP99Ms) {
    reasons.push(`A worker's event loop was ${loopDelayP99Ms.toFixed(0)} ms late in a fifth of the intervals or more (limit ${LIMITS.loopDelayP99Ms} ms).`);
  }
  return { reasons, slipP99Ms, loopDelayP99Ms, busiestWorker };
}

function note(times: Map<number, number>, value: number): void {
  const short = Number(value.toPrecision(3));
  times.set(short, (times.get(short) ?? 0) + 1);
}

/** What was reached or passed in a fifth of the intervals, and in two at least: one late second is an accident. */
function often(times: ReadonlyMap<number, number>): number | null {
  const all = [...times.values()].reduce((sum, one) => sum + one, 0);
  let rest = Math.max(2, Math.ceil(PART * all));
  for (const [value, count] of [...times].sort(([a], [b]) => b - a)) {
    rest -= count;
    if (rest <= 0) return value;
  }
  return null;
}
