/**
 * A report as a table for a terminal, grouped by family: sign and outcome, id, title, and under each case that did not
 * pass the reason. Promises: no line holds anything that a terminal would obey but our own colours, and lines are broken
 * at words to the width that is given.
 */

import type { CaseInfo, CaseResult, EvidenceStep, HandshakeReport } from '../model.ts';
import { printable } from './printable.ts';
import { durationText, instantText, painted, signed } from './style.ts';
import type { Style } from './style.ts';
import { FAMILY_TITLES, byFamily, countsText, summarise } from './summary.ts';
import type { Judgement } from './summary.ts';

export interface TableLook {
  readonly style: Style;
  /** Columns of the terminal. */
  readonly width: number;
  /** `evidence` prints under every case what happened, with times. */
  readonly detail: 'reasons' | 'evidence';
}

/** Narrower than this, lines are not broken further. */
const MIN_WIDTH = 40;
const INDENT = '      ';
const ARROWS: Readonly<Record<EvidenceStep['kind'], string>> = { sent: '→', received: '←', note: '·' };

/** The whole report in lines. */
export function reportLines(report: HandshakeReport, judgement: Judgement, look: TableLook): string[] {
  const { outcomes, families } = summarise(report);
  const idWidth = Math.max(0, ...report.results.map((result) => printable(result.info.id).length));
  const lines = [painted(look.style, 'strong', `Handshakes of ${report.subject} ${printable(report.target)}, ${instantText(printable(report.startedAt))}`)];
  for (const [at, [family, results]] of byFamily(report.results).entries()) {
    lines.push('', `${painted(look.style, 'strong', FAMILY_TITLES[family])}  ${painted(look.style, 'faint', countsText(families[at]!.outcomes))}`);
    lines.push(...results.flatMap((result, index) => caseLines(result, results, index, idWidth, look)));
  }
  lines.push('', ...factLines(report.facts, look), `${countsText(outcomes)} in ${durationText(report.durationMs)}`);
  lines.push(painted(look.style, judgement.exitCode === 0 ? 'pass' : 'fail', judgement.sentence));
  return lines;
}

/** The catalogue as a table: id, severity, title, and where what is expected is written. */
export function catalogueLines(cases: readonly CaseInfo[], style: Style): string[] {
  const idWidth = Math.max(0, ...cases.map(({ id }) => id.length));
  const lines: string[] = [];
  for (const family of new Set(cases.map((one) => one.family))) {
    const own = cases.filter((one) => one.family === family);
    if (lines.length > 0) lines.push('');
    lines.push(`${painted(style, 'strong', FAMILY_TITLES[family])}  ${painted(style, 'faint', own.length === 1 ? '1 case' : `${own.length} cases`)}`);
    lines.push(...own.map(({ id, severity, title, sources }) => `  ${id.padEnd(idWidth)}  ${severity.padEnd(8)}  ${title} ${painted(style, 'faint', `(${sources.join('; ')})`)}`));
  }
  return [...lines, '', `${cases.length} cases`];
}

function caseLines(result: CaseResult, family: readonly CaseResult[], index: number, idWidth: number, look: TableLook): string[] {
  const { info, outcome, evidence, durationMs } = result;
  const severity = outcome === 'fail' ? ` [${info.severity}]` : '';
  const head = `  ${painted(look.style, outcome, signed(outcome))}  ${printable(info.id).padEnd(idWidth)}  ${printable(info.title)}${painted(look.style, outcome, severity)}`;
  if (look.detail === 'reasons') return [head, ...reasonLines(result, family, index, look)];
  const steps = evidence.map(({ atMs, kind, text }) => `${`${atMs.toFixed(1)} ms`.padStart(11)} ${ARROWS[kind]} ${printable(text)}`);
  return [
    head,
    ...wrapped(`${printable(result.reason)} (${durationText(durationMs)})`, look.width),
    ...(outcome === 'fail' || outcome === 'warn' ? wrapped(`expected: ${printable(info.expected)}`, look.width) : []),
    ...steps.map((step) => painted(look.style, 'faint', `${INDENT}${step}`)),
  ];
}

/** The reason, unless the case passed; cases in a row with one reason, as those not run for want of a key, say it once. */
function reasonLines(result: CaseResult, family: readonly CaseResult[], index: number, look: TableLook): string[] {
  if (result.outcome === 'pass') return [];
  const same = (other: CaseResult | undefined): boolean => other?.outcome === result.outcome && other.reason === result.reason;
  if (same(family[index + 1])) return [];
  let first = index;
  while (same(family[first - 1])) first -= 1;
  const many = index > first ? `these ${index - first + 1}: ` : '';
  const expected = result.outcome === 'fail' ? wrapped(`expected: ${printable(result.info.expected)}`, look.width) : [];
  return [...wrapped(`${many}${printable(result.reason)}`, look.width), ...expected];
}

function factLines(facts: HandshakeReport['facts'], look: TableLook): string[] {
  const entries = Object.entries(facts).map(([name, value]) => [printable(name, 60), printable(value)] as const);
  if (entries.length === 0) return [];
  const nameWidth = Math.max(...entries.map(([name]) => name.length));
  const lines = entries.flatMap(([name, value]) =>
    wrapped(value, look.width, ' '.repeat(nameWidth + 2)).map((line, at) => (at === 0 ? painted(look.style, 'faint', name.padEnd(nameWidth)) + line.slice(nameWidth) : line)));
  return [...lines, ''];
}

/** Words in lines of at most `width` columns, each indented; a word longer than that keeps its length. */
function wrapped(text: string, width: number, indent = INDENT): string[] {
  const room = Math.max(MIN_WIDTH, width) - indent.length;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
