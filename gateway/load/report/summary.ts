/**
 * A report in lines for people. Promises: when the generator was the limit, that comes first, before any figure; the last
 * line is one sentence that says what the run came to; no line holds a control character.
 */
import { Measures } from '../measures.ts';
import type { AssertionResult, LoadReport, SearchReport } from '../report.ts';
import { printable } from './printable.ts';
import { messageEquations, tablesOf, type Table } from './tables.ts';
import { columns, durationText, instantText, numberText } from './text.ts';
import { LIMIT_SENTENCE, verdictOf } from './verdict.ts';

export const OUTCOME_SIGNS: Readonly<Record<AssertionResult['outcome'], string>> = { met: '✓', failed: '✗', unknown: '?' };

/** Characters of a cell. */
const MAX_CELL = 100;

export function summaryLines(report: LoadReport): string[] {
  const equations = messageEquations(Measures.of(report.total));
  return [
    ...limitLines(report),
    ...headingLines(report),
    ...tablesOf(report).flatMap((table) => ['', ...tableLines(table)]),
    ...section('Messages', equations),
    ...section('Searches', report.searches.map(searchSentence)),
    ...section('Assertions', report.assertions.map(assertionLine)),
    '',
    verdictOf(report).sentence,
  ].map((line) => printable(line, 2_000));
}

/** Reasons of the run, and of stages where they are not the run's too. */
export function limitReasons({ limit, stages }: LoadReport): string[] {
  const ofStages = stages.flatMap((stage) => stage.limit.reasons.filter((reason) => !limit.reasons.includes(reason)).map((reason) => `Stage ${stage.name}: ${reason}`));
  return [...limit.reasons, ...ofStages];
}

function limitLines(report: LoadReport): string[] {
  const reasons = limitReasons(report);
  return reasons.length === 0 ? [] : [LIMIT_SENTENCE, ...reasons.map((reason) => `  ${reason}`), ''];
}

function headingLines(report: LoadReport): string[] {
  const { name, startedAt, durationMs, ended, brokers, shards, generator } = report;
  const whole = shards.length === 1 && shards[0]!.of === 1;
  return [
    `${name}: ${instantText(startedAt)}, ${durationText(durationMs)}${ended === 'done' ? '' : `, ended early: ${ended}`}`,
    ...brokers.map((broker) => `broker ${broker.name} ${broker.url}${certificateText(broker.certificate)}`),
    `generator thrum ${generator.thrum}, Node.js ${generator.node}, ${generator.cores} cores (${generator.cpu})${whole ? '' : `, ${shards.length === 1 ? 'shard' : 'shards'} ${shards.map(({ index, of }) => `${index}/${of}`).join(', ')}`}`,
  ];
}

/** For what follows a broker's address; a broker without a certificate has none to be spoken of. */
export function certificateText(certificate: LoadReport['brokers'][number]['certificate']): string {
  return certificate === null ? '' : `, certificate ${certificate.subject}, ${certificate.keyType}, ${certificate.chainLength} in its chain, ${certificate.verified ? 'verified' : 'NOT verified'}`;
}

function tableLines({ title, head, rows, words }: Table): string[] {
  const cells = [head, ...rows].map((row) => row.map((cell) => printable(cell, MAX_CELL)));
  const numbers = head.map((_, at) => at).filter((at) => !words.includes(at));
  return [title, ...columns(cells, numbers).map((line) => `  ${line}`)];
}

export function searchSentence({ stage, objective, ratePerS, missedAtPerS, confidence }: SearchReport): string {
  const found = ratePerS === null ? 'no rate met it' : `it was met up to ${numberText(ratePerS)}/s${missedAtPerS === null ? ', the highest that was tried' : `, and missed at ${numberText(missedAtPerS)}/s`}`;
  return `${stage}, ${objective.join(', ')}: ${found}. ${confidence}`;
}

function assertionLine({ text, stage, outcome, reason }: AssertionResult): string {
  return `${OUTCOME_SIGNS[outcome]} ${stage === null ? '' : `${stage}: `}${text}  ${reason}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}
