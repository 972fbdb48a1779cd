/** What a command prints: results on stdout, everything else on stderr. */
import type { Histogram } from 'node:perf_hooks';
import type { Command } from 'commander';

export interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** Adds the options that say how results are printed; `verbose` says what more there is to see. */
export function addOutputOptions(command: Command, verbose = 'say more on stderr'): Command {
  return command
    .option('--json', 'print the result as JSON')
    .option('--quiet', 'no progress on stderr')
    .option('--verbose', verbose);
}

/** Prints a result on stdout: as JSON, or as lines for people. */
export function printResult(options: OutputOptions, result: unknown, lines: () => readonly string[]): void {
  const text = options.json ? JSON.stringify(result, null, 2) : lines().join('\n');
  process.stdout.write(`${text}\n`);
}

/** Says something on stderr, unless told to be quiet. */
export function say(options: OutputOptions, line: string): void {
  if (!options.quiet) process.stderr.write(`${line}\n`);
}

/** Columns padded to their widest cell; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd());
}

/** 1234567 → 1,234,567. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Bytes in the largest binary unit that keeps them above one. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return power === 0 ? `${value} B` : `${(value / 1024 ** power).toFixed(1)} ${units[power]!}`;
}

/** ms since 1970 as `2026-01-02 14:05 UTC`. */
export function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Figures of a latency histogram in µs, as ms; zeros when it is empty. */
export function latencyMs(histogram: Histogram): { p50: number; p99: number; max: number } {
  if (histogram.count === 0) return { p50: 0, p99: 0, max: 0 };
  return { p50: histogram.percentile(50) / 1000, p99: histogram.percentile(99) / 1000, max: histogram.max / 1000 };
}

/** The same for people. */
export function latencyText(histogram: Histogram): string {
  if (histogram.count === 0) return '–';
  const { p50, p99 } = latencyMs(histogram);
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
}
