/** A comparison in lines for people, and what it comes to in one sentence, which is the last. */
import type { Change, FigureComparison, LoadComparison } from './compare.ts';
import { columns, numberText } from './text.ts';
import { printable } from './printable.ts';

const SIGNS: Readonly<Record<Change, string>> = { better: '✓', worse: '✗', same: '=', 'not comparable': '?' };

export function comparisonLines(comparison: LoadComparison): string[] {
  const { before, now, differences, refusals, figures } = comparison;
  const lines = [
    `first:  ${printable(before.name)}, ${before.startedAt}`,
    `second: ${printable(now.name)}, ${now.startedAt}`,
    ...differences.map((sentence) => `  differs  ${printable(sentence)}`),
  ];
  if (refusals.length > 0) return [...lines, ...refusals.map((sentence) => `  refused  ${printable(sentence)}`), sentenceOf(comparison)];
  const head = ['', 'stage', 'figure', 'first', 'second', 'change', '95 % interval of the difference', ''];
  return [...lines, '', ...columns([head, ...figures.map(rowOf)]), '', sentenceOf(comparison)];
}

function rowOf({ stage, figure, unit, before, now, interval, change, reason }: FigureComparison): string[] {
  const where = [SIGNS[change], printable(stage ?? 'whole run', 40), figure];
  if (before === null || now === null || interval === null) return [...where, '–', '–', '', '', printable(`${change}: ${reason}`)];
  const share = before === 0 ? '' : `${now >= before ? '+' : '−'}${numberText((100 * Math.abs(now - before)) / before)} %`;
  return [...where, `${numberText(before)} ${unit}`, `${numberText(now)} ${unit}`, share, `${numberText(interval[0])} to ${numberText(interval[1])} ${unit}`, change === 'same' ? 'the same within noise' : change];
}

export function sentenceOf({ refusals, figures }: LoadComparison): string {
  if (refusals.length > 0) return 'Nothing is judged: the figures of a run whose generator was the limit are not the broker\'s.';
  const worse = figures.filter(({ change }) => change === 'worse').length;
  const better = figures.filter(({ change }) => change === 'better').length;
  const judged = figures.filter(({ change }) => change !== 'not comparable').length;
  if (judged === 0) return 'Nothing can be compared: too little was measured.';
  return `Of ${judged} figures, ${worse} ${worse === 1 ? 'is' : 'are'} worse, ${better} better, and ${judged - worse - better} the same within noise.`;
}
