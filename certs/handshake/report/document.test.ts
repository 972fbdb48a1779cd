import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { reportToJson, readReport } from './json.ts';
import { reportToJunit } from './junit.ts';
import { reportToSarif } from './sarif.ts';
import { verdictOf } from './summary.ts';
import { reportLines } from './table.ts';

const document = await readFile(new URL('../../../docs/handshake-reports.md', import.meta.url), 'utf8');
const block = (language: string): string => new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(document)![1]!;

describe('docs/handshake-reports.md', () => {
  const report = readReport(block('json'), 'the example');
  const judgement = verdictOf(report, 'medium');

  it('shows a report that can be read, as it is written', () => {
    expect(JSON.parse(block('json'))).toEqual(JSON.parse(reportToJson(report, judgement)));
  });

  it('shows the table of the same report', () => {
    expect(block('text')).toBe(`${reportLines(report, judgement, { style: 'plain', width: 120, detail: 'reasons' }).join('\n')}\n`);
  });

  it('shows JUnit XML and SARIF as they come out', () => {
    const shown = /^<testcase[^]*?<\/testcase>$/m.exec(document)![0];
    const text = (xml: string): string => xml.replaceAll(/^ +/gm, '');
    expect(text(reportToJunit(report))).toContain(text(shown));
    const sarif = JSON.parse(/^\{\n {2}"ruleId"[^]*?^\}/m.exec(document)![0].replace(/,\n {2}…/, '')) as object;
    expect(JSON.parse(reportToSarif(report, judgement))).toMatchObject({ runs: [{ results: [sarif] }] });
  });
});
