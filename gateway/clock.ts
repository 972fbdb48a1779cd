/**
 * Simulated time: runs `speed` times as fast as real time from a given start, or at `max` as fast as the work is done.
 * Real time is passed in, so a test can hold the clock.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** How many simulated milliseconds pass in a real one; Infinity: simulated time jumps to whatever is due next. */
export type Speed = number;

/** setTimeout takes no longer delays. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class SimulatedClock {
  readonly speed: Speed;
  readonly #startMs: number;
  readonly #realStartMs: number;
  readonly #realNow: () => number;
  #reachedMs: number;

  constructor(options: { readonly startMs: number; readonly speed: Speed; readonly realNow: () => number }) {
    this.speed = options.speed;
    this.#startMs = options.startMs;
    this.#reachedMs = options.startMs;
    this.#realNow = options.realNow;
    this.#realStartMs = options.realNow();
  }

  /** Simulated time, ms since 1970. */
  now(): number {
    if (this.speed === Infinity) return this.#reachedMs;
    return this.#startMs + (this.#realNow() - this.#realStartMs) * this.speed;
  }

  /** Resolves when simulated time has reached `timeMs`; rejects with an AbortError when `signal` aborts first. */
  async until(timeMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.speed === Infinity) {
      this.#reachedMs = Math.max(this.#reachedMs, timeMs);
      return;
    }
    for (let waitMs = timeMs - this.now(); waitMs > 0; waitMs = timeMs - this.now()) {
      await delay(Math.min(Math.ceil(waitMs / this.speed), MAX_TIMER_MS), undefined, { signal });
    }
  }
}
