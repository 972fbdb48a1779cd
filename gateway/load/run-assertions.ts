/** What a run is asserted of: the scenario's conditions and its stages'. Promise: none is accepted that nothing could be judged by. */
import { LoadError } from './errors.ts';
import { Measures } from './measures.ts';
import { judge, parseAssertion, type Assertion } from './report/assertion.ts';
import type { Scenario } from './scenario.ts';
import type { JudgeTrial } from './search.ts';

/** Throws LOAD_ASSERTION. */
export function runAssertions({ assertions, stages }: Scenario): Assertion[] {
  for (const { search } of stages) for (const text of search?.objective ?? []) checkObjective(text);
  const all = [
    ...assertions.map((text) => parseAssertion(text)),
    ...stages.flatMap((stage) => stage.assertions.map((text) => parseAssertion(text, stage.name))),
  ];
  const searching = stages.filter(({ search }) => search).map(({ name }) => name);
  const idle = all.find(({ stage }) => stage !== null && searching.includes(stage));
  if (idle) throw new LoadError('LOAD_ASSERTION', `${idle.text}: stage '${idle.stage}' searches for a rate, and its trials have an objective: write ${idle.text} as one, or assert it of a run at the rate that is found`);
  return all;
}

function checkObjective(text: string): void {
  const { figure } = parseAssertion(text);
  if (figure.kind !== 'counter' || (figure.counter !== 'lost' && figure.counter !== 'expectedDeliveries')) return;
  throw new LoadError('LOAD_ASSERTION', `${text}: loss is known at the end of a run, and not of a trial: search with p99<50ms,failed==0, then assert ${text} on a run at the rate that is found`);
}

/** Whether a trial meets an objective; what was not measured is not met. */
export function judgeTrialsBy(objective: readonly string[]): JudgeTrial {
  const assertions = objective.map((text) => parseAssertion(text));
  return (trial) => {
    const results = assertions.map((assertion) => judge(assertion, Measures.of(trial.measures), trial.durationMs, { ...trial.limit, reasons: [] }));
    return results.find(({ outcome }) => outcome !== 'met')?.reason;
  };
}
