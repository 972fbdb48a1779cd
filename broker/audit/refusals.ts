/**
 * Refusals can come by the thousand, from whoever reaches the port. Of equal ones within a minute the first is written down at once and
 * the rest as one count; of different ones so many, and the rest as one count. So refusals cost at most 2 × 256 + 2 records a minute.
 */
import type { AuditEvent } from './event.ts';

export const REFUSAL_WINDOW_MS = 60_000;
/** Different refusals within a window. */
export const REFUSALS_MAX = 256;

/** Refusals that were counted and not written down. */
export interface Repeats {
  readonly event: AuditEvent;
  /** Beside the one that was written down. */
  readonly repeats: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

const OTHERS = 'others';

export class Refusals {
  readonly #seen = new Map<string, { -readonly [K in keyof Repeats]: Repeats[K] }>();
  #windowEndsMs = -Infinity;

  /** True when the refusal is to be written down; else it is counted. Call `due` first. */
  take(event: AuditEvent, nowMs: number): boolean {
    if (this.#seen.size === 0) this.#windowEndsMs = nowMs + REFUSAL_WINDOW_MS;
    const name = JSON.stringify([event.eventSource, event.eventName, event.principal, event.sourceIpAddress, event.errorCode, event.resources]);
    const key = this.#seen.has(name) || this.#seen.size < REFUSALS_MAX ? name : OTHERS;
    const seen = this.#seen.get(key);
    if (seen) {
      seen.repeats += 1;
      seen.untilMs = nowMs;
      return false;
    }
    const isOther = key === OTHERS;
    const first = isOther ? { ...event, principal: 'unknown', sourceIpAddress: undefined, requestParameters: {}, errorMessage: 'refusals of many kinds', resources: [] } : event;
    this.#seen.set(key, { event: first, repeats: isOther ? 1 : 0, fromMs: nowMs, untilMs: nowMs });
    return !isOther;
  }

  /** What was counted in a window that is over, or in any with `all`. A clock that was set back ends it too. */
  due(nowMs: number, all = false): Repeats[] {
    const isOpen = nowMs < this.#windowEndsMs && nowMs >= this.#windowEndsMs - REFUSAL_WINDOW_MS;
    if (isOpen && !all) return [];
    const counted = [...this.#seen.values()].filter(({ repeats }) => repeats > 0);
    this.#seen.clear();
    return counted;
  }
}
