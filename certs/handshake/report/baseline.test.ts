import { describe, expect, it } from 'vitest';
import { OUTCOMES, type HandshakeReport, type Outcome } from '../model.ts';
import { compareReports, comparisonLines } from './baseline.ts';
import { HOSTILE, info, reportOf, result } from './report.fixture.ts';

const report = (outcomes: Readonly<Record<string, Outcome>>, more: Partial<HandshakeReport> = {}): HandshakeReport =>
  reportOf(Object.entries(outcomes).map(([id, outcome]) => result(info(id, 'protocol', 'info'), { outcome, reason: `because ${id}` })), more);

function kindOf(before: Outcome, now: Outcome): string {
  const { regressions, mended, noted } = compareReports(report({ a: now }), report({ a: before }));
  return [...regressions.map(() => 'worse'), ...mended.map(() => 'mended'), ...noted.map(() => 'noted')].join();
}

describe('a comparison with an earlier report', () => {
  it('knows what each change of outcome means', () => {
    const table = OUTCOMES.map((before) => [before, ...OUTCOMES.map((now) => kindOf(before, now))]);
    expect(table).toEqual([
      // now:     pass      fail     warn      not-run
      ['pass',    '',       'worse', 'noted',  'worse'],
      ['fail',    'mended', '',      'mended', 'noted'],
      ['warn',    'mended', 'worse', '',       'worse'],
      ['not-run', 'noted',  'noted', 'noted',  ''],
    ]);
  });

  it('names new cases and cases that are gone', () => {
    expect(compareReports(report({ a: 'pass', b: 'fail' }), report({ a: 'pass', c: 'pass' }))).toMatchObject({ regressions: [], added: ['b'], gone: ['c'] });
  });

  it('says in lines what changed, and that the earlier report is of another target', () => {
    const now = report({ a: 'fail', b: 'pass', c: 'warn', d: 'pass' });
    const before = report({ a: 'pass', b: 'fail', c: 'pass', e: 'pass' }, { target: `other:1${HOSTILE}` });
    const lines = comparisonLines(compareReports(now, before), now.target);
    expect(lines[0]).toContain('of other:1\\x1b[2J');
    expect(lines[0]).toMatch(/: 1 worse, 1 mended, 1 otherwise changed, 1 new, 1 gone\.$/);
    expect(lines.slice(1)).toEqual([
      '  worse    a  pass → fail: because a',
      '  mended   b  fail → pass',
      '  changed  c  pass → warn: because c',
      '  new      d',
      '  gone     e',
    ]);
  });

  it('finds no change between a report and itself', () => {
    const same = report({ a: 'pass', b: 'fail', c: 'not-run' });
    expect(compareReports(same, same)).toMatchObject({ regressions: [], mended: [], noted: [], added: [], gone: [] });
  });
});
