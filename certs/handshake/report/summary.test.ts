import { describe, expect, it } from 'vitest';
import { SEVERITIES, fail, notRun, pass, warn } from '../model.ts';
import { compareReports } from './baseline.ts';
import { MIXED, info, reportOf, result } from './report.fixture.ts';
import { atLeast, countsText, summarise, verdictOf } from './summary.ts';

const failing = (severity: (typeof SEVERITIES)[number]) =>
  reportOf([result(info('protocol.a', 'protocol', severity), fail('so')), result(info('protocol.b', 'protocol', 'low'), pass('so'))]);

describe('a summary', () => {
  it('counts outcomes in all and by family, in the order of the catalogue', () => {
    expect(summarise(MIXED)).toEqual({
      cases: 6,
      outcomes: { pass: 2, fail: 1, warn: 1, 'not-run': 2 },
      families: [
        { family: 'protocol', cases: 3, outcomes: { pass: 1, fail: 1, warn: 1, 'not-run': 0 } },
        { family: 'ciphers', cases: 1, outcomes: { pass: 1, fail: 0, warn: 0, 'not-run': 0 } },
        { family: 'client-certificate', cases: 2, outcomes: { pass: 0, fail: 0, warn: 0, 'not-run': 2 } },
      ],
    });
    expect(countsText(summarise(MIXED).outcomes)).toBe('2 pass, 1 fail, 1 warn, 2 not run');
  });
});

describe('a verdict', () => {
  it('fails for a failure at or above the severity asked for, and for none below', () => {
    for (const severity of SEVERITIES) {
      for (const failOn of SEVERITIES) {
        const { exitCode, verdict, failing: ids } = verdictOf(failing(severity), failOn);
        const fails = atLeast(severity, failOn);
        expect([severity, failOn, exitCode, verdict]).toEqual([severity, failOn, fails ? 1 : 0, fails ? 'failed' : 'passed']);
        expect(ids).toEqual(fails ? ['protocol.a'] : []);
      }
    }
  });

  it('says when something failed below the severity', () => {
    expect(verdictOf(failing('low'), 'medium').sentence).toBe('Passed: no case at or above severity medium failed; 1 case below it failed.');
  });

  it('does not fail for warnings or for cases that were not run', () => {
    const report = reportOf([
      result(info('protocol.a', 'protocol', 'critical'), warn('so')),
      result(info('protocol.b', 'protocol', 'critical'), notRun('so')),
      result(info('protocol.c', 'protocol', 'info'), pass('so')),
    ]);
    expect(verdictOf(report, 'info').exitCode).toBe(0);
  });

  it('fails for a case that is worse than before, even below the severity', () => {
    const before = reportOf([result(info('protocol.a', 'protocol', 'low'), pass('so'))]);
    const now = failing('low');
    expect(verdictOf(now, 'medium', compareReports(now, before))).toMatchObject({ verdict: 'worse', exitCode: 1, failing: [] });
    expect(verdictOf(now, 'low', compareReports(now, before)).sentence).toBe('Failed: 1 case at or above severity low failed; worse than before: 1 case.');
    expect(verdictOf(now, 'medium', compareReports(now, now)).exitCode).toBe(0);
  });

  it('is never passed when nothing was judged', () => {
    const unjudged = [[], [result(info('protocol.b', 'protocol', 'low'), notRun('so')), result(info('protocol.c', 'protocol', 'low'), warn('so'))]];
    for (const results of unjudged) expect(verdictOf(reportOf(results), 'critical')).toMatchObject({ verdict: 'nothing-ran', exitCode: 1 });
  });
});
