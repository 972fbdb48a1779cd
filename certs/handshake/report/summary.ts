/**
 * What a report comes to: how many cases of each family had which outcome, and whether that is good enough. Promises
 * that a report in which nothing was judged never counts as passed.
 */

import { FAMILIES, OUTCOMES, SEVERITIES } from '../model.ts';
import type { CaseResult, Family, HandshakeReport, Outcome, Severity } from '../model.ts';
import type { Comparison } from './baseline.ts';

export type Counts = Readonly<Record<Outcome, number>>;

export interface Summary {
  readonly cases: number;
  readonly outcomes: Counts;
  /** Families that have cases in the report, in the catalogue's order. */
  readonly families: readonly { readonly family: Family; readonly cases: number; readonly outcomes: Counts }[];
}

/** What the command line ends with, and why. */
export interface Judgement {
  readonly verdict: 'passed' | 'failed' | 'worse' | 'nothing-ran';
  /** 0 passed, 1 otherwise. */
  readonly exitCode: 0 | 1;
  /** One sentence for people. */
  readonly sentence: string;
  readonly failOn: Severity;
  /** Ids of the cases that failed at or above `failOn`. */
  readonly failing: readonly string[];
}

/** Families as headings. */
export const FAMILY_TITLES: Readonly<Record<Family, string>> = {
  protocol: 'Protocol',
  ciphers: 'Ciphers and groups',
  'client-certificate': 'Client certificate',
  'server-certificate': 'Server certificate',
  'after-handshake': 'After the handshake',
  'tls-server': 'TLS: servers that lie',
  'mqtt-server': 'MQTT: servers that lie',
};

/** Outcomes as words. */
export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = { pass: 'pass', fail: 'fail', warn: 'warn', 'not-run': 'not run' };

/** Counts a report's cases. */
export function summarise(report: HandshakeReport): Summary {
  return {
    cases: report.results.length,
    outcomes: countOutcomes(report.results),
    families: byFamily(report.results).map(([family, results]) => ({ family, cases: results.length, outcomes: countOutcomes(results) })),
  };
}

/** Results under their families, in the catalogue's order, without families that have none. */
export function byFamily(results: readonly CaseResult[]): (readonly [Family, readonly CaseResult[]])[] {
  return FAMILIES.map((family) => [family, results.filter((result) => result.info.family === family)] as const).filter(([, own]) => own.length > 0);
}

/** Whether one severity is at least another. */
export function atLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

/** `3 pass, 1 fail`: outcomes that occurred. */
export function countsText(counts: Counts): string {
  return OUTCOMES.filter((outcome) => counts[outcome] > 0).map((outcome) => `${counts[outcome]} ${OUTCOME_WORDS[outcome]}`).join(', ') || 'no cases';
}

/**
 * Judges a report: it fails when a case failed at or above `failOn`, when a case is worse than in the report it was
 * compared with, and when no case came to pass or fail at all. Warnings and cases that were not run fail nothing.
 */
export function verdictOf(report: HandshakeReport, failOn: Severity, comparison?: Comparison): Judgement {
  const failed = report.results.filter((result) => result.outcome === 'fail');
  const passed = report.results.some((result) => result.outcome === 'pass');
  const failing = failed.filter((result) => atLeast(result.info.severity, failOn)).map((result) => result.info.id);
  const worse = comparison?.regressions.length ?? 0;
  const ends = (verdict: Judgement['verdict'], sentence: string): Judgement => ({ verdict, exitCode: verdict === 'passed' ? 0 : 1, sentence, failOn, failing });
  if (failing.length > 0) return ends('failed', `Failed: ${cases(failing.length)} at or above severity ${failOn} failed${worse > 0 ? `; worse than before: ${cases(worse)}` : ''}.`);
  if (!passed && failed.length === 0) return ends('nothing-ran', `Nothing was judged: no case came to pass or fail (${countsText(countOutcomes(report.results))}).`);
  const below = failed.length > 0 ? `; ${cases(failed.length)} below it failed` : '';
  if (worse > 0) return ends('worse', `Worse than before: ${cases(worse)}. No case at or above severity ${failOn} failed${below}.`);
  return ends('passed', `Passed: no case at or above severity ${failOn} failed${below}.`);
}

function countOutcomes(results: readonly CaseResult[]): Counts {
  const counts: Record<Outcome, number> = { pass: 0, fail: 0, warn: 0, 'not-run': 0 };
  for (const result of results) counts[result.outcome] += 1;
  return counts;
}

function cases(count: number): string {
  return count === 1 ? '1 case' : `${count} cases`;
}
