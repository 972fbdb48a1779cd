import { describe, expect, it } from 'vitest';
import { CSV_COLUMNS, reportToCsv } from './csv.ts';
import { reportOf } from './report.fixture.ts';

describe('a time series as CSV', () => {
  const report = reportOf({ seconds: 3 });
  const lines = reportToCsv(report).split('\r\n');

  it('has a line an interval, all with the columns of the head', () => {
    expect(lines).toHaveLength(1 + report.series.length + 1);
    expect(lines.at(-1)).toBe('');
    for (const line of lines.slice(0, -1)) expect(line.split(',')).toHaveLength(CSV_COLUMNS.length);
  });

  it('has figures of the interval, and nothing where nothing was measured', () => {
    const cell = (line: number, column: string): string => lines[line]!.split(',')[CSV_COLUMNS.indexOf(column)]!;
    expect([cell(1, 'at_s'), cell(1, 'stage'), cell(1, 'connected'), cell(1, 'publish_p99_ms'), cell(1, 'errors')]).toEqual(['1', '"connect"', '50', '', '1']);
    expect(Number(cell(5, 'publish_p99_ms'))).toBeGreaterThan(Number(cell(5, 'publish_p50_ms')));
    expect(Number(cell(5, 'publish_max_ms'))).toBeGreaterThanOrEqual(Number(cell(5, 'publish_p99_9_ms')));
  });

  it('gives a spreadsheet no formula and no broken line', () => {
    const [point] = report.series;
    const named = (stage: string): string => reportToCsv({ ...report, series: [{ ...point!, stage }] }).split('\r\n')[1]!;
    expect(named('=HYPERLINK("x")\n')).toContain(`,"'=HYPERLINK(""x"") ",`);
  });
});
