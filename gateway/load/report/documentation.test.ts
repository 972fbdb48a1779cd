import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { COUNTERS, LATENCIES } from '../measures.ts';
import { parseAssertion } from './assertion.ts';
import { CSV_COLUMNS } from './csv.ts';
import { snakeCase } from './figures.ts';
import { metricsText } from './prometheus.ts';
import { reportOf, searched } from './report.fixture.ts';

const document = await readFile(new URL('../../../docs/load-report.md', import.meta.url), 'utf8');
const section = (title: string): string => document.split(/^## /m).find((part) => part.startsWith(`${title}\n`))!;
const names = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name!);

describe('docs/load-report.md', () => {
  it('names every counter and every latency', () => {
    expect(names(section('What is measured'))).toEqual(expect.arrayContaining([...COUNTERS.map(snakeCase), ...LATENCIES]));
  });

  it('shows assertions that are understood', () => {
    const examples = /```\n([^]*?)```/.exec(section('Assertions'))![1]!.split(/ {3,}|\n/).filter((text) => text !== '');
    expect(examples).toHaveLength(6);
    for (const example of examples) expect(parseAssertion(example).text).not.toBe('');
  });

  it('has the columns of the CSV in their order', () => {
    const rows = section('CSV').split('\n').filter((line) => line.startsWith('| `')).map((line) => line.split('|')[1]!);
    expect(rows.flatMap(names)).toEqual(CSV_COLUMNS);
  });

  it('has every field of the document', () => {
    const report = searched(reportOf({ seconds: 1, assertions: ['lost==0'] }));
    const said = section('The JSON document').replaceAll('[]', '');
    const known = [report, report.generator, report.brokers[0]!, report.stages[0]!, report.series[0]!, report.searches[0]!, report.searches[0]!.trials[0]!, report.assertions[0]!, report.limit, report.total];
    for (const name of known.flatMap((part) => Object.keys(part))) expect(names(said), name).toContain(name);
  });

  it('has every metric', async () => {
    const { stages } = reportOf({ seconds: 1 });
    const text = await metricsText({ stages, connectedNow: 0, inFlightNow: 0, cpuMs: 0, rssBytes: 0, loopDelayP99Ms: 0, busiestWorker: 0 });
    const said = names(section('Prometheus')).map((name) => name.replace(/\{.*/, ''));
    const general = new Set([...COUNTERS.map((name) => `thrum_load_${snakeCase(name)}_total`), ...LATENCIES.flatMap((name) => [`thrum_load_${name}_seconds`, `thrum_load_${name}_quantiles_seconds`])]);
    for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) if (!general.has(name!)) expect(said).toContain(name);
  });
});
