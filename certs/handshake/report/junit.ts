/**
 * A report as JUnit XML, as Jenkins, GitLab and GitHub actions read it: a suite for each family, a test case for each
 * case. Failures of any severity are failures, with the severity as type; cases not run are skipped; warnings pass, and
 * say so in their output. Promises: well-formed XML 1.0 whatever a peer wrote, within the elements and attributes of
 * Jenkins' junit-10.xsd, with counts that agree with the elements.
 */

import type { CaseResult, Family, HandshakeReport } from '../model.ts';
import { escaped } from './printable.ts';
import { FAMILY_TITLES, byFamily } from './summary.ts';

/** The whole document. */
export function reportToJunit(report: HandshakeReport): string {
  const suites = byFamily(report.results).map(([family, results], id) => suite(report, family, results, id));
  const failed = report.results.filter((result) => result.outcome === 'fail').length;
  const head = `<testsuites name="${escaped(`thrum handshake ${report.subject} ${report.target}`)}" tests="${report.results.length}" failures="${failed}" errors="0" time="${seconds(report.durationMs)}">`;
  return ['<?xml version="1.0" encoding="UTF-8"?>', head, ...suites.flat(), '</testsuites>', ''].join('\n');
}

function suite(report: HandshakeReport, family: Family, results: readonly CaseResult[], id: number): string[] {
  const failed = results.filter((result) => result.outcome === 'fail').length;
  const skipped = results.filter((result) => result.outcome === 'not-run').length;
  const time = results.reduce((sum, result) => sum + result.durationMs, 0);
  const facts = Object.entries(report.facts).map(([name, value]) => `      <property name="${escaped(name)}" value="${escaped(value)}"/>`);
  return [
    `  <testsuite name="${escaped(FAMILY_TITLES[family])}" id="${id}" package="thrum.handshake.${report.subject}" tests="${results.length}" failures="${failed}" errors="0" skipped="${skipped}" time="${seconds(time)}" timestamp="${escaped(report.startedAt.replace(/(\.\d+)?Z$/, ''))}">`,
    '    <properties>',
    `      <property name="target" value="${escaped(report.target)}"/>`,
    ...facts,
    '    </properties>',
    ...results.flatMap(testCase),
    '  </testsuite>',
  ];
}

function testCase(result: CaseResult): string[] {
  const { info, outcome, reason, durationMs } = result;
  const start = `    <testcase name="${escaped(`${info.id}: ${info.title}`)}" classname="thrum.handshake.${info.family}" time="${seconds(durationMs)}">`;
  const output = outcome === 'fail' ? [] : [`      <system-out>${escapedLines(outcome === 'warn' ? [`warning: ${reason}`, ...story(result)] : [reason])}</system-out>`];
  const verdict = {
    pass: [],
    warn: [],
    fail: [`      <failure message="${escaped(reason)}" type="${info.severity}">${escapedLines([reason, ...story(result)])}</failure>`],
    'not-run': [`      <skipped message="${escaped(reason)}"/>`],
  }[outcome];
  return [start, ...verdict, ...(outcome === 'not-run' ? [] : output), '    </testcase>'];
}

/** What was offered, expected and seen, a line each. */
function story({ info, evidence }: CaseResult): string[] {
  return [
    `offered: ${info.offered}`,
    `expected: ${info.expected}`,
    `sources: ${info.sources.join('; ')}`,
    ...evidence.map(({ atMs, kind, text }) => `${atMs.toFixed(1)} ms ${kind}: ${text}`),
  ];
}

function escapedLines(lines: readonly string[]): string {
  return lines.map((line) => escaped(line)).join('\n');
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
