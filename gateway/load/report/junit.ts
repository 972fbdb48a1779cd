/**
 * A report as JUnit XML, as Jenkins, GitLab and GitHub actions read it: a suite for the whole run, for each stage with
 * assertions and for each search, a test case for each assertion and each search. A failed assertion is a failure; one that cannot be judged is
 * an error, as is a run that ended early. Promises: well-formed XML 1.0 whatever names are in it, with counts that agree
 * with the elements.
 */
import type { AssertionResult, LoadReport, SearchReport, StageReport } from '../report.ts';
import { escaped } from './printable.ts';
import { limitReasons, searchSentence } from './summary.ts';

interface Case {
  readonly name: string;
  readonly outcome: AssertionResult['outcome'];
  readonly reason: string;
}

interface Suite {
  readonly name: string;
  readonly durationMs: number;
  readonly cases: readonly Case[];
}

export function reportToJunit(report: LoadReport): string {
  const suites = suitesOf(report).filter(({ cases }) => cases.length > 0);
  const all = suites.flatMap(({ cases }) => cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escaped(`thrum load ${report.name}`)}" ${countsOf(all)} time="${seconds(report.durationMs)}">`,
    ...suites.flatMap((suite, id) => suiteLines(report, suite, id)),
    '</testsuites>',
    '',
  ].join('\n');
}

function suitesOf(report: LoadReport): Suite[] {
  const { assertions, searches, stages, ended, durationMs } = report;
  const named = new Set(stages.map(({ name }) => name));
  const early: Case[] = ended === 'done' ? [] : [{ name: 'the run comes to its end', outcome: 'unknown', reason: `It ended early: ${ended}.` }];
  const known = ({ stage }: AssertionResult): boolean => stage !== null && named.has(stage);
  return [
    { name: 'whole run', durationMs, cases: [...early, ...assertions.filter((one) => !known(one)).map((one) => caseOf(one, true))] },
    ...stages.map((stage): Suite => ({
      name: `stage ${stage.name}`,
      durationMs: stage.durationMs,
      cases: assertions.filter((one) => one.stage === stage.name).map((one) => caseOf(one, false)),
    })),
    ...searches.map((search): Suite => ({ name: `search ${search.stage}`, durationMs: trialsMs(search, stages), cases: [searchCase(search)] })),
  ];
}

function caseOf({ text, stage, outcome, reason }: AssertionResult, named: boolean): Case {
  return { name: named && stage !== null ? `${stage}: ${text}` : text, outcome, reason };
}

/** Trials are stages of their own: `steady at 3200/s`, `steady at 3200/s (2)`. */
function trialsMs({ stage }: SearchReport, stages: readonly StageReport[]): number {
  const trials = stages.filter(({ name }) => name.startsWith(`${stage} at `) && /^\d+\/s( \(\d+\))?$/.test(name.slice(`${stage} at `.length)));
  return trials.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

/** No rate is a failure, unless the generator was the limit in every trial. */
function searchCase(search: SearchReport): Case {
  const limited = search.trials.length === 0 || search.trials.every(({ outcome }) => outcome === 'generator-limited');
  return { name: `search for ${search.objective.join(', ')}`, outcome: search.ratePerS !== null ? 'met' : limited ? 'unknown' : 'failed', reason: searchSentence(search) };
}

function suiteLines(report: LoadReport, { name, durationMs, cases }: Suite, id: number): string[] {
  const properties = [
    ['thrum', report.generator.thrum], ['clients', String(report.generator.clients)],
    ...report.brokers.map((broker) => [`broker ${broker.name}`, broker.url]),
    ...limitReasons(report).map((reason) => ['generator limit', reason]),
  ] as const;
  return [
    `  <testsuite name="${escaped(name)}" id="${id}" package="thrum.load" ${countsOf(cases)} skipped="0" time="${seconds(durationMs)}" timestamp="${escaped(report.startedAt.replace(/(\.\d+)?Z$/, ''))}">`,
    '    <properties>',
    ...properties.map(([key, value]) => `      <property name="${escaped(key)}" value="${escaped(value)}"/>`),
    '    </properties>',
    ...cases.flatMap((one) => caseLines(one, name)),
    '  </testsuite>',
  ];
}

function caseLines({ name, outcome, reason }: Case, suite: string): string[] {
  const text = escaped(reason, 2_000);
  const verdict = {
    met: `      <system-out>${text}</system-out>`,
    failed: `      <failure message="${text}" type="failed">${text}</failure>`,
    unknown: `      <error message="${text}" type="unknown">${text}</error>`,
  }[outcome];
  return [`    <testcase name="${escaped(name)}" classname="${escaped(`thrum.load.${suite.replaceAll(/[\s.]+/g, '-')}`)}" time="0.000">`, verdict, '    </testcase>'];
}

function countsOf(cases: readonly Case[]): string {
  const count = (outcome: Case['outcome']): number => cases.filter((one) => one.outcome === outcome).length;
  return `tests="${cases.length}" failures="${count('failed')}" errors="${count('unknown')}"`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
