/**
 * Measures jobs in turns, so that a machine whose speed wavers wavers for all of them: a round runs every job once, the
 * next one in the other direction and from another beginning. Rates of one round can be compared; medians are over rounds.
 */
import { isQuick } from '../quick.ts';
import { median } from '../statistics.ts';

/** Something to measure: `run` does a number of passes, each of so many units (messages, bytes). */
export interface Job {
  readonly unitsPerPass: number;
  run(passes: number): void;
}

export interface Turns {
  readonly rounds: number;
  /** About how long a job runs in one round; a single pass may take longer. */
  readonly budgetMs: number;
  /** The least that each job runs beforehand, the same for all. */
  readonly warmUpMs: number;
  /** Hears of every round that ends. */
  readonly onRound: (round: number) => void;
}

/** Units per second of each job in each round: `rates[job][round]`. */
export function inTurns(jobs: readonly Job[], turns: Turns): number[][] {
  const { rounds, budgetMs, warmUpMs, onRound } = isQuick ? { ...turns, rounds: 1, budgetMs: turns.budgetMs / 10, warmUpMs: 0 } : turns;
  const passes = jobs.map((job) => warmUp(job, budgetMs, warmUpMs));
  const rates = jobs.map(() => new Array<number>(rounds).fill(NaN));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < jobs.length; turn++) {
      const place = (turn + round * 5) % jobs.length;
      const index = round % 2 === 0 ? place : jobs.length - 1 - place;
      const elapsedMs = timeMs(jobs[index]!, passes[index]!);
      rates[index]![round] = (jobs[index]!.unitsPerPass * passes[index]! * 1000) / elapsedMs;
    }
    onRound(round);
  }
  return rates;
}

/** Median over the rounds of rate / base rate; NaN when one was not measured. */
export function ratioInTurns(rates: readonly number[], base: readonly number[]): number {
  return median(rates.map((rate, round) => rate / base[round]!));
}

/** Runs the job at least `warmUpMs`, and gives the passes that fill the budget. */
function warmUp(job: Job, budgetMs: number, warmUpMs: number): number {
  let passes = 1;
  let total = 0;
  for (;;) {
    const elapsedMs = timeMs(job, passes);
    total += elapsedMs;
    if (total >= warmUpMs && elapsedMs >= budgetMs / 4) return Math.max(1, Math.round((passes * budgetMs) / elapsedMs));
    if (elapsedMs < budgetMs / 2) passes *= 2;
  }
}

function timeMs(job: Job, passes: number): number {
  const start = performance.now();
  job.run(passes);
  return performance.now() - start;
}
