/**
 * Refusals can come by the thousand, from whoever reaches the port. Of equal ones within a minute the first is written down at once and
 * the rest as one count; of different ones so many, and the rest as one count. Strangers, who can make up what they ask for, have a
 * table of their own, so that they cannot take the names from others' refusals. So refusals cost at most 2 × (256 + 128) + 2 records a minute.
 */
import type { AuditEvent } from './event.ts';

export const REFUSAL_WINDOW_MS = 60_000;
/** Different refusals within a window, of principals that are known and of others. */
export const REFUSALS_MAX = 256;
export const STRANGERS_MAX = 128;
/** Who did not show who they are: by no signature, by no certificate. */
const STRANGERS = new Set(['anonymous', 'unknown']);

/** Refusals that were counted and not written down. */
export interface Repeats {
  readonly event: AuditEvent;
  /** Beside the one that was written down. */
  readonly repeats: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

const OTHERS = 'others';

type Seen = Map<string, { -readonly [K in keyof Repeats]: Repeats[K] }>;

export class Refusals {
  readonly #seen: Seen = new Map();
  readonly #strangers: Seen = new Map();
  #windowEndsMs = -Infinity;

  /** True when the refusal is to be written down; else it is counted. Call `due` first. */
  take(event: AuditEvent, nowMs: number): boolean {
    if (this.#seen.size + this.#strangers.size === 0) this.#windowEndsMs = nowMs + REFUSAL_WINDOW_MS;
    const name = JSON.stringify([event.eventSource, event.eventName, event.principal, event.sourceIpAddress, event.errorCode, event.resources]);
    const [table, most] = STRANGERS.has(event.principal) ? [this.#strangers, STRANGERS_MAX] : [this.#seen, REFUSALS_MAX];
    const key = table.has(name) || table.size < most ? name : OTHERS;
    const seen = table.get(key);
    if (seen) {
      seen.repeats += 1;
      seen.untilMs = nowMs;
      return false;
    }
    const isOther = key === OTHERS;
    const first = isOther ? { ...event, principal: 'unknown', sourceIpAddress: undefined, requestParameters: {}, errorMessage: 'refusals of many kinds', resources: [] } : event;
    table.set(key, { event: first, repeats: isOther ? 1 : 0, fromMs: nowMs, untilMs: nowMs });
    return !isOther;
  }

  /** What was counted in a window that is over, or in any with `all`. A clock that was set back ends it too. */
  due(nowMs: number, all = false): Repeats[] {
    const isOpen = nowMs < this.#windowEndsMs && nowMs >= this.#windowEndsMs - REFUSAL_WINDOW_MS;
    if (isOpen && !all) return [];
    const counted = [...this.#seen.values(), ...this.#strangers.values()].filter(({ repeats }) => repeats > 0);
    this.#seen.clear();
    this.#strangers.clear();
    return counted;
  }
}
