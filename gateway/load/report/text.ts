/** Numbers, durations and columns as people read them. */

/** Three significant digits, and all before the point: `0.0123`, `4.56`, `1,235`. */
export function numberText(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString().replace('-', '−');
}

/** A count: `1,234,567`. */
export function countText(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Milliseconds: `0.43 ms`, `120 ms`, `4.2 s`, `3 m 20 s`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${numberText(ms)} ms`;
  if (ms < 120_000) return `${numberText(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} m` : `${minutes} m ${seconds % 60} s`;
}

export function bytesText(value: number): string {
  if (value < 1_000) return `${Math.round(value)} B`;
  const power = value < 1_000_000 ? 1 : value < 1_000_000_000 ? 2 : 3;
  return `${numberText(value / 1_000 ** power)} ${['kB', 'MB', 'GB'][power - 1]!}`;
}

/** `2026-03-01T12:00:00.000Z` → `2026-03-01 12:00:00 UTC`. */
export function instantText(iso: string): string {
  return iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}

/** Cells padded to their column's width; `right` says which columns end on the right. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, at) => (right.includes(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))).join('  ').trimEnd());
}
