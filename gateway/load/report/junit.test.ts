import { describe, expect, it } from 'vitest';
import { parseXml, type Element } from '../../../certs/handshake/report/xml.fixture.ts';
import type { LoadReport } from '../report.ts';
import { reportToJunit } from './junit.ts';
import { HOSTILE, reportOf, searched } from './report.fixture.ts';

const REPORT = reportOf({ seconds: 3, assertions: ['lost==0', 'steady: p99<1us', 'steady: p99<1s', 'connect: p99<1s', 'elsewhere: p99<1s'] });
const SEARCHED = searched(reportOf({ seconds: 3, assertions: ['lost==0'] }));
const all = (element: Element, name: string): Element[] => element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...all(child, name)]);
const outcomes = (report: LoadReport): Record<string, string> =>
  Object.fromEntries(all(parseXml(reportToJunit(report)), 'testcase').map((one) => [one.attributes['name']!, one.children[0]!.name]));

describe('a load test as JUnit XML', () => {
  it('has a test case for each assertion: failed is a failure, unknown an error', () => {
    expect(outcomes(REPORT)).toEqual({ 'lost==0': 'system-out', 'elsewhere: p99<1s': 'error', 'p99<1us': 'failure', 'p99<1s': expect.stringMatching(/system-out|error/) as string });
  });

  it('has a suite for each search, which takes as long as its trials', () => {
    expect(outcomes(SEARCHED)).toEqual({ 'lost==0': 'system-out', 'search for p99<50ms, lost==0': 'system-out' });
    const suites = all(parseXml(reportToJunit(SEARCHED)), 'testsuite').map(({ attributes }) => [attributes['name'], attributes['time']]);
    expect(suites).toEqual([['whole run', '7.000'], ['search steady', '3.000']]);
  });

  it('has counts that agree with its elements', () => {
    const root = parseXml(reportToJunit(REPORT));
    const suites = all(root, 'testsuite');
    expect(suites.map((suite) => suite.attributes['name'])).toEqual(['whole run', 'stage connect', 'stage steady']);
    for (const element of [root, ...suites]) {
      expect(element.attributes).toMatchObject({ tests: String(all(element, 'testcase').length), failures: String(all(element, 'failure').length), errors: String(all(element, 'error').length) });
    }
  });

  it('tells a search without a rate, and a run that ended early', () => {
    const [search] = SEARCHED.searches;
    const without = (outcome: 'missed' | 'generator-limited'): LoadReport => ({ ...SEARCHED, searches: [{ ...search!, ratePerS: null, trials: search!.trials.map((trial) => ({ ...trial, outcome })) }] });
    expect(outcomes(without('missed'))['search for p99<50ms, lost==0']).toBe('failure');
    expect(outcomes(without('generator-limited'))['search for p99<50ms, lost==0']).toBe('error');
    expect(outcomes({ ...REPORT, ended: 'interrupted' })['the run comes to its end']).toBe('error');
  });

  it('stays well-formed whatever names are, and without cases', () => {
    expect(outcomes(reportOf({ seconds: 3 }))).toEqual({});
    const hostile = { ...REPORT, name: HOSTILE, ended: HOSTILE, limit: { ...REPORT.limit, reasons: [HOSTILE] }, assertions: REPORT.assertions.map((one) => ({ ...one, reason: HOSTILE })) };
    expect(Object.keys(outcomes(hostile)).length).toBeGreaterThan(3);
  });
});
