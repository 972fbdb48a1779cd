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
  const judged = figures.filter(({ change }) => change !== 'not comparable');
  return [...lines, '', ...(judged.length === 0 ? [] : columns([head, ...judged.map(rowOf)])), ...incomparableLines(figures), '', sentenceOf(comparison)];
}

function rowOf({ stage, figure, unit, before, now, interval, change }: FigureComparison): string[] {
  const [first, second, [low, high]] = [before ?? 0, now ?? 0, interval ?? [0, 0]];
  const share = first === 0 ? '' : `${second >= first ? '+' : '−'}${numberText((100 * Math.abs(second - first)) / first)} %`;
  return [
    SIGNS[change], stageText(stage), figure, `${numberText(first)} ${unit}`, `${numberText(second)} ${unit}`, share,
    `${numberText(low)} to ${numberText(high)} ${unit}`, change === 'same' ? 'the same within noise' : change,
  ];
}

/** Figures that are not comparable for the same reason share a line. */
function incomparableLines(figures: readonly FigureComparison[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { stage, figure, change, reason } of figures) {
    if (change !== 'not comparable') continue;
    const why = `${stageText(stage)}, not comparable: ${printable(reason)}`;
    groups.set(why, [...(groups.get(why) ?? []), figure]);
  }
  return [...groups].map(([why, names]) => `${SIGNS['not comparable']}  ${why} (${names.join(', ')})`);
}

function stageText(stage: string | null): string {
  return printable(stage ?? 'whole run', 40);
}

export function sentenceOf({ refusals, figures }: LoadComparison): string {
  if (refusals.length > 0) return 'Nothing is judged: the figures of a run whose generator was the limit are not the broker\'s.';
  const worse = figures.filter(({ change }) => change === 'worse').length;
  const better = figures.filter(({ change }) => change === 'better').length;
  const judged = figures.filter(({ change }) => change !== 'not comparable').length;
  if (judged === 0) return 'Nothing can be compared: too little was measured.';
  return `Of ${judged} figures, ${worse} ${worse === 1 ? 'is' : 'are'} worse, ${better} better, and ${judged - worse - better} the same within noise.`;
}
