/**
 * What was allowed can come by the thousand too, from whoever may do it. Of each kind of event so many bytes are written down, and the
 * rest is counted, so that no caller fills the disk, and none hides one kind of event behind many of another.
 */
import { rateLimit } from '../rate-limit.ts';
import { REFUSAL_WINDOW_MS } from './refusals.ts';

/** Of each kind of event: some 160 records a second, or 11 GB a day. */
export const EVENT_BYTES_PER_S = 128 * 1024;
/** What may come at once: some 40,000 records. */
export const EVENT_BYTES_AT_ONCE = 32 * 2 ** 20;

/** Events that were counted and not written down. */
export interface Lost {
  readonly records: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** How many of each event. */
  readonly events: Readonly<Record<string, number>>;
}

export class Flood {
  readonly #within = rateLimit(EVENT_BYTES_PER_S, EVENT_BYTES_AT_ONCE);
  readonly #counts = new Map<string, number>();
  #fromMs = 0;
  #untilMs = 0;

  /** True when an event is to be written down; else it is counted. */
  take(eventName: string, bytes: number, nowMs: number): boolean {
    if (this.#within(eventName, nowMs, bytes)) return true;
    if (this.#counts.size === 0) this.#fromMs = nowMs;
    this.#untilMs = nowMs;
    this.#counts.set(eventName, (this.#counts.get(eventName) ?? 0) + 1);
    return false;
  }

  /** What was counted, a minute after the first of it, or at once with `all`; then it is forgotten. */
  due(nowMs: number, all = false): Lost | undefined {
    const isOpen = Math.abs(nowMs - this.#fromMs) < REFUSAL_WINDOW_MS;
    if (this.#counts.size === 0 || (isOpen && !all)) return undefined;
    const records = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    const lost = { records, fromMs: this.#fromMs, untilMs: this.#untilMs, events: Object.fromEntries(this.#counts) };
    this.#counts.clear();
    return lost;
  }
}
