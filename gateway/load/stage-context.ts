/** What the steps of a stage share: time, waiting that ends with the stage, and who the worker is. */
import type { TLSSocket } from 'node:tls';
import type { NowUs } from './clock.ts';
import { ClientFailure } from './client/failure.ts';
import type { Pacer } from './pacer.ts';
import type { Scenario, Stage } from './scenario.ts';
import type { SelfTuningRate } from './self-tuning.ts';

/** The stage is over: the life ends where it is. */
export class StageOver extends Error {
  override readonly name = 'StageOver';
}

/** Somebody else connects this client, or it is to be connected no more. */
export class TakenOver extends Error {
  override readonly name = 'TakenOver';
}

export interface StageOptions {
  readonly scenario: Scenario;
  readonly stage: Stage;
  /** µs since 1970. */
  readonly startUs: number;
  readonly searched: { readonly perS: number; readonly forMs: number } | undefined;
  readonly now: NowUs;
  readonly random: () => number;
  readonly pacer: Pacer;
  readonly runEpoch: number;
  readonly authorityPem: string | undefined;
  /** Told of each connection that stands, for what is worth knowing of a broker once. */
  readonly onBroker: (broker: string, verified: boolean, socket: TLSSocket | undefined) => void;
  /** This worker's share of a self-tuning rate of a group; `owner` is the life or pace that it belongs to. */
  readonly selfTuning: (owner: object, kind: 'connects' | 'messages', group: string, atMostPerS: number) => SelfTuningRate;
}

export class StageContext {
  readonly options: StageOptions;
  readonly #sleepers = new Set<() => void>();
  #isOver = false;

  constructor(options: StageOptions) {
    this.options = options;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Throws StageOver once the stage is over. */
  check(): void {
    if (this.#isOver) throw new StageOver();
  }

  /** Waits so long. Throws StageOver when the stage ends first. */
  async sleep(ms: number): Promise<void> {
    this.check();
    // A timer holds at most 2^31 − 1 ms: 24 days.
    for (let rest = ms; rest > 0; rest -= 2 ** 30) await this.#nap(Math.min(rest, 2 ** 30));
    this.check();
  }

  #nap(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#sleepers.add(wake);
    });
  }

  /** Ends all waiting. */
  end(): void {
    this.#isOver = true;
    for (const wake of [...this.#sleepers]) wake();
  }
}

/** Whether it is a failure that a life may end with; anything else is a fault of ours and goes on. */
export function isExpected(error: unknown): boolean {
  return error instanceof ClientFailure || error instanceof StageOver || error instanceof TakenOver;
}
