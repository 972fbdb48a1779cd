import { describe, expect, it } from 'vitest';
import { fail, notRun, pass, warn, type CaseResult } from '../model.ts';
import { createProgress } from './progress.ts';
import { HOSTILE, MIXED, info, reportOf, result } from './report.fixture.ts';
import { verdictOf } from './summary.ts';
import { catalogueLines, reportLines, type TableLook } from './table.ts';

const LOOK: TableLook = { style: 'plain', width: 100, detail: 'reasons' };
const lines = (report = MIXED, look: Partial<TableLook> = {}): string[] => reportLines(report, verdictOf(report, 'medium'), { ...LOOK, ...look });

describe('the table of a report', () => {
  it('shows each case under its family, with sign, word and title', () => {
    const all = lines();
    expect(all[0]).toBe('Handshakes of broker broker.example:8883, 2026-03-01 12:00:00 UTC');
    expect(all).toContain('Protocol  1 pass, 1 fail, 1 warn');
    expect(all).toContain('  ✔ pass     protocol.tls-1.3            the case protocol.tls-1.3');
    expect(all).toContain('  ✘ FAIL     protocol.tls-1.0            the case protocol.tls-1.0 [high]');
    expect(all).toContain('  – not run  client-certificate.none     the case client-certificate.none');
  });

  it('gives the reason of everything that did not pass, and once where it is the same', () => {
    const all = lines();
    expect(all.filter((line) => line.includes('TLS 1.3 was agreed'))).toEqual([]);
    expect(all).toContain('      expected: what protocol.tls-1.0 expects');
    expect(all).toContain('      No protocol was chosen.');
    expect(all.filter((line) => line.includes('No authority'))).toEqual(['      these 2: No authority was given that the broker trusts.']);
  });

  it('ends with facts, counts, time and verdict', () => {
    expect(lines().slice(-5)).toEqual([
      'protocol versions  TLS 1.0, TLS 1.2, TLS 1.3',
      expect.stringContaining('common name        \\x1b[2J'),
      '',
      '2 pass, 1 fail, 1 warn, 2 not run in 4.2 s',
      'Failed: 1 case at or above severity medium failed.',
    ]);
  });

  it('shows the evidence with its times when asked', () => {
    const all = lines(MIXED, { detail: 'evidence' });
    expect(all).toContain('           0.0 ms → ClientHello, version TLS 1.0');
    expect(all).toContain('          10.0 ms · the broker closed the connection');
    expect(all).toContain('      TLS 1.3 was agreed. (12 ms)');
  });

  it('holds no control character of a peer, and none at all without colours', () => {
    for (const detail of ['reasons', 'evidence'] as const) {
      expect(lines(MIXED, { detail }).join('')).not.toMatch(/\p{C}/u);
      // eslint-disable-next-line no-control-regex
      expect(lines(MIXED, { detail, style: 'coloured' }).join('').replaceAll(/\u001b\[[\d;]+m/g, '')).not.toMatch(/\p{C}/u);
    }
  });

  it('paints nothing where there is nothing to paint', () => {
    expect(lines(MIXED, { style: 'coloured' }).join('\n')).not.toContain('m\u001b[0m');
  });

  it('breaks long reasons at words, to the width of the terminal', () => {
    const report = reportOf([result(info('protocol.a', 'protocol', 'low'), warn('word '.repeat(60).trim()))]);
    const reason = lines(report, { width: 50 }).filter((line) => line.includes('word'));
    expect(reason.length).toBe(7);
    for (const line of reason) expect(line.length).toBeLessThanOrEqual(50);
  });

  it('is there for a report without cases', () => {
    expect(lines(reportOf([], { facts: {} })).at(-1)).toBe('Nothing was judged: no case came to pass or fail (no cases).');
  });
});

describe('the catalogue', () => {
  it('is listed by family with severity and sources', () => {
    expect(catalogueLines([info('protocol.a', 'protocol', 'high'), info('ciphers.bc', 'ciphers', 'low', { sources: ['RFC 7465', 'BCP 195'] })], 'plain')).toEqual([
      'Protocol  1 case',
      '  protocol.a  high      the case protocol.a (RFC 8446 4.1.2)',
      '',
      'Ciphers and groups  1 case',
      '  ciphers.bc  low       the case ciphers.bc (RFC 7465; BCP 195)',
      '',
      '2 cases',
    ]);
  });
});

describe('progress', () => {
  const cases: CaseResult[] = [
    result(info('protocol.a', 'protocol', 'low'), pass('fine')),
    result(info('protocol.b', 'protocol', 'low'), fail(HOSTILE)),
    result(info('protocol.c', 'protocol', 'low'), notRun('no key')),
  ];
  const shown = (kind: 'line' | 'cases' | 'silent', columns?: number): string[] => {
    const written: string[] = [];
    const progress = createProgress({ write: (text) => written.push(text), ...(columns === undefined ? {} : { columns }) }, { kind, style: 'plain', total: 3 });
    for (const one of cases) {
      progress.started(one.info);
      progress.finished(one);
    }
    progress.stop();
    return written;
  };

  it('is one line with counts and the current case, taken away at the end', () => {
    const written = shown('line');
    expect(written[0]).toBe('\r\u001b[K0/3    protocol.a');
    expect(written[4]).toBe('\r\u001b[K2/3  ✔ 1  ✘ 1  protocol.c');
    expect(written.at(-1)).toBe('\r\u001b[K');
    expect(written.join('')).not.toContain('\n');
  });

  it('is never wider than the terminal', () => {
    expect(shown('line', 0)[0]).toBe('\r\u001b[K0/3    protocol.a');
    for (const text of shown('line', 12)) expect(text.replace('\r\u001b[K', '').length).toBeLessThan(12);
  });

  it('is a line a case, printable, when asked', () => {
    const written = shown('cases');
    expect(written[0]).toBe('✔ pass     protocol.a  fine (12 ms)\n');
    expect(written.join('').replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    expect(written).toHaveLength(3);
  });

  it('is nothing when silent', () => {
    expect(shown('silent')).toEqual([]);
  });
});
