/**
 * A rate that finds what the broker bears: it rises by a tenth while answers come, and falls by a third when more is
 * unanswered than comes in a quarter of a second, or something failed (additive increase would take minutes over four
 * orders of magnitude, so both are factors).
 */

const FIRST_PER_S = 50;
const RISE = 1.1;
const FALL = 2 / 3;
/** Unanswered for longer than this, at the present rate, is overload. */
const BEARABLE_S = 0.25;
/** So often the rate is judged. */
export const JUDGE_MS = 100;

export class SelfTuningRate {
  readonly #atMostPerS: number;
  readonly #shareholders: number;
  #perS: number;

  /** `atMostPerS` for all `shareholders` together, who take turns. */
  constructor(atMostPerS: number, shareholders: number) {
    this.#atMostPerS = atMostPerS;
    this.#shareholders = Math.max(1, shareholders);
    this.#perS = Math.min(FIRST_PER_S, atMostPerS);
  }

  get perS(): number {
    return this.#perS;
  }

  /** Between one turn and the next. */
  get turnUs(): number {
    return 1e6 / this.#perS;
  }

  /** Between two turns of one shareholder. */
  get intervalUs(): number {
    return this.#shareholders * this.turnUs;
  }

  /** Judges by what is unanswered now and what failed since the last time. */
  judge(unanswered: number, failed: number): void {
    const isOverloaded = failed > 0 || unanswered > Math.max(4, this.#perS * BEARABLE_S);
    this.#perS = Math.min(this.#atMostPerS, Math.max(1, this.#perS * (isOverloaded ? FALL : RISE)));
  }
}
