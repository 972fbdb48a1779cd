import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fail, pass, type HandshakeReport } from '../model.ts';
import { compareReports } from './baseline.ts';
import { reportToHtml } from './html.ts';
import { HOSTILE, MIXED, info, reportOf, result } from './report.fixture.ts';
import { verdictOf } from './summary.ts';

const page = (report: HandshakeReport = MIXED, before?: HandshakeReport): string => {
  const comparison = before && compareReports(report, before);
  return reportToHtml(report, verdictOf(report, 'medium', comparison), comparison);
};
const tags = (html: string): string[] => [...html.replace(/<style>[^]*<\/style>/, '').matchAll(/<([a-z]+\d?)/g)].map(([, name]) => name!);

describe('a report as a page', () => {
  it('asks nobody for anything: its policy forbids all but its own style', () => {
    const html = page();
    const style = /<style>([^]*)<\/style>/.exec(html)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(html).toContain(`content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`);
    expect(html).not.toMatch(/<(script|link|img|iframe|object|embed|form|base)\b| (src|style|on[a-z]+)=/i);
    expect(style).not.toMatch(/url\(|@import/);
    for (const [, address] of html.matchAll(/href="([^"]*)"/g)) expect(address).toMatch(/^(https:\/\/(www\.rfc-editor\.org|docs\.oasis-open\.org)\/|#)/);
  });

  it('closes what it opens', () => {
    const html = page(MIXED, MIXED).replace(/<style>[^]*<\/style>/, '');
    const open: string[] = [];
    for (const [, closing, name] of html.matchAll(/<(\/?)([a-z]+\d?)[^>]*>/g)) {
      if (['meta', 'input'].includes(name!)) continue;
      if (closing === '') open.push(name!);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  it('shows text of a peer as text, wherever it stands', () => {
    const quiet = reportOf([result(info('protocol.a', 'protocol', 'high'), fail('so'), [{ atMs: 1, kind: 'sent', text: 'so' }])]);
    const hostile = reportOf(
      [result(info('protocol.a', 'protocol', 'high', { title: HOSTILE, offered: HOSTILE, expected: HOSTILE, sources: [HOSTILE] }), fail(HOSTILE), [{ atMs: 1, kind: 'sent', text: HOSTILE }])],
      { target: HOSTILE, facts: { 'protocol versions': HOSTILE, [HOSTILE]: 'x' } },
    );
    expect(tags(page(hostile)).filter((tag) => tag !== 'a')).toEqual(tags(page(quiet)).filter((tag) => tag !== 'a'));
    expect(page(hostile).replaceAll('\n', '')).not.toMatch(/\p{C}/u);
  });

  it('leads with target, time and verdict, and draws a bar for each family', () => {
    const html = page();
    expect(html).toContain('<h1>broker.example:8883</h1>');
    expect(html).toContain('2026-03-01 12:00:00 UTC · 4.2 s · 6 cases');
    expect(html).toContain('<p class="verdict fail">✘ Failed: 1 case at or above severity medium failed.</p>');
    expect(html.match(/<svg /g)).toHaveLength(3);
    expect(html).toContain('aria-label="Protocol: 1 pass, 1 fail, 1 warn"');
  });

  it('opens failures, links sources, and gives the evidence with times', () => {
    const html = page();
    expect(html.match(/<details [^>]*open>/g)).toEqual(['<details class="is-fail" id="protocol.tls-1.0" open>']);
    expect(html).toContain('<a href="https://www.rfc-editor.org/rfc/rfc8996.html" rel="noreferrer">RFC 8996</a>');
    expect(html).toContain('<time>10.0 ms</time>');
  });

  it('counts a regression against a report that would pass', () => {
    const before = reportOf([result(info('protocol.a', 'protocol', 'info'), pass('so'))]);
    const now = reportOf([result(info('protocol.a', 'protocol', 'info'), fail('so')), result(info('protocol.b', 'protocol', 'low'), pass('so'))]);
    expect(page(now)).toContain('<p class="verdict pass">');
    expect(page(now, before)).toMatch(/<p class="verdict fail">✘ Worse than before: 1 case\. .*<\/p>/);
    expect(page(now, before)).toContain('<b class="fail">worse</b><span><a href="#protocol.a">');
  });

  it('is there for a report without cases', () => expect(page(reportOf([], { facts: {} }))).toContain('Nothing was judged'));
});
