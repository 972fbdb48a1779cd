/** Reads the report of `thrum load --json`, and what must hold of any. */
import { expect } from 'vitest';
import { COUNTERS, type Counter, type MeasuresData } from '../gateway/load/measures.ts';
import type { LoadReport } from '../gateway/load/mod.ts';
import { thrum, type Result } from './cli.ts';

export interface Loaded extends Result {
  readonly report: LoadReport;
  /** Of the whole run. */
  readonly counters: Readonly<Record<Counter, number>>;
}

/** Runs `thrum load … --json --quiet`, and holds its counters against each other. */
export async function load(args: readonly string[]): Promise<Loaded> {
  const result = await thrum(['load', ...args, '--json', '--quiet']);
  expect(result.stderr).toBe('');
  const report = JSON.parse(result.stdout) as LoadReport;
  expectSums(report);
  return { ...result, report, counters: countersOf(report.total) };
}

export function countersOf({ counters }: MeasuresData): Readonly<Record<Counter, number>> {
  return Object.fromEntries(COUNTERS.map((name) => [name, counters[name] ?? 0])) as Record<Counter, number>;
}

/** The group's counters in that stage. */
export function countersOfGroup({ stages }: LoadReport, stage: string, clients: string): Readonly<Record<Counter, number>> {
  const found = stages.find(({ name }) => name === stage)?.groups.find((group) => group.clients === clients);
  if (!found) throw new Error(`the report has no group ${clients} in stage ${stage}`);
  return countersOf(found.measures);
}

/** What a whole run's figures must add up to when nothing is left in flight. */
function expectSums(report: LoadReport): void {
  const all = countersOf(report.total);
  expect(all.due).toBe(all.sent + all.unsent);
  expect(all.sent).toBe(all.acknowledged + all.failed);
  expect(all.connects).toBe(all.connected + all.connectFailed + all.refusedAsExpected + all.unexpectedlyAccepted + all.connectsAbandoned);
  for (const name of ['connects', 'connected', 'due', 'sent', 'acknowledged', 'received'] as const) {
    const ofStages = report.stages.map(({ measures }) => measures.counters[name] ?? 0);
    expect({ name, sum: ofStages.reduce((sum, one) => sum + one, 0) }).toEqual({ name, sum: all[name] });
  }
}
