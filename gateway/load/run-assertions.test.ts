import { describe, expect, it } from 'vitest';
import { Measures } from './measures.ts';
import { judgeTrialsBy, runAssertions } from './run-assertions.ts';
import { parseScenario } from './scenario/mod.ts';

function scenarioOf(objective: readonly string[], { assert = ['failed==0'], ofSearch = [] as string[] } = {}): ReturnType<typeof parseScenario> {
  return parseScenario({
    name: 't', brokers: { b: 'mqtt://127.0.0.1:1' }, clients: { c: { count: 1 } }, assert,
    stages: [{ name: 'first', assert: ['p50<1s'], groups: [{ clients: 'c', do: ['connect'] }] }, { name: 's', assert: ofSearch, search: { objective, from: '1/s', to: '2/s' }, groups: [{ clients: 'c', do: ['connect', { publish: { topic: 't', searched: true } }] }] }],
  });
}

describe('assertions of a run', () => {
  it('are those of the scenario and of its stages', () => {
    expect(runAssertions(scenarioOf(['p99<50ms'])).map(({ text, stage }) => [text, stage])).toEqual([['failed==0', null], ['p50<1s', 'first']]);
  });

  it('refuse those of a stage that searches, whose trials have an objective', () => {
    const refusal = "p50<1s: stage 's' searches for a rate, and its trials have an objective: write p50<1s as one, or assert it of a run at the rate that is found";
    expect(() => runAssertions(scenarioOf(['p99<50ms'], { ofSearch: ['p50<1s'] }))).toThrow(refusal);
    expect(() => runAssertions(scenarioOf(['p99<50ms'], { assert: ['s: p50<1s'] }))).toThrow(refusal);
  });

  it('refuse an objective about loss, which no trial could miss', () => {
    expect(() => runAssertions(scenarioOf(['p99<50ms', 'lost==0']))).toThrow(/lost==0: loss is known at the end of a run, and not of a trial/);
  });
});

describe('an objective', () => {
  it('is missed by a trial in which one of its conditions was not measured', () => {
    const measures = new Measures();
    measures.counters.due = 10;
    measures.counters.unsent = 10;
    const trial = { name: 's', startMs: 0, durationMs: 1_000, measures: measures.toData(), groups: [], limit: { reasons: [], slipP99Ms: null, loopDelayP99Ms: null, busiestWorker: null } };
    expect(judgeTrialsBy(['error_share<=100%'])(trial)).toBeUndefined();
    expect(judgeTrialsBy(['error_share<=100%', 'failed==0'])(trial)).toBe('No message was sent.');
    expect(judgeTrialsBy(['p99<50ms', 'error_share<=100%'])(trial)).toBe('Nothing of the kind was timed (publish).');
  });
});
