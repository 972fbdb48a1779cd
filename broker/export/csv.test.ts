import { describe, expect, it } from 'vitest';
import { NOW_MS } from '../broker.fixture.ts';
import { measurementColumns } from './columns.ts';
import { csvHeader, csvText, toCsv } from './csv.ts';
import { GATEWAY, measurementOf, placeOf, SENSOR } from './export.fixture.ts';

/** Cells of one line of RFC 4180, whatever is in them. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!);
}

const row = { message: measurementOf(), gatewayId: GATEWAY, receivedMs: NOW_MS + 5, place: undefined };

describe('CSV', () => {
  it('has a value or nothing for every column', () => {
    const columns = measurementColumns(false);
    const names = csvHeader(columns).split(',');
    const cells = toCsv(columns, row).split(',');
    const cell = (name: string): string | undefined => cells[names.indexOf(name)];
    expect(cells).toHaveLength(names.length);
    expect(new Set(names).size).toBe(names.length);
    expect(cells.slice(0, 4)).toEqual([new Date(NOW_MS).toISOString(), new Date(NOW_MS + 5).toISOString(), GATEWAY, SENSOR]);
    expect(cell('temperatureC')).toBe('');
    expect(cell('velocity10To1000HzRmsYMmPerS')).toBe('');
    expect(cell('velocity10To1000HzTotalRmsMmPerS')).toBe('3.2');
    expect(cell('rssiDbm')).toBe('-60'); // a number is no formula
  });

  it('keeps names to itself unless they are asked for', () => {
    const named = { ...row, place: placeOf() };
    expect(toCsv(measurementColumns(false), named)).not.toContain('Pump');
    const columns = measurementColumns(true);
    const cells = cellsOf(toCsv(columns, named));
    expect(columns.map(({ name }, index) => [name, cells[index]]).filter(([name]) => name!.endsWith('Name'))).toEqual([
      ['siteName', 'North'], ['assetName', 'Pump 4'], ['positionName', 'Drive end'],
    ]);
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+49 30', "'+49 30"],
    ['-A1', "'-A1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['＝1+1', "'＝1+1"],
    [' =1', "' =1"],
    ['\t=1', "'\t=1"],
    ['\r\n=1', `"'\r\n=1"`],
    ["'quoted", "''quoted"],
    ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
    ['a,b', '"a,b"'],
    ['two\nlines', '"two\nlines"'],
    ['say "no"', '"say ""no"""'],
    ['Pumpe Süd 泵 🛠', 'Pumpe Süd 泵 🛠'],
    ['', ''],
  ])('writes the text %j as %j, which no spreadsheet runs and every reader reads back', (text, cell) => {
    expect(csvText(text)).toBe(cell);
    expect(cellsOf(`first,${cell},last`)).toEqual(['first', expect.toSatisfy((back) => back === text || back === `'${text}`), 'last']);
  });

  it('takes the time of a clock gone wild, which begins with a sign, for text', () => {
    expect(toCsv(measurementColumns(false), { ...row, message: measurementOf({ timeMs: 2 ** 48 - 1 }) })).toMatch(/^'\+010889/);
  });
});
