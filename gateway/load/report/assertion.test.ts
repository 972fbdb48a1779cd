import { describe, expect, it } from 'vitest';
import { LoadError } from '../errors.ts';
import { COUNTERS, LATENCIES, Measures } from '../measures.ts';
import { judge, judgeReport, parseAssertion } from './assertion.ts';
import { snakeCase } from './figures.ts';
import { NO_LIMIT, reportOf } from './report.fixture.ts';

const LIMITED = { ...NO_LIMIT, reasons: ['The event loop was late.'] };

function measured(change: (measures: Measures) => void = () => undefined): Measures {
  const measures = new Measures();
  for (let us = 1_000; us <= 100_000; us += 1_000) measures.time('publish', us);
  Object.assign(measures.counters, { connects: 10, connected: 9, connectFailed: 1, due: 1_000, sent: 998, acknowledged: 995, failed: 1, unsent: 2 });
  change(measures);
  return measures;
}

const outcome = (text: string, measures = measured(), limit = NO_LIMIT): string => judge(parseAssertion(text), measures, 10_000, limit).outcome;

function refusal(text: string): string {
  try {
    parseAssertion(text);
  } catch (error) {
    expect(error).toBeInstanceOf(LoadError);
    expect((error as LoadError).code).toBe('LOAD_ASSERTION');
    expect((error as Error).message).not.toMatch(/\n/);
    return (error as Error).message;
  }
  throw new Error(`${text} was understood`);
}

describe('an assertion', () => {
  it('compares times in whatever unit it is written', () => {
    expect(['p50<60ms', 'p50<60000us', 'p50 < 0.06s', 'p99<=0.1s', 'max>=100ms', 'mean>50ms', 'publish.p99.9<1m', 'p50!=1ms'].map((text) => outcome(text))).toEqual(Array(8).fill('met'));
    expect(['p50<40ms', 'p99<99us', 'max<0.09s', 'p12.5>14ms'].map((text) => outcome(text))).toEqual(Array(4).fill('failed'));
    expect(judge(parseAssertion('p50<40000us'), measured(), 10_000, NO_LIMIT)).toMatchObject({ value: 50_015, stage: null, reason: 'It was 50,015 us (100 timed), and p50<40000us was asked.' });
  });

  it('knows every counter and every latency by name', () => {
    for (const counter of COUNTERS) expect(parseAssertion(`${snakeCase(counter)}>=0`).figure).toEqual(parseAssertion(`${counter}>=0`).figure);
    for (const latency of LATENCIES) expect(parseAssertion(`${latency}.p99<1s`).figure).toMatchObject({ latency });
  });

  it('compares counts, rates and shares', () => {
    expect(['failed==1', 'connect_failed<=1', 'connectFailed==1', 'connect_rate>0.8', 'publish_rate>=99/s', 'error_share<0.5%', 'error_share<=0.003'].map((text) => outcome(text))).toEqual(Array(7).fill('met'));
    expect(['failed==0', 'acknowledge_rate>100', 'error_share<0.1%'].map((text) => outcome(text))).toEqual(Array(3).fill('failed'));
  });

  it('takes a kind of error with those below it, and no kind that only begins alike', () => {
    const measures = measured((all) => {
      all.countError('mqtt.connack.5', 2);
      all.countError('mqtt.connack.50', 7);
      all.countError('tls.alert.unknown_ca', 3);
    });
    expect(['errors.mqtt.connack.5==2', 'errors.mqtt==9', 'errors.tls.alert.unknown_ca==3', 'errors==12', 'errors.tcp==0'].map((text) => outcome(text, measures))).toEqual(Array(5).fill('met'));
  });

  it('does not vouch for a kind of error that may hide among the others', () => {
    const measures = measured((all) => all.countError('other', 4));
    expect([outcome('errors.tcp==0', measures), outcome('errors.tcp<9', measures), outcome('errors==4', measures)]).toEqual(['unknown', 'met', 'met']);
  });

  it('is unknown where nothing of the kind was measured', () => {
    expect(['delivery.p99<1s', 'receive_rate>1', 'lost==0', 'duplicates==0', 'corrupted==0'].map((text) => outcome(text))).toEqual(Array(5).fill('unknown'));
    expect(['error_share<1%', 'failed==0'].map((text) => outcome(text, new Measures()))).toEqual(['unknown', 'unknown']);
    const unsent = measured((all) => Object.assign(all.counters, { due: 9, sent: 0, acknowledged: 0, failed: 0, unsent: 9 }));
    expect(['failed==0', 'unsent==0'].map((text) => outcome(text, unsent))).toEqual(['unknown', 'failed']);
    const waiting = { connects: 5, connected: 0, connectFailed: 0, connectsAbandoned: 5 };
    const connecting = (more: object): Measures => measured((all) => Object.assign(all.counters, { ...waiting, ...more }));
    expect([{}, { connected: 1 }, { refusedAsExpected: 1 }, { connectFailed: 1 }].map((more) => outcome('connect_failed==0', connecting(more)))).toEqual(['unknown', 'met', 'met', 'failed']);
    const unchecked = measured((all) => Object.assign(all.counters, { received: 5, unchecked: 5 }));
    expect(outcome('duplicates==0', unchecked)).toBe('unknown');
    expect(outcome('duplicates==0', measured((all) => Object.assign(all.counters, { received: 6, unchecked: 5 })))).toBe('met');
  });

  it('does not blame the broker for a time or a rate when the generator was the limit', () => {
    const result = judge(parseAssertion('p50<1ms'), measured(), 10_000, LIMITED);
    expect(result).toMatchObject({ outcome: 'unknown', reason: expect.stringContaining('The event loop was late.') as string });
    expect(['publish_rate>1000', 'p50<60ms', 'failed==0'].map((text) => outcome(text, measured(), LIMITED))).toEqual(['unknown', 'met', 'failed']);
  });

  it('is about the stage that it names', () => {
    const report = reportOf({ assertions: ['steady: p99<1s', 'connect: p99<1s', 'elsewhere: p99<1s', 'connect_failed==4', 'connect_rate>49'] });
    expect(report.assertions.map(({ text, stage, outcome: how }) => [text, stage, how])).toEqual([
      ['p99<1s', 'steady', 'met'], ['p99<1s', 'connect', 'unknown'], ['p99<1s', 'elsewhere', 'unknown'], ['connect_failed==4', null, 'met'], ['connect_rate>49', null, 'met'],
    ]);
    expect(judgeReport([parseAssertion('a: b: lost==0')], report)[0]!.stage).toBe('a: b');
  });

  it('has a rate over the time in which there was something to count', () => {
    const report = reportOf({ clients: 400, assertions: ['connect_rate==100', 'publish_rate==400'] });
    expect(report.assertions.map(({ outcome: how }) => how)).toEqual(['met', 'met']);
  });
});

describe('what is no assertion', () => {
  it('is refused in one line that says what can be written', () => {
    expect(refusal('fast please')).toContain("such as 'p99<50ms'");
    expect(refusal('p99=50ms')).toContain('< <= > >= == !=');
    expect(refusal('p99<50')).toContain('give it a unit: us, ms, s or m');
    expect(refusal('lost==0ms')).toContain('without a unit');
    expect(refusal('connect_rate>5ms')).toContain('per second');
    expect(refusal('p100<1s')).toContain('not known');
    expect(refusal(': p99<1s')).toContain('names no stage');
    expect(refusal('x'.repeat(1_000)).length).toBeLessThan(300);
    expect(refusal('p99\u001b[2J<1\nms')).toMatch(/^[\x20-\x7e]+$/);
  });

  it.each([['conect_rate>200', 'connect_rate'], ['duplicate==0', 'duplicates'], ['connectfailed==0', 'connect_failed'], ['delivry.p99<1s', 'delivery.p99'], ['p999<1s', 'p99']])('%s is probably %s', (text, meant) => {
    expect(refusal(text)).toContain(`did you mean '${meant}`);
  });
});
