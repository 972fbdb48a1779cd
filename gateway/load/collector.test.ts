import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Collector } from './collector.ts';
import { generatorLimit, Intervals } from './generator-limit.ts';
import { COUNTERS, Measures, type MeasuresData } from './measures.ts';
import type { SeriesPoint } from './report.ts';
import type { Tick } from './run-plan.ts';

const EMPTY: MeasuresData = { counters: {}, latenciesUs: {}, errors: {}, handshakes: {} };

function tickOf(interval: number, sent: number, more: Partial<Tick> = {}): Tick {
  const measures = new Measures();
  measures.counters.sent = sent;
  if (sent > 0) measures.time('publish', sent);
  return {
    interval, atMs: (interval + 1) * 1000, lengthMs: 1000, groups: [['c', measures.toData()]], connectedNow: 1, inFlightNow: 0, cpuMs: 10, rssBytes: 100, loopDelayP99Ms: 1, busy: 0.01, ...more,
  };
}

const sentOf = (datas: readonly { readonly measures: MeasuresData }[]): number => datas.reduce((sum, { measures }) => sum + (measures.counters.sent ?? 0), 0);

describe('the collector', () => {
  it('puts every tick into one stage, one interval and the total', () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('tick' as const), worker: fc.nat(2), sent: fc.nat(50), passS: fc.nat(3), lateS: fc.nat(6) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('stage' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const collector = new Collector(3);
        let isOpen = false;
        let interval = 10;
        let all = 0;
        let waiting = 0;
        let stages = 0;
        for (const one of events) {
          if (one.kind === 'tick') {
            interval += one.passS;
            collector.take(one.worker, tickOf(Math.max(0, interval - one.lateS), one.sent, { atMs: interval * 1000 }));
            all += one.sent;
            if (!isOpen) waiting += one.sent;
          } else if (one.kind === 'stage' && !isOpen) {
            collector.beginStage(`s${++stages}`, 0);
            isOpen = true;
            waiting = 0;
          } else if (one.kind === 'end' && isOpen) {
            collector.endStage(1);
            isOpen = false;
          }
        }
        collector.finish(interval * 1000);
        expect(collector.total.counters.sent).toBe(all);
        expect(sentOf(collector.stages)).toBe(all - waiting);
        expect(sentOf(collector.series)).toBe(all - waiting);
        for (const { measures, groups } of collector.stages) expect(sentOf(groups)).toBe(measures.counters.sent ?? 0);
        const times = collector.series.map(({ atMs }) => atMs);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });

  it('writes off what a lost worker had due or was connecting', () => {
    const collector = new Collector(1);
    collector.beginStage('s', 0);
    const lost = new Measures();
    Object.assign(lost.counters, { connects: 4, connected: 2, connectFailed: 1, due: 9, sent: 5, unsent: 1 });
    collector.take(0, { ...tickOf(0, 0), groups: [['c', lost.toData()]] });
    collector.writeOff();
    collector.finish(1_000);
    const counters = { due: 9, sent: 5, unsent: 4, connects: 4, connected: 2, connectFailed: 1, connectsAbandoned: 1 };
    expect(collector.total.counters).toMatchObject(counters);
    expect(collector.stages).toMatchObject([{ measures: { counters }, groups: [{ measures: { counters } }] }]);
    expect(collector.series).toMatchObject([{ measures: { counters } }]);
  });

  it('keeps a stage that is open in the end', () => {
    const collector = new Collector(1);
    collector.beginStage('s', 500);
    collector.take(0, tickOf(0, 7));
    collector.finish(2_500);
    expect(collector.stages).toMatchObject([{ name: 's', durationMs: 2_000, measures: { counters: { sent: 7 } } }]);
    expect(sentOf(collector.series)).toBe(7);
  });

  it('joins two ticks of a worker within one interval', () => {
    const collector = new Collector(1);
    collector.beginStage('s', 0);
    collector.take(0, tickOf(0, 1, { lengthMs: 300, cpuMs: 30, busy: 0.1, connectedNow: 5, loopDelayP99Ms: 9 }));
    collector.take(0, tickOf(0, 2, { lengthMs: 700, cpuMs: 70, busy: 0.1, connectedNow: 8 }));
    collector.endStage(1000);
    expect(collector.series).toMatchObject([{ lengthMs: 1000, cpuMs: 100, busiestWorker: 0.1, connectedNow: 8, loopDelayP99Ms: 9, measures: { counters: { sent: 3 } } }]);
    expect(collector.cpuMs).toBe(100);
  });

  it('keeps at most 3,600 points of a long run, which still add up, in order', () => {
    const collector = new Collector(1);
    let all = 0;
    for (const [stage, length] of [['short', 100], ['long', 11_000]] as const) {
      collector.beginStage(stage, 0);
      for (let i = 0; i < length; i++) collector.take(0, tickOf((stage === 'long' ? 100 : 0) + i, 0, { groups: [['c', { ...EMPTY, counters: { sent: (all += 1) % 5 } }]] }));
      collector.endStage(length * 1000);
    }
    expect(collector.series.length).toBeLessThanOrEqual(3_600);
    expect(collector.series.length).toBeGreaterThan(1_200);
    expect(sentOf(collector.series)).toBe(collector.total.counters.sent);
    expect(collector.series.reduce((sum, { lengthMs }) => sum + lengthMs, 0)).toBe(11_100 * 1000);
    expect(collector.series.filter(({ stage }) => stage === 'short').at(-1)!.atMs).toBe(100_000);
  });

  it('knows memory when most clients were connected', () => {
    const collector = new Collector(2);
    collector.beginStage('s', 0);
    collector.take(0, tickOf(0, 0, { connectedNow: 500, rssBytes: 70 }));
    expect(collector.crowd.connected).toBe(0); // not before all workers have told
    collector.take(1, tickOf(0, 0, { connectedNow: 500, rssBytes: 50 }));
    collector.take(0, tickOf(1, 0, { connectedNow: 1, rssBytes: 900 }));
    expect(collector.crowd).toEqual({ connected: 1000, rssBytes: 120 });
    expect(collector.peakRssBytes).toBe(950);
  });
});

describe('the generator', () => {
  const intervals = (bad: number, of: number, figures: Partial<SeriesPoint>): Intervals => {
    const all = new Intervals();
    for (let i = 0; i < of; i++) all.add({ lengthMs: 1000, loopDelayP99Ms: 1, busiestWorker: 0.5, ...(i < bad ? figures : {}) });
    return all;
  };

  it.each([
    ['busiestWorker', 0.99],
    ['loopDelayP99Ms', 80],
  ])('was the limit when %s was beyond it in a fifth of the intervals and two at least, not in fewer', (name, value) => {
    for (const of of [3, 5, 7, 10, 60, 100, 3_600]) {
      const fifth = Math.max(2, Math.ceil(of / 5));
      expect(generatorLimit(new Measures(), intervals(fifth, of, { [name]: value })).reasons).toHaveLength(1);
      expect(generatorLimit(new Measures(), intervals(fifth - 1, of, { [name]: value })).reasons).toHaveLength(0);
    }
  });

  it.each([
    ['busy', { busy: 0.99 }],
    ['late', { loopDelayP99Ms: 80 }],
  ])('was not the limit of a long run when one second in ten was %s, though longer intervals then hold one each', (_, figures) => {
    const collector = new Collector(1);
    collector.beginStage('s', 0);
    for (let i = 0; i < 8_000; i++) collector.take(0, tickOf(i, 0, i % 10 === 0 ? figures : {}));
    expect(collector.endStage(8_000_000).limit.reasons).toEqual([]);
    expect(collector.finish(8_000_000).reasons).toEqual([]);
  });

  it('was the limit of a long run when one second in four was late', () => {
    const collector = new Collector(1);
    collector.beginStage('s', 0);
    for (let i = 0; i < 10_000; i++) collector.take(0, tickOf(i, 0, i % 4 === 0 ? { loopDelayP99Ms: 80 } : {}));
    expect(collector.endStage(10_000_000).limit).toMatchObject({ reasons: [expect.stringContaining('80 ms late') as string], loopDelayP99Ms: 80 });
  });

  it('was the limit when it sent late, and not when nothing was to be sent', () => {
    const measures = new Measures();
    expect(generatorLimit(measures, new Intervals())).toEqual({ reasons: [], slipP99Ms: null, loopDelayP99Ms: null, busiestWorker: null });
    for (let i = 0; i < 1_000; i++) measures.time('slip', i < 20 ? 9_000 : 100);
    expect(generatorLimit(measures, new Intervals()).reasons).toHaveLength(1);
  });
});

describe('measures', () => {
  const made = fc.array(fc.record({ counter: fc.constantFrom(...COUNTERS), times: fc.nat(100), us: fc.integer({ min: 0, max: 5e9 }), kind: fc.constantFrom('a', 'b', 'tls.alert.x') }), { maxLength: 20 }).map((events) => {
    const measures = new Measures();
    for (const { counter, times, us, kind } of events) {
      measures.counters[counter] += times;
      measures.time('publish', us);
      measures.countError(kind, times);
      measures.countHandshake(kind);
    }
    return measures;
  });

  it('add up exactly in any order and grouping, and as plain data too', () => {
    fc.assert(
      fc.property(fc.array(made, { minLength: 1, maxLength: 6 }), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), (parts, asData) => {
        const whole = new Measures();
        for (const part of parts) whole.add(part);
        const [left, right, again] = [new Measures(), new Measures(), new Measures()];
        for (const [index, part] of [...parts].reverse().entries()) (index % 2 === 0 ? left : right).add(asData[index] ? part.toData() : part);
        again.add(right.toData());
        again.add(left);
        expect(again.counters).toEqual(whole.counters);
        expect(new Map([...again.errors].sort())).toEqual(new Map([...whole.errors].sort()));
        expect(again.has('publish')).toBe(whole.has('publish'));
        expect(again.toData().latenciesUs).toEqual(whole.toData().latenciesUs);
        if (whole.has('publish')) expect(again.latency('publish').totalCount).toBe(whole.latency('publish').totalCount);
      }),
    );
  });

  it('keep times between a microsecond and an hour, and nothing after a reset', () => {
    const measures = new Measures();
    measures.time('slip', -5);
    measures.time('slip', 9e12);
    expect(measures.latency('slip').minNonZeroValue).toBe(1);
    expect(measures.latency('slip').maxValue / 3.6e9).toBeCloseTo(1, 2);
    measures.reset();
    expect(measures.toData()).toEqual(EMPTY);
  });

  it('tell two hundred kinds of errors apart, and lose none of the rest', () => {
    const measures = new Measures();
    for (let i = 0; i < 1_000; i++) measures.countError(`kind.${i}`);
    expect(measures.errors.size).toBeLessThanOrEqual(201);
    expect([...measures.errors.values()].reduce((a, b) => a + b)).toBe(1_000);
  });
});
