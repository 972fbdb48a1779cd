/** What a load test comes to in one sentence, and whether it passed. */
import type { LoadReport } from '../report.ts';

export interface Verdict {
  /** Every assertion met, every search with a rate, somebody let in who was to be, and the run not ended early. */
  readonly passed: boolean;
  /** The generator was the limit at some time: figures are not the broker's. */
  readonly limited: boolean;
  readonly sentence: string;
}

export const LIMIT_SENTENCE = 'The generator was the limit: these figures are the generator\'s, not the broker\'s.';

export function verdictOf(report: LoadReport): Verdict {
  const { assertions, searches, ended, limit, stages } = report;
  const count = (outcome: string): number => assertions.filter((one) => one.outcome === outcome).length;
  const [failed, unknown] = [count('failed'), count('unknown')];
  const fruitless = searches.filter(({ ratePerS }) => ratePerS === null).length;
  const limited = limit.reasons.length > 0 || stages.some((stage) => stage.limit.reasons.length > 0);
  const parts = [
    ...(ended === 'done' ? [] : [`it ended early (${ended})`]),
    ...(nobodyGotIn(report) ? ['no client could connect'] : []),
    ...(failed > 0 ? [`${failed} of ${assertions.length} assertions failed`] : []),
    ...(unknown > 0 ? [`${unknown} of ${assertions.length} assertions cannot be judged`] : []),
    ...(fruitless > 0 ? [`${fruitless} of ${searches.length} searches found no rate`] : []),
  ];
  return { passed: parts.length === 0, limited, sentence: parts.length > 0 ? `Not passed: ${parts.join(', ')}.` : goodEnd(report, limited) };
}

/** A broker that is not there, or never answers, is no success, whatever was asserted. */
function nobodyGotIn({ total: { counters } }: LoadReport): boolean {
  const { connects = 0, connected = 0, refusedAsExpected = 0, unexpectedlyAccepted = 0 } = counters;
  return connects > 0 && connected + refusedAsExpected + unexpectedlyAccepted === 0;
}

function goodEnd({ assertions, searches }: LoadReport, limited: boolean): string {
  if (assertions.length === 0 && searches.length === 0) return limited ? `Done; nothing was asserted. ${LIMIT_SENTENCE}` : 'Done; nothing was asserted.';
  const met = assertions.length === 0 ? '' : assertions.length === 1 ? 'the assertion is met' : `all ${assertions.length} assertions are met`;
  const found = searches.length === 0 ? '' : searches.length === 1 ? 'the search found a rate' : `all ${searches.length} searches found a rate`;
  return `Passed: ${[met, found].filter((part) => part !== '').join(', and ')}.${limited ? ` ${LIMIT_SENTENCE}` : ''}`;
}
