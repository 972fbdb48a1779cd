/**
 * Measurements as CSV after RFC 4180: CRLF, quotes where they are needed. Promises: no cell is taken for a formula by a
 * spreadsheet; an apostrophe in front says that the rest is text, and is there for text that begins with one, too.
 */
import type { Measurement } from '../../frame/mod.ts';
import { measurementColumns, type Column } from './columns.ts';
import type { ExportRow, RowWriter, WriteBytes } from './entry.ts';
import { lineWriter } from './lines.ts';

/** What spreadsheets begin a formula with, also after white space, also in full width; and the apostrophe itself. */
const FORMULA = /^\s*['=+\-@＝＋－＠]|^[\t\r\n]/u;
const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;

/** The first line, without the line's end. */
export function csvHeader(columns: readonly Column<Measurement>[]): string {
  return columns.map(({ name }) => name).join(',');
}

/** A measurement as a line, without the line's end; what is unknown is empty. */
export function toCsv(columns: readonly Column<Measurement>[], row: ExportRow<Measurement>): string {
  return columns.map((column) => cellOf(column, row)).join(',');
}

function cellOf({ type, value }: Column<Measurement>, row: ExportRow<Measurement>): string {
  const found = value(row);
  if (typeof found === 'number' && type !== 'time') return Number.isFinite(found) ? String(found) : '';
  return csvText(typeof found === 'number' ? new Date(found).toISOString() : String(found ?? ''));
}

/** Text as a cell. */
export function csvText(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export function csvWriter(write: WriteBytes, withNames: boolean): RowWriter<Measurement> {
  const columns = measurementColumns(withNames);
  const lines = lineWriter(write, '\r\n');
  const begun = lines.add(csvHeader(columns));
  return {
    add: (row) => lines.add(toCsv(columns, row)),
    finish: async () => {
      await begun;
      await lines.finish();
    },
  };
}
