/**
 * Finds the highest rate at which an objective holds: doubles from the lowest until it is missed, halves the gap (by ratio) until it is
 * small, and then tries both ends again, because one trial on a noisy machine proves little: most of a rate's trials count.
 */
import { Measures } from './measures.ts';
import { percentileMs } from './report/figures.ts';
import type { SearchReport, SearchTrial, StageReport } from './report.ts';
import type { Search, Stage } from './scenario.ts';

/** What one trial came to. */
export type Trial = StageReport;

/** Judges a trial: undefined when the objective is met, else a whole sentence why not. */
export type JudgeTrial = (trial: Trial) => string | undefined;

const MAX_TRIALS = 100;

/** `group`: whose messages the rate is of. */
export async function search(
  stage: string,
  group: string,
  wanted: Search,
  tryRate: (perS: number, forMs: number) => Promise<Trial>,
  judge: JudgeTrial,
  isEnded: () => boolean,
): Promise<SearchReport> {
  const { objective, trialMs } = wanted;
  const trials: SearchTrial[] = [];
  for (let rate = nextRate(trials, wanted); rate !== undefined && !isEnded() && trials.length < MAX_TRIALS; rate = nextRate(trials, wanted)) {
    trials.push(trialOf(rate, trialMs, await tryRate(rate, trialMs), group, judge));
  }
  const { met, missed } = bracketOf(trials);
  const isUnsure = nextRate(trials, wanted) !== undefined;
  return { stage, objective, trials, ratePerS: met, missedAtPerS: missed, confidence: confidenceOf(trials, met, missed, isUnsure) };
}

interface Bracket {
  /** Highest rate below all that were missed, and lowest that was; what most trials of a rate say counts. */
  readonly met: number | null;
  readonly missed: number | null;
}

function bracketOf(trials: readonly SearchTrial[]): Bracket {
  const rates = [...new Set(trials.map(({ ratePerS }) => ratePerS))].sort((a, b) => a - b);
  const first = rates.findIndex((rate) => {
    const own = trials.filter(({ ratePerS }) => ratePerS === rate);
    return own.filter(({ outcome }) => outcome === 'met').length * 2 <= own.length;
  });
  return first < 0 ? { met: rates.at(-1) ?? null, missed: null } : { met: rates[first - 1] ?? null, missed: rates[first]! };
}

/** What to try next: a new rate while the bracket is wide, then both its ends again; undefined when it is sure. */
function nextRate(trials: readonly SearchTrial[], { fromPerS, toPerS, precision, confirmations }: Search): number | undefined {
  const { met, missed } = bracketOf(trials);
  if (met === null && missed === null) return fromPerS;
  if (missed === null && met! < toPerS) return Math.min(toPerS, met! * 2);
  if (met !== null && missed !== null && missed / met > 1 + precision) return Math.sqrt(met * missed);
  return [met, missed].find((rate) => rate !== null && trials.filter(({ ratePerS }) => ratePerS === rate).length <= confirmations) ?? undefined;
}

/** A trial holds what it was given, or it was missed whatever its latencies say: what was never sent has no latency. */
const HELD = 0.99;

function trialOf(ratePerS: number, forMs: number, trial: Trial, group: string, judge: JudgeTrial): SearchTrial {
  const { acknowledged = 0 } = trial.groups.find(({ clients }) => clients === group)?.measures.counters ?? {};
  const achievedPerS = acknowledged / (forMs / 1000);
  const reason = judge(trial) ?? (achievedPerS < ratePerS * HELD ? `Only ${Math.round(achievedPerS)}/s of ${Math.round(ratePerS)}/s were acknowledged.` : '');
  const isLimited = trial.limit.reasons.length > 0;
  const outcome = reason === '' ? 'met' : isLimited ? 'generator-limited' : 'missed';
  return { ratePerS, outcome, achievedPerS, publishP99Ms: percentileMs(Measures.of(trial.measures), 'publish', 99), reason: isLimited && reason !== '' ? `${reason} ${trial.limit.reasons[0]!}` : reason };
}

function confidenceOf(trials: readonly SearchTrial[], met: number | null, missed: number | null, isUnsure: boolean): string {
  if (isUnsure) return 'The search was ended before it was sure.';
  if (met === null) return 'No rate that was tried met the objective.';
  const count = (rate: number): string => {
    const own = trials.filter(({ ratePerS }) => ratePerS === rate);
    return `${own.filter(({ outcome }) => outcome === 'met').length} of ${own.length}`;
  };
  const limited = trials.some(({ ratePerS, outcome }) => ratePerS === missed && outcome === 'generator-limited');
  if (missed === null) return `Met in ${count(met)} trials at ${Math.round(met)}/s, the highest rate that the search may try: the limit lies above it.`;
  const above = limited ? `at ${Math.round(missed)}/s the generator was the limit, so the broker's lies above` : `met in ${count(missed)} at ${Math.round(missed)}/s, the next above`;
  return `Met in ${count(met)} trials at ${Math.round(met)}/s; ${above}.`;
}

/** Clients of the one step whose rate is searched. */
export function searchedGroup({ lives }: Stage): string {
  return lives.find(({ steps }) => steps.some((step) => step.kind === 'publish' && step.pace.kind === 'searched'))!.clients;
}
