/**
 * Finds the highest rate at which an objective holds: doubles until it is missed, halves the gap (by ratio) until it is
 * small, and then has the found rate prove itself again, because one trial on a noisy machine proves little.
 */
import { Measures } from './measures.ts';
import { percentileMs } from './report/figures.ts';
import type { SearchReport, SearchTrial, StageReport } from './report.ts';
import type { Search } from './scenario.ts';

/** What one trial came to. */
export type Trial = StageReport;

/** Judges a trial: undefined when the objective is met, else a whole sentence why not. */
export type JudgeTrial = (trial: Trial) => string | undefined;

const MAX_TRIALS = 100;

export async function search(
  stage: string,
  { objective, fromPerS, toPerS, trialMs, precision, confirmations }: Search,
  tryRate: (perS: number, forMs: number) => Promise<Trial>,
  judge: JudgeTrial,
  isEnded: () => boolean,
): Promise<SearchReport> {
  const trials: SearchTrial[] = [];
  const attempt = async (perS: number): Promise<SearchTrial> => {
    const trial = trialOf(perS, trialMs, await tryRate(perS, trialMs), judge);
    trials.push(trial);
    return trial;
  };
  const goesOn = (): boolean => !isEnded() && trials.length < MAX_TRIALS;
  let met: number | null = null;
  let missed: number | null = null;
  for (let rate: number | null = fromPerS; rate !== null && goesOn(); rate = nextRate(met, missed, { fromPerS, toPerS, precision })) {
    if ((await attempt(rate)).outcome === 'met') met = rate;
    else missed = rate;
    // Only a rate that holds again is found; one that does not is missed, and the search goes on below it.
    while (met !== null && nextRate(met, missed, { fromPerS, toPerS, precision }) === null && goesOn()) {
      const times = trials.filter((trial) => trial.ratePerS === met && trial.outcome === 'met').length;
      if (times > confirmations) break;
      if ((await attempt(met)).outcome === 'met') continue;
      missed = met;
      met = highestMet(trials, missed);
    }
  }
  return { stage, objective, trials, ratePerS: met, missedAtPerS: missed, confidence: confidenceOf(trials, met, missed, isEnded()) };
}

function nextRate(met: number | null, missed: number | null, { toPerS, precision }: Pick<Search, 'fromPerS' | 'toPerS' | 'precision'>): number | null {
  if (missed === null) return met! >= toPerS ? null : Math.min(toPerS, met! * 2);
  if (met === null) return missed < 2 ? null : missed / 2;
  return missed / met <= 1 + precision ? null : Math.sqrt(met * missed);
}

/** Highest rate below `below` that was met and never missed. */
function highestMet(trials: readonly SearchTrial[], below: number): number | null {
  const missed = new Set(trials.filter(({ outcome }) => outcome !== 'met').map(({ ratePerS }) => ratePerS));
  const candidates = trials.filter(({ ratePerS, outcome }) => outcome === 'met' && ratePerS < below && !missed.has(ratePerS)).map(({ ratePerS }) => ratePerS);
  return candidates.length === 0 ? null : Math.max(...candidates);
}

/** A trial holds what it was given, or it was missed whatever its latencies say: what was never sent has no latency. */
const HELD = 0.99;

function trialOf(ratePerS: number, forMs: number, trial: Trial, judge: JudgeTrial): SearchTrial {
  const { acknowledged = 0 } = trial.measures.counters;
  const achievedPerS = acknowledged / (forMs / 1000);
  const reason = judge(trial) ?? (achievedPerS < ratePerS * HELD ? `Only ${Math.round(achievedPerS)}/s of ${Math.round(ratePerS)}/s were acknowledged.` : '');
  const isLimited = trial.limit.reasons.length > 0;
  const outcome = reason === '' ? 'met' : isLimited ? 'generator-limited' : 'missed';
  return { ratePerS, outcome, achievedPerS, publishP99Ms: percentileMs(Measures.of(trial.measures), 'publish', 99), reason: isLimited && reason !== '' ? `${reason} ${trial.limit.reasons[0]!}` : reason };
}

function confidenceOf(trials: readonly SearchTrial[], met: number | null, missed: number | null, ended: boolean): string {
  if (ended) return 'The search was ended before it was sure.';
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
