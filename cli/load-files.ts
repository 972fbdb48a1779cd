/**
 * What commands about load tests share: reading reports, and where a report goes. Promises: outputs are tried before the
 * work whose result goes there; two outputs never share a file.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { MAX_REPORT_BYTES, readReport, reportToCsv, reportToHtml, reportToJson, reportToJunit, summaryLines, verdictOf, type LoadReport } from '../gateway/load/report/mod.ts';
import { CliError, EXIT } from './errors.ts';
import { prepareOutputFiles, writeOutputFile, type OutputFile } from './output-file.ts';
import { say, type OutputOptions } from './output.ts';

const WRITERS = { out: reportToJson, html: reportToHtml, csv: reportToCsv, junit: reportToJunit } as const;
type Format = keyof typeof WRITERS;
const FORMATS = Object.keys(WRITERS) as Format[];

export interface LoadFileOptions extends OutputOptions, Readonly<Partial<Record<Format, string>>> {}

/** Places of a report that can be written to. */
export type LoadFiles = readonly (readonly [Format, OutputFile])[];

/** Adds the options that say where a report goes. */
export function addLoadFileOptions(command: Command): Command {
  return command
    .option('--out <file>', "write the report as JSON, for 'thrum load merge' and 'thrum load compare'")
    .option('--html <file>', 'write the report as one page for a browser, with charts')
    .option('--csv <file>', 'write the time series as CSV, a line an interval')
    .option('--junit <file>', 'write assertions and searches as JUnit XML, for Jenkins, GitLab and others');
}

/** Tries all of them. Throws CLI_USAGE, or the system's error. */
export function prepareLoadFiles(options: LoadFileOptions): Promise<LoadFiles> {
  return prepareOutputFiles(options, FORMATS);
}

/** Prints the report, writes its files, and gives the exit code: 0 passed, 1 not. Throws the system's error when a file cannot be written. */
export async function deliverLoadReport(report: LoadReport, options: OutputOptions, files: LoadFiles): Promise<0 | 1> {
  process.stdout.write(options.json ? reportToJson(report) : `${summaryLines(report).join('\n')}\n`);
  for (const [format, file] of files) {
    await writeOutputFile(file, WRITERS[format](report));
    say(options, `wrote ${file.path}`);
  }
  return verdictOf(report).passed ? EXIT.done : EXIT.failure;
}

/** Throws CLI_USAGE, LOAD_REPORT, or the system's error. */
export async function readLoadReport(path: string): Promise<LoadReport> {
  const found = await stat(path);
  if (!found.isFile()) throw new CliError('CLI_USAGE', `${path} is no file: give a report made with 'thrum load … --out'`);
  if (found.size > MAX_REPORT_BYTES) throw new CliError('CLI_USAGE', `${path}: a report has at most ${MAX_REPORT_BYTES} bytes, this file has ${found.size}`);
  return readReport(await readFile(path, 'utf8'), path);
}
