/**
 * A report as SARIF 2.1.0, as GitHub code scanning takes it: a rule for each case, a result for each failure and each
 * warning, a notification for each case that was not run. Promises: the same fault of the same target has the same
 * fingerprint in every run, and every location is a relative URI, as GitHub demands of what is in no file.
 */

import { createHash } from 'node:crypto';

import type { CaseInfo, CaseResult, HandshakeReport, Severity } from '../model.ts';
import { printable } from './printable.ts';
import { sourceUrl } from './sources.ts';
import type { Judgement } from './summary.ts';

/** How grave GitHub shows a rule to be: above 9 critical, from 7 high, from 4 medium, below that low. */
const SCORES: Readonly<Record<Severity, string>> = { critical: '9.5', high: '8.0', medium: '5.5', low: '3.0', info: '0.5' };
const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = { critical: 'error', high: 'error', medium: 'warning', low: 'note', info: 'note' };

/** The whole log. */
export function reportToSarif(report: HandshakeReport, judgement: Judgement): string {
  const rules = report.results.map(({ info }) => rule(info));
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'thrum handshake', rules } },
        automationDetails: { id: `thrum-handshake/${report.subject}/${slug(report.target)}/` },
        columnKind: 'utf16CodeUnits',
        invocations: [invocation(report, judgement)],
        results: report.results.flatMap((one, index) => (one.outcome === 'fail' || one.outcome === 'warn' ? [result(report, one, index)] : [])),
        properties: { target: printable(report.target), facts: Object.fromEntries(Object.entries(report.facts).map(([name, value]) => [printable(name), printable(value)])) },
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function rule(info: CaseInfo): object {
  const url = info.sources.map(sourceUrl).find((found) => found !== undefined);
  const sources = info.sources.map((source) => printable(source));
  const links = info.sources.map((source) => {
    const address = sourceUrl(source);
    return address === undefined ? markdown(source) : `[${markdown(source)}](${address})`;
  });
  return {
    id: info.id,
    name: info.id.split(/[.-]/).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(''),
    shortDescription: { text: printable(info.title) },
    fullDescription: { text: printable(`${info.title}. Expected: ${info.expected}`) },
    help: {
      text: [`Offered: ${printable(info.offered)}`, `Expected: ${printable(info.expected)}`, `Sources: ${sources.join('; ')}`].join('\n'),
      markdown: [`**Offered:** ${markdown(info.offered)}`, `**Expected:** ${markdown(info.expected)}`, `**Sources:** ${links.join('; ')}`].join('\n\n'),
    },
    ...(url !== undefined && { helpUri: url }),
    defaultConfiguration: { level: LEVELS[info.severity] },
    properties: { tags: ['security', 'tls', info.family], precision: 'very-high', 'security-severity': SCORES[info.severity] },
  };
}

/** A failure has the level of its severity; a warning is a note. */
function result(report: HandshakeReport, { info, outcome, reason, evidence, durationMs }: CaseResult, ruleIndex: number): object {
  const fingerprint = createHash('sha256').update(`${report.subject}\n${report.target}\n${info.id}`).digest('hex');
  return {
    ruleId: info.id,
    ruleIndex,
    kind: 'fail',
    level: outcome === 'fail' ? LEVELS[info.severity] : 'note',
    message: { text: `${printable(info.title)}: ${printable(reason)} Expected: ${printable(info.expected)}` },
    locations: [location(report)],
    partialFingerprints: { 'thrumHandshakeCase/v1': fingerprint, primaryLocationLineHash: `${fingerprint.slice(0, 16)}:1` },
    properties: { outcome, severity: info.severity, durationMs, evidence: evidence.map(({ atMs, kind, text }) => `${atMs.toFixed(1)} ms ${kind}: ${printable(text)}`) },
  };
}

/** A target is no file. GitHub wants one all the same, so it gets a name that says what it stands for. */
function location(report: HandshakeReport): object {
  return {
    physicalLocation: { artifactLocation: { uri: `thrum-handshake/${report.subject}/${slug(report.target)}` }, region: { startLine: 1 } },
    logicalLocations: [{ fullyQualifiedName: printable(report.target), kind: 'resource' }],
  };
}

function invocation(report: HandshakeReport, judgement: Judgement): object {
  const notRun = report.results.flatMap((one, index) => (one.outcome === 'not-run' ? [{ one, index }] : []));
  return {
    executionSuccessful: judgement.verdict !== 'nothing-ran',
    exitCode: judgement.exitCode,
    startTimeUtc: report.startedAt,
    endTimeUtc: new Date(Date.parse(report.startedAt) + report.durationMs).toISOString(),
    toolExecutionNotifications: notRun.map(({ one, index }) => ({
      level: 'note',
      message: { text: `Not run: ${printable(one.reason)}` },
      associatedRule: { id: one.info.id, index },
    })),
  };
}

/** `[::1]:8883` → `1_8883`: what a path segment takes without escapes. */
function slug(target: string): string {
  return target.slice(0, 100).replaceAll(/[^A-Za-z0-9.-]+/g, '_').replaceAll(/^[_.]+|[_.]+$/g, '') || 'target';
}

/** Printable, and with what Markdown gives a meaning to escaped. */
function markdown(text: string): string {
  return printable(text).replaceAll(/[\\`*_{}[\]<>()#|!~&]/g, '\\$&');
}
