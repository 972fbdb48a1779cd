/**
 * A report beside an earlier one: what got worse, what got better, what came and went. Promises: a case that passed or
 * warned before and fails now, or that was judged before and is not run any more, is a regression, however low its
 * severity; a change that is only worth knowing never is.
 */

import type { HandshakeReport, Outcome, Severity } from '../model.ts';
import { printable } from './printable.ts';
import { instantText } from './style.ts';
import { OUTCOME_WORDS } from './summary.ts';

/** One case whose outcome is another than before. */
export interface Change {
  readonly id: string;
  readonly severity: Severity;
  readonly before: Outcome;
  readonly now: Outcome;
  /** The reason of the outcome now. */
  readonly reason: string;
}

export interface Comparison {
  readonly baseline: { readonly target: string; readonly startedAt: string };
  /** Any of these makes the command exit with 1. */
  readonly regressions: readonly Change[];
  /** Failed before and does not now, or warned and passes now. */
  readonly mended: readonly Change[];
  /** Changed, and neither of the two: pass → warn, fail → not run, and whatever was not run before. */
  readonly noted: readonly Change[];
  /** Ids of cases that the earlier report does not have. */
  readonly added: readonly string[];
  /** Ids of cases that only the earlier report has. */
  readonly gone: readonly string[];
}

type Kind = 'regressions' | 'mended' | 'noted';

/** What each change of outcome is, `before>now`. */
const KINDS: Readonly<Record<string, Kind>> = {
  'pass>fail': 'regressions',
  'warn>fail': 'regressions',
  'pass>not-run': 'regressions',
  'warn>not-run': 'regressions',
  'fail>pass': 'mended',
  'fail>warn': 'mended',
  'warn>pass': 'mended',
};

/** Compares by case id. Both reports are of the same subject and the same choice of cases: the caller sees to it. */
export function compareReports(now: HandshakeReport, before: HandshakeReport): Comparison {
  const earlier = new Map(before.results.map((result) => [result.info.id, result]));
  const ids = new Set(now.results.map((result) => result.info.id));
  const found: Record<Kind, Change[]> = { regressions: [], mended: [], noted: [] };
  for (const { info, outcome, reason } of now.results) {
    const old = earlier.get(info.id)?.outcome;
    if (old === undefined || old === outcome) continue;
    found[KINDS[`${old}>${outcome}`] ?? 'noted'].push({ id: info.id, severity: info.severity, before: old, now: outcome, reason });
  }
  return {
    baseline: { target: before.target, startedAt: before.startedAt },
    ...found,
    added: [...ids].filter((id) => !earlier.has(id)),
    gone: [...earlier.keys()].filter((id) => !ids.has(id)),
  };
}

/** The comparison in lines for people; the first sums it up. */
export function comparisonLines(comparison: Comparison, target: string): string[] {
  const { baseline, regressions, mended, noted, added, gone } = comparison;
  const parts = [`${regressions.length} worse`, `${mended.length} mended`, `${noted.length} otherwise changed`, `${added.length} new`, `${gone.length} gone`];
  const other = baseline.target === target ? '' : `, of ${printable(baseline.target)}`;
  return [
    `Compared with the report of ${instantText(printable(baseline.startedAt))}${other}: ${parts.join(', ')}.`,
    ...regressions.map((change) => line('worse', change)),
    ...mended.map((change) => line('mended', change)),
    ...noted.map((change) => line('changed', change)),
    ...added.map((id) => `  new      ${printable(id)}`),
    ...gone.map((id) => `  gone     ${printable(id)}`),
  ];
}

function line(word: string, { id, before, now, reason }: Change): string {
  const why = now === 'pass' ? '' : `: ${printable(reason)}`;
  return `  ${word.padEnd(8)} ${printable(id)}  ${OUTCOME_WORDS[before]} → ${OUTCOME_WORDS[now]}${why}`;
}
