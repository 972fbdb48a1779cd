import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Measures } from '../measures.ts';
import type { LoadReport } from '../report.ts';
import { distributionCharts, timeCharts } from './charts.ts';
import { reportToHtml } from './html.ts';
import { HOSTILE, reportOf, searched } from './report.fixture.ts';

const REPORT = searched(reportOf({ seconds: 6, assertions: ['p99<1s', 'steady: p99<1us'] }));
const PAGE = reportToHtml(REPORT);
const text = (html: string): string => html.replaceAll(/<style>[^]*?<\/style>|<[^>]*>/g, ' ');

/** Opening and closing tags pair up, and no element or attribute is one that a page of ours has not. */
function checkMarkup(html: string): void {
  const open: string[] = [];
  for (const [, closing, name, attributes] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s[^<>]*)?)>/gi)) {
    expect(attributes).not.toMatch(/\s(on[a-z]+|style|src|href)=/i);
    expect(name).not.toMatch(/^(script|img|iframe|link|object)$/i);
    if (closing === '/') expect(open.pop()).toBe(name);
    else if (!attributes!.endsWith('/') && !/^(meta|doctype)$/.test(name!)) open.push(name!);
  }
  expect(open).toEqual([]);
}

describe('the page of a load test', () => {
  it('has no script, no request, no style but the one that its policy names', () => {
    checkMarkup(PAGE);
    const style = /<style>([^]*?)<\/style>/.exec(PAGE)![1]!;
    expect(PAGE).toContain(`content="default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'"`);
    expect(style).not.toMatch(/url\(|@import/);
  });

  it('tells what the summary tells', () => {
    for (const told of ['telemetry', 'Not passed: 1 of 2 assertions failed.', 'sent 2,400 = acknowledged 2,400 + in flight 0 + failed 0', 'tls.alert.bad_certificate', 'TLS_AES_256_GCM_SHA384', 'Where connect time goes', 'it was met up to 3,200/s']) {
      expect(text(PAGE)).toContain(told);
    }
  });

  it('shows the rate of the stage where it was highest, not one watered down by the pauses', () => {
    const later = REPORT.series.slice(0, 1).map((point) => ({ ...point, stage: 'again', atMs: 60_000 }));
    const again = { ...REPORT.stages[0]!, name: 'again', startMs: 59_000, durationMs: 1_000, measures: later[0]!.measures };
    const page = reportToHtml({ ...REPORT, durationMs: 60_000, series: [...REPORT.series, ...later], stages: [...REPORT.stages, again] });
    expect(text(page).replaceAll(/\s+/g, ' ')).toContain('50/s connects in connect, 200 in all');
  });

  it('says first that the generator was the limit', () => {
    const page = text(reportToHtml(reportOf({ seconds: 3, limit: ['It was late.'] }))).replaceAll(/\s+/g, ' ').trim();
    expect(page.replace(/^.*?telemetry /, '')).toMatch(/^The generator was the limit: .*?not the broker&#39;s\. It was late\. Load test telemetry/);
  });

  it('shows whatever others wrote as text', () => {
    const measures = Measures.of(REPORT.total);
    measures.countError(HOSTILE);
    measures.countHandshake(HOSTILE);
    const [broker] = REPORT.brokers;
    const hostile: LoadReport = {
      ...REPORT, name: HOSTILE, ended: HOSTILE, total: measures.toData(), limit: { ...REPORT.limit, reasons: [HOSTILE] }, shards: [{ index: 1, of: 1, host: HOSTILE }],
      generator: { ...REPORT.generator, cpu: HOSTILE, node: HOSTILE }, brokers: [{ name: HOSTILE, url: HOSTILE, certificate: { ...broker!.certificate!, subject: HOSTILE } }],
      stages: REPORT.stages.map((stage) => ({ ...stage, name: HOSTILE, groups: [...stage.groups, ...stage.groups].map((group) => ({ ...group, clients: HOSTILE })) })),
      searches: REPORT.searches.map((search) => ({ ...search, stage: HOSTILE, objective: [HOSTILE], confidence: HOSTILE })),
      assertions: REPORT.assertions.map((one) => ({ ...one, stage: HOSTILE, text: HOSTILE, reason: HOSTILE })),
    };
    const page = reportToHtml(hostile);
    checkMarkup(page);
    expect(page).not.toMatch(/\u001b|\u202e|\u0000/); // eslint-disable-line no-control-regex
  });

  it('can be made of a run in which nothing happened', () => {
    const nothing = { ...REPORT, stages: [], series: [], searches: [], assertions: [], total: new Measures().toData(), ended: 'interrupted' };
    checkMarkup(reportToHtml(nothing));
    expect(reportToHtml(nothing)).not.toMatch(/NaN|Infinity|undefined/);
    expect(PAGE).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('charts', () => {
  it('show what there is to show, in the time of the run', () => {
    expect(timeCharts(REPORT).map(({ title }) => title)).toEqual(['Messages', 'Publish latency', 'Connects', 'Clients', 'Errors', 'CPU of the generator', 'Memory of the generator', 'Delay of the generator']);
    expect(distributionCharts(REPORT).map(({ lines }) => lines.map(({ name }) => name))).toEqual([['publish', 'delivery', 'slip'], ['connect', 'tcp', 'tls', 'connack']]);
    const [messages] = timeCharts(REPORT);
    expect(messages!.bands).toEqual([{ name: 'connect', from: 0, to: 4 }, { name: 'steady at 3200/s', from: 4, to: 10 }]);
    expect(messages!.lines[0]!.points.map(({ x, y }) => [x, y])).toEqual([[0.5, 0], [1.5, 0], [2.5, 0], [3.5, 0], ...[4.5, 5.5, 6.5, 7.5, 8.5, 9.5].map((x) => [x, 400])]);
  });

  it('add intervals up rather than leave some out, when there are too many', () => {
    const [point] = REPORT.series.slice(-1);
    const series = Array.from({ length: 3_000 }, (_, at) => ({ ...point!, atMs: (at + 1) * 1_000 }));
    const [messages] = timeCharts({ ...REPORT, durationMs: 3_000_000, series });
    expect(messages!.lines[0]!.points).toHaveLength(375);
    expect(new Set(messages!.lines[0]!.points.map(({ y }) => y))).toEqual(new Set([400]));
  });

  it('leave a gap where nothing was measured', () => {
    const latency = timeCharts(REPORT)[1]!;
    expect(latency.lines[0]!.points.slice(0, 5).map(({ y }) => y === null)).toEqual([true, true, true, true, false]);
  });
});
