/**
 * Reports as JSON files: written so that they can be read again, read so that nothing in them needs to be doubted
 * afterwards. Promises: what is written holds no raw control character; what is read is of bounded size and has every
 * field in its range, or is refused with one line that says what is wrong, where, and what to do.
 */

import { z } from 'zod';

import { CertsError } from '../../errors.ts';
import { Evidence, FAMILIES, OUTCOMES, SEVERITIES } from '../model.ts';
import type { HandshakeReport } from '../model.ts';
import type { Comparison } from './baseline.ts';
import { MAX_TEXT, printable, shorten } from './printable.ts';
import { summarise } from './summary.ts';
import type { Judgement } from './summary.ts';

/** The largest report file that is read. */
export const MAX_REPORT_BYTES = 128 * 1024 * 1024;
/** The most cases of a report that is read. */
export const MAX_CASES = 10_000;

/** Characters that are written of one step of evidence: 200 steps of 150 cases stay within what is read, escapes and all. */
const MAX_STEP_TEXT = 500;

/** Characters of any one text that is read: a written one and what says that it was cut. */
const MAX_READ_TEXT = 2_000;

const text = z.string().max(MAX_READ_TEXT);
const milliseconds = z.number().min(0);
const caseInfo = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'an id has lower-case letters, digits, dots and hyphens').max(100),
  family: z.enum(FAMILIES),
  title: text,
  offered: text,
  expected: text,
  sources: z.array(text).max(100),
  severity: z.enum(SEVERITIES),
});
const step = z.object({ atMs: milliseconds, kind: z.enum(['sent', 'received', 'note']), text });
const caseResult = z.object({
  info: caseInfo,
  outcome: z.enum(OUTCOMES),
  reason: text,
  evidence: z.array(step).max(Evidence.MAX_STEPS),
  durationMs: milliseconds,
});
const reportShape: z.ZodType<HandshakeReport> = z.object({
  format: z.literal('thrum handshake report'),
  version: z.literal(1),
  subject: z.enum(['broker', 'client']),
  target: text,
  startedAt: z.iso.datetime(),
  durationMs: milliseconds,
  facts: z.record(text, text),
  results: z.array(caseResult).max(MAX_CASES),
});

/** What `--json` prints: the report, and what it came to. A file of it can be a baseline. */
export function reportToJson(report: HandshakeReport, judgement: Judgement, comparison?: Comparison): string {
  const { results, ...head } = report;
  const whole = { ...head, judgement, summary: summarise(report), ...(comparison && { comparison }), results };
  return spellOut(JSON.stringify(whole, (key, value: unknown) => (typeof value === 'string' ? shorten(value, key === 'text' ? MAX_STEP_TEXT : MAX_TEXT) : value), 2));
}

/** JSON with what a terminal or a reader could stumble over as `\u` escapes: the same value to every parser. */
export function spellOut(json: string): string {
  return json.replaceAll(/[\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u007f-\u009f]/gu, (character) =>
    character.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''));
}

/**
 * The report in the text of a JSON file; `where` is the file's name, for errors. Fields that are not known are left out.
 * Throws CERTS_BAD_REPORT.
 */
export function readReport(json: string, where: string): HandshakeReport {
  if (json.length > MAX_REPORT_BYTES) throw unreadable(where, `is larger than the ${MAX_REPORT_BYTES} bytes that a report may have`);
  let value: unknown;
  try {
    value = JSON.parse(json.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw unreadable(where, `is not JSON (${printable((cause as Error).message, 200)})`, { cause });
  }
  checkKind(value, where);
  const parsed = reportShape.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unreadable(where, `is not a whole handshake report: ${printable(place(issue!.path), 200)}: ${printable(issue!.message, 300)}`);
  }
  const seen = new Set<string>();
  const twice = parsed.data.results.map((result) => result.info.id).find((id) => seen.size === seen.add(id).size);
  if (twice !== undefined) throw unreadable(where, `has two results for case ${twice}`);
  return parsed.data;
}

/** Another kind of file, or another version of ours, is said as such instead of as a list of missing fields. */
function checkKind(value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== 'thrum handshake report') {
    throw unreadable(where, 'is JSON, and no handshake report');
  }
  if ('version' in value && value.version !== 1) {
    const shown = typeof value.version === 'number' ? value.version : 'that is no number';
    throw new CertsError('CERTS_BAD_REPORT', `${where} is a handshake report of version ${shown}, and version 1 is read: make a new one with this version of thrum`);
  }
}

function place(path: readonly PropertyKey[]): string {
  const steps = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return steps.replace(/^\./, '') || 'the report';
}

function unreadable(where: string, what: string, options?: ErrorOptions): CertsError {
  return new CertsError('CERTS_BAD_REPORT', `${where} ${what}: give a file made with 'thrum handshake … --json'`, options);
}
