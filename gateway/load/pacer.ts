/**
 * Wakes whoever has something due, to the millisecond, thousands of them: a wheel of one-millisecond slots, O(1) to set and
 * to wake. Sleeps while nobody waits.
 */
import type { NowUs } from './clock.ts';

/** Somebody who is woken when the time has come. */
export interface Sleeper {
  /** µs since 1970; set before `add`. */
  wakeUs: number;
  wake(nowUs: number): void;
}

const SLOTS = 1024;
const SLOT_US = 1000;

export class Pacer {
  readonly #now: NowUs;
  #slots: Sleeper[][] = Array.from({ length: SLOTS }, () => []);
  #spare: Sleeper[] = [];
  #waiting = 0;
  /** Number of the slot (not modulo) that is looked at next. */
  #slot: number;
  /** While sleepers are woken, nobody is added to slots that have been looked at. */
  #isTurning = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: NowUs) {
    this.#now = now;
    this.#slot = Math.floor(now() / SLOT_US);
  }

  /** Wakes the sleeper at its time, or in a millisecond if that has passed. Each is added once until it is woken. */
  add(sleeper: Sleeper): void {
    if (this.#waiting++ === 0 && !this.#isTurning) {
      this.#slot = Math.floor(this.#now() / SLOT_US);
      this.#timer = setTimeout(this.#turn, 1);
    }
    const slot = Math.max(Math.ceil(sleeper.wakeUs / SLOT_US), this.#slot);
    this.#slots[slot % SLOTS]!.push(sleeper);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const slot of this.#slots) slot.length = 0;
    this.#waiting = 0;
  }

  readonly #turn = (): void => {
    const nowUs = this.#now();
    const until = Math.floor(nowUs / SLOT_US);
    const from = Math.max(this.#slot, until - SLOTS + 1); // one round looks at all
    this.#slot = until + 1;
    this.#isTurning = true;
    for (let slot = from; slot <= until; slot++) this.#wake(slot % SLOTS, nowUs);
    this.#isTurning = false;
    if (this.#waiting > 0) this.#timer = setTimeout(this.#turn, 1);
  };

  #wake(index: number, nowUs: number): void {
    const sleepers = this.#slots[index]!;
    if (sleepers.length === 0) return;
    this.#slots[index] = this.#spare;
    for (const sleeper of sleepers) {
      if (sleeper.wakeUs > nowUs) {
        this.#slots[Math.ceil(sleeper.wakeUs / SLOT_US) % SLOTS]!.push(sleeper); // a later round's
        continue;
      }
      this.#waiting -= 1;
      sleeper.wake(this.#now()); // waking those before it took its time
    }
    sleepers.length = 0;
    this.#spare = sleepers;
  }
}
