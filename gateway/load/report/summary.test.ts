import { describe, expect, it } from 'vitest';
import { Measures } from '../measures.ts';
import type { LoadReport } from '../report.ts';
import { HOSTILE, reportOf, searched } from './report.fixture.ts';
import { summaryLines } from './summary.ts';
import { verdictOf } from './verdict.ts';

const GOOD = ['p99<1s', 'lost==0'];

/** A report with other counts in total. */
function counted(counters: Partial<Measures['counters']>): LoadReport {
  const measures = new Measures();
  Object.assign(measures.counters, counters);
  return { ...reportOf({ seconds: 3 }), total: measures.toData() };
}

describe('a summary', () => {
  it('begins with the generator when that was the limit', () => {
    const limited = reportOf({ seconds: 3, limit: ['The event loop of worker 1 was late.'] });
    expect(summaryLines(limited).slice(0, 2)).toEqual(["The generator was the limit: these figures are the generator's, not the broker's.", '  The event loop of worker 1 was late.']);
    const stageOnly = { ...limited, limit: { ...limited.limit, reasons: [] } };
    expect(summaryLines(stageOnly)[1]).toBe('  Stage connect: The event loop of worker 1 was late.');
    expect(summaryLines(reportOf({ seconds: 3 }))[0]).toMatch(/^telemetry: /);
  });

  it('shows what became of messages as equations', () => {
    expect(summaryLines(counted({ due: 10, sent: 8, unsent: 2, acknowledged: 5, failed: 1 }))).toEqual(expect.arrayContaining([
      '  due 10 = sent 8 + unsent 2', '  sent 8 = acknowledged 5 + in flight 2 + failed 1',
    ]));
  });

  it('does not hide that the engine counted wrong', () => {
    const lines = summaryLines(counted({ due: 9, sent: 8, acknowledged: 9 })).join('\n');
    expect(lines).toContain('unsent 0 (does not add up)');
    expect(lines).toContain('in flight -1 + failed 0 (does not add up)');
  });

  it('shows no percentile that so few times cannot tell', () => {
    const lines = summaryLines(reportOf({ seconds: 3, clients: 200 }));
    const head = lines[lines.indexOf('Where connect time goes') + 1]!;
    expect(head.trim().split(/ +/)).toEqual(['times', 'p50', 'p90', 'p95', 'p99', 'max', 'mean']);
  });

  it('names groups only where they did something, and counts no refusal that was expected as an error', () => {
    const report = reportOf({ seconds: 3 });
    const refused = new Measures();
    refused.counters.refusedAsExpected = 7;
    refused.countError('expected.tls.alert.unknown_ca', 7);
    const groups = [{ clients: 'strangers', measures: refused.toData() }, { clients: 'idle', measures: new Measures().toData() }];
    const lines = summaryLines({ ...report, stages: [{ ...report.stages[0]!, name: 'refusing', measures: refused.toData(), groups }] });
    expect(lines.find((line) => line.startsWith('  refusing '))!.trim()).toMatch(/ 0$/);
    expect(lines.find((line) => line.includes('strangers'))!.trim()).toMatch(/ 7$/);
    expect(lines.join('\n')).not.toContain('idle');
  });

  it('marks assertions, and ends with what it came to', () => {
    const lines = summaryLines(reportOf({ seconds: 3, assertions: [...GOOD, 'steady: p99<1us', 'subscribe.p99<1s'] }));
    expect(lines.filter((line) => /^ {2}[✓✗?] /.test(line)).map((line) => line.trim().split('  ')[0])).toEqual(['✓ p99<1s', '✓ lost==0', '✗ steady: p99<1us', '? subscribe.p99<1s']);
    expect(lines.at(-1)).toBe('Not passed: 1 of 4 assertions failed, 1 of 4 assertions cannot be judged.');
  });

  it('cannot be painted on by a name', () => {
    const report = reportOf({ seconds: 3, limit: [HOSTILE], assertions: GOOD });
    const [stage] = report.stages;
    const measures = Measures.of(report.total);
    measures.countError(HOSTILE);
    measures.countHandshake(HOSTILE);
    const [broker] = report.brokers;
    const lines = summaryLines({ ...report, name: HOSTILE, ended: HOSTILE, total: measures.toData(), stages: [{ ...stage!, name: HOSTILE }], brokers: [{ ...broker!, certificate: { ...broker!.certificate!, subject: HOSTILE } }] });
    expect(lines.join('')).not.toMatch(/\p{C}/u);
  });

  it('is short for a run in which nothing happened', () => {
    const empty = { ...counted({}), stages: [], series: [], ended: 'interrupted' };
    expect(summaryLines(empty).at(-1)).toBe('Not passed: it ended early (interrupted).');
  });
});

describe('a verdict', () => {
  it('is passed only when all was met and the run came to its end', () => {
    const verdict = (report: LoadReport): [boolean, string] => [verdictOf(report).passed, verdictOf(report).sentence];
    expect(verdict(reportOf({ seconds: 3 }))).toEqual([true, 'Done; nothing was asserted.']);
    expect(verdict(searched(reportOf({ seconds: 3, assertions: GOOD })))).toEqual([true, 'Passed: all 2 assertions are met, and the search found a rate.']);
    expect(verdict({ ...reportOf({ seconds: 3, assertions: GOOD }), ended: 'worker lost: 1' })).toEqual([false, 'Not passed: it ended early (worker lost: 1).']);
    expect(verdict(counted({ connects: 3, connectFailed: 3 }))).toEqual([false, 'Not passed: no client could connect.']);
    expect(verdict(counted({ connects: 3, connectsAbandoned: 3 }))).toEqual([false, 'Not passed: no client could connect.']);
    expect(verdict(counted({ connects: 3, refusedAsExpected: 3 }))[0]).toBe(true);
    expect(verdict(counted({ connects: 3, refusedAsExpected: 2, connectFailed: 1 }))[0]).toBe(true);
    expect(verdict(counted({ connects: 3, unexpectedlyAccepted: 3 }))[0]).toBe(true);
    const searching = searched(reportOf({ seconds: 3 }));
    expect(verdict({ ...searching, searches: searching.searches.map((search) => ({ ...search, ratePerS: null })) })[0]).toBe(false);
    expect(verdictOf(reportOf({ seconds: 3, assertions: GOOD, limit: ['Late.'] }))).toMatchObject({ passed: true, limited: true, sentence: expect.stringContaining('not the broker') as string });
  });
});
