import { describe, expect, it } from 'vitest';
import { CertsError } from '../../errors.ts';
import { pass, type HandshakeReport } from '../model.ts';
import { compareReports } from './baseline.ts';
import { MAX_REPORT_BYTES, readReport, reportToJson } from './json.ts';
import { MIXED, info, reportOf, result } from './report.fixture.ts';
import { verdictOf } from './summary.ts';

const written = (report: HandshakeReport): string => reportToJson(report, verdictOf(report, 'medium'));

/** The written report, with one thing in it set to something else. */
function spoilt(path: readonly (string | number)[], value: unknown): string {
  const root = JSON.parse(written(MIXED)) as Record<string | number, unknown>;
  const owner = path.slice(0, -1).reduce((at, key) => at[key] as Record<string | number, unknown>, root);
  owner[path.at(-1)!] = value;
  return JSON.stringify(root);
}

function refusal(json: string): string {
  try {
    readReport(json, 'old.json');
  } catch (error) {
    expect(error).toMatchObject({ code: 'CERTS_BAD_REPORT' });
    return (error as CertsError).message;
  }
  throw new Error('it was read');
}

describe('a report as JSON', () => {
  it('is read again as it was, hostile text and all', () => {
    const report = readReport(written(MIXED), 'report.json');
    expect(report).toEqual(JSON.parse(JSON.stringify(MIXED)));
  });

  it('holds nothing that a terminal would obey', () => {
    expect(written(MIXED)).not.toMatch(/[^\n\x20-\ud7ff\ue000-\ufffd]/u);
    expect(written(MIXED)).not.toMatch(/[\u007f-\u009f\u202e]/);
  });

  it('says what it came to, and what changed', () => {
    const json = JSON.parse(reportToJson(MIXED, verdictOf(MIXED, 'medium'), compareReports(MIXED, MIXED))) as Record<string, unknown>;
    expect(json).toMatchObject({ judgement: { verdict: 'failed', failing: ['protocol.tls-1.0'] }, summary: { cases: 6 }, comparison: { regressions: [] } });
  });

  it('cuts long texts, so that what is written can be read', () => {
    const long = reportOf([result(info('protocol.a', 'protocol', 'low'), pass('x'.repeat(5_000_000)), [{ atMs: 1, kind: 'sent', text: 'y'.repeat(501) }])]);
    expect(written(long).length).toBeLessThan(5_000);
    expect(readReport(written(long), 'x').results[0]!.reason).toMatch(/^x{1000}… \(4999000 more characters\)$/);
    expect(readReport(written(long), 'x').results[0]!.evidence[0]!.text).toMatch(/^y{500}… \(1 more characters\)$/);
  });
});

describe('a file that is no report', () => {
  it.each([
    ['', /^old\.json is not JSON \(.*\): give a file made with 'thrum handshake … --json'$/],
    ['[1, 2]', /is JSON, and no handshake report: give/],
    ['null', /is JSON, and no handshake report/],
    [spoilt(['version'], 2), /is a handshake report of version 2, and version 1 is read: make a new one/],
    [spoilt(['version'], '\u001b[2J'), /version that is no number/],
    [spoilt(['results', 2, 'outcome'], 'great'), /results\[2\]\.outcome: Invalid option/],
    [spoilt(['results', 0, 'info', 'severity'], undefined), /results\[0\]\.info\.severity: /],
    [spoilt(['results', 0, 'info', 'id'], 'A\u001b[2J'), /results\[0\]\.info\.id: an id has lower-case letters/],
    [spoilt(['results', 1, 'info', 'id'], 'protocol.tls-1.3'), /has two results for case protocol\.tls-1\.3/],
    [spoilt(['results', 1, 'durationMs'], -1), /results\[1\]\.durationMs: /],
    [spoilt(['results', 0, 'evidence'], Array(201).fill({ atMs: 1, kind: 'note', text: '' })), /results\[0\]\.evidence: /],
    [spoilt(['startedAt'], 'yesterday'), /startedAt: /],
    [spoilt(['target'], 'x'.repeat(3_000)), /target: /],
    [spoilt(['facts'], { a: 1 }), /facts\.a: /],
    [written(MIXED).slice(0, 500), /is not JSON/],
  ])('is refused in one line, case %#', (json, message) => {
    expect(refusal(json)).toMatch(message);
    expect(refusal(json)).not.toMatch(/\p{Cc}/u);
  });

  it('is refused unread when it is too large', () => {
    expect(refusal(' '.repeat(MAX_REPORT_BYTES + 1))).toMatch(/is larger than/);
  });
});
