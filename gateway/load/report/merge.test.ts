import { describe, expect, it } from 'vitest';
import { COUNTERS, LATENCIES, Measures, type MeasuresData } from '../measures.ts';
import type { LoadReport } from '../report.ts';
import { parseAssertion } from './assertion.ts';
import { readReport, reportToJson } from './document.ts';
import { mergeReports } from './merge.ts';
import { reportOf, searched, type Wish } from './report.fixture.ts';

const shard = (index: number, of: number, wish: Wish = {}): LoadReport => reportOf({ seed: index, seconds: 6, shard: { index, of, host: `host-${index}` }, ...wish });

function expectSum(sum: MeasuresData, parts: readonly MeasuresData[]): void {
  const [whole, ...each] = [sum, ...parts].map((data) => Measures.of(data));
  for (const name of COUNTERS) expect(whole!.counters[name]).toBe(each.reduce((all, one) => all + one.counters[name], 0));
  for (const name of LATENCIES) expect(whole!.latency(name).totalCount).toBe(each.reduce((all, one) => all + one.latency(name).totalCount, 0));
}

describe('merged reports of shards', () => {
  const parts = [shard(2, 3), shard(1, 3, { medianMs: 40, seconds: 8 }), shard(3, 3, { lengthMs: 2_000 })];
  const merged = mergeReports(parts);

  it('have exact sums, in total, in each stage and over all intervals', () => {
    expectSum(merged.total, parts.map(({ total }) => total));
    for (const at of [0, 1]) expectSum(merged.stages[at]!.measures, parts.map(({ stages }) => stages[at]!.measures));
    const series = new Measures();
    for (const { measures } of merged.series) series.add(measures);
    expectSum(series.toData(), parts.flatMap((part) => part.series.map(({ measures }) => measures)));
  });

  it('have the percentiles of all messages together', () => {
    const all = Measures.of(parts[0]!.total);
    for (const { total } of parts.slice(1)) all.add(total);
    expect(Measures.of(merged.total).latency('publish').getValueAtPercentile(99)).toBe(all.latency('publish').getValueAtPercentile(99));
    expect(Measures.of(merged.total).latency('publish').getValueAtPercentile(99)).toBeGreaterThan(60_000);
  });

  it('lay stages over one another, in intervals as long as the longest', () => {
    expect(merged.series.map(({ stage, atMs, lengthMs }) => [stage, atMs, lengthMs])).toEqual([
      ['connect', 2_000, 2_000], ['connect', 4_000, 2_000], ['steady', 6_000, 2_000], ['steady', 8_000, 2_000], ['steady', 10_000, 2_000], ['steady', 12_000, 2_000],
    ]);
    expect(merged.series.map(({ connectedNow }) => connectedNow)).toEqual([300, 600, 600, 600, 600, 600]);
    expect(merged.series.map(({ measures }) => measures.counters.sent ?? 0)).toEqual([0, 0, 2_400, 2_400, 2_400, 800]);
  });

  it('keep intervals apart when a shard began its stage a little later', () => {
    const late = shard(2, 2);
    const shifted = { ...late, stages: late.stages.map((stage) => ({ ...stage, startMs: stage.startMs + 340 })), series: late.series.map((point) => ({ ...point, atMs: point.atMs + 340 })) };
    const counts = mergeReports([shard(1, 2), shifted]).series.filter(({ stage }) => stage === 'steady').map(({ measures }) => measures.counters.sent);
    expect(counts).toEqual(Array(6).fill(800));
  });

  it('are a report like any other, of all shards', () => {
    expect(readReport(reportToJson(merged), 'merged')).toEqual(merged);
    expect(merged.shards.map(({ index }) => index)).toEqual([1, 2, 3]);
    expect(merged.generator).toMatchObject({ cores: 6, workers: 6, clients: 600, bytesPerClient: 61_000, thrum: '0.1.0' });
  });

  it('have assertions judged again, on the whole, and more on request', () => {
    const slow = shard(1, 2, { medianMs: 300, ratePerS: 4, assertions: ['p90<100ms', 'sent>2000'] });
    const fast = shard(2, 2, { assertions: ['p90<100ms', 'sent>2000'] });
    expect(slow.assertions.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
    expect(mergeReports([slow, fast], [parseAssertion('steady: lost==0')]).assertions.map(({ stage, text, outcome }) => [stage, text, outcome])).toEqual([
      [null, 'p90<100ms', 'met'], [null, 'sent>2000', 'met'], ['steady', 'lost==0', 'unknown'],
    ]);
  });

  it('say whose generator was the limit, and who ended early', () => {
    const limited = shard(2, 2, { limit: ['It was late.'] });
    const merge = mergeReports([shard(1, 2), { ...limited, ended: 'interrupted', stages: limited.stages.slice(0, 1) }]);
    expect([merge.limit.reasons, merge.ended, merge.stages.length]).toEqual([['Shard 2 (host-2): It was late.'], 'shard 2: interrupted', 2]);
  });

  it('are of one run when its shards were told the same time to begin, whatever their clocks say', () => {
    const at = { startAt: '2026-03-01T12:00:30.000Z' };
    expect(mergeReports([{ ...shard(1, 2), ...at }, { ...shard(2, 2), ...at, startedAt: '2026-03-01T11:00:00.000Z' }])).toMatchObject({ ...at, startedAt: '2026-03-01T11:00:00.000Z' });
    expect(mergeReports([shard(1, 2), { ...shard(2, 2), startedAt: '2026-03-01T12:00:08.000Z' }]).startAt).toBeNull();
  });

  it('are the report itself when it is whole', () => {
    const whole = searched(reportOf({ seconds: 3, assertions: ['p99<1s'] }));
    expect(mergeReports([whole])).toEqual(whole);
  });
});

describe('reports that do not belong together', () => {
  const merging = (...reports: LoadReport[]) => () => mergeReports(reports);
  it('are refused, saying why', () => {
    expect(merging()).toThrow('no report was given');
    expect(merging(shard(1, 2), shard(1, 2))).toThrow('shard 1/2 is there twice');
    expect(merging(shard(1, 4), shard(3, 4))).toThrow('shards 2/4, 4/4 missing: give the files of all shards');
    expect(merging(shard(1, 2), shard(2, 3))).toThrow('shard 1 is of 2, and shard 2 is of 3');
    expect(merging(shard(1, 2), { ...shard(2, 2), name: 'another' })).toThrow("two scenarios, 'telemetry' and 'another'");
    const at = { startAt: '2026-03-01T12:00:30.000Z' };
    expect(merging({ ...shard(1, 2), ...at }, { ...shard(2, 2), startAt: '2026-03-02T12:00:30.000Z' })).toThrow('shard 1 was to begin at 2026-03-01T12:00:30.000Z, and shard 2 at 2026-03-02T12:00:30.000Z: give reports of one run');
    expect(merging(shard(1, 2), { ...shard(2, 2), ...at })).toThrow('shard 1 was to begin as soon as it was ready, and shard 2 at 2026-03-01T12:00:30.000Z');
    expect(merging({ ...shard(1, 2), startedAt: '2026-03-02T12:00:00.000Z' }, shard(2, 2))).toThrow('shard 2 was over when shard 1 began, 2026-03-02T12:00:00.000Z');
    const other = shard(2, 2);
    expect(merging(shard(1, 2), { ...other, stages: other.stages.map((stage) => ({ ...stage, name: `${stage.name}!` })) })).toThrow("stage 1 of shard 2 is 'connect!', and 'connect' elsewhere");
    expect(merging(shard(1, 2), searched(shard(2, 2)))).toThrow('searches');
  });
});
