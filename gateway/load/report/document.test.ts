import { describe, expect, it } from 'vitest';
import type { LoadReport } from '../report.ts';
import { MAX_REPORT_BYTES, readReport, reportToJson } from './document.ts';
import { HOSTILE, reportOf, searched } from './report.fixture.ts';

const REPORT = searched(reportOf({ seconds: 3, assertions: ['p99<1s'] }));

function refusal(json: string): string {
  try {
    readReport(json, 'a.json');
  } catch (error) {
    expect(error).toMatchObject({ code: 'LOAD_REPORT' });
    expect((error as Error).message).toMatch(/^a\.json [^\p{C}]+$/u);
    return (error as Error).message;
  }
  throw new Error('it was read');
}

const withHistogram = (encoded: string): string => JSON.stringify({ ...REPORT, total: { ...REPORT.total, latenciesUs: { publish: encoded } } });

describe('a report as a file', () => {
  it('comes back as it was written', () => {
    expect(readReport(reportToJson(REPORT), 'a.json')).toEqual(REPORT);
    const odd = { ...REPORT, name: `$& ${HOSTILE}`, series: [] };
    expect(readReport(reportToJson(odd), 'a.json')).toEqual(odd);
  });

  it('has a line for each interval', () => {
    expect(reportToJson(REPORT).split('\n').filter((line) => line.includes('"atMs"'))).toHaveLength(REPORT.series.length);
  });

  it('may know more than we do', () => {
    expect(readReport(JSON.stringify({ ...REPORT, later: 1 }), 'a.json')).toEqual(REPORT);
  });

  it('is refused with the place of what is wrong', () => {
    const first = REPORT.stages[0]!;
    const changed = (change: Partial<Record<keyof LoadReport, unknown>>): string => refusal(JSON.stringify({ ...REPORT, ...change }));
    expect(refusal('{')).toContain('is not JSON');
    expect(refusal('null')).toContain('no report of a load test');
    expect(refusal('{"format":"thrum handshake report"}')).toContain('no report of a load test');
    expect(changed({ version: 2 })).toContain('of version 2, and version 1 is read');
    expect(changed({ stages: [first, { ...first, durationMs: -1 }] })).toContain('stages[1].durationMs: ');
    expect(changed({ total: { ...REPORT.total, counters: { lost: 0.5 } } })).toContain('total.counters.lost: ');
    expect(changed({ shards: [{ index: 3, of: 2, host: 'a' }] })).toContain('shards[0]: has an index above');
    expect(changed({ name: 7 })).toContain('name: ');
  });

  it('is refused when it is too large, before it is parsed', () => {
    expect(refusal(' '.repeat(MAX_REPORT_BYTES + 1))).toContain('64 MiB');
  });

  it('cannot bring a histogram that is none of ours', () => {
    expect(refusal(withHistogram('no base64'))).toContain('total.latenciesUs.publish: is no histogram');
  });
});
