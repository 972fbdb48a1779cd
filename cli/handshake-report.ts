/**
 * What the handshake commands share: the options that say which cases run and where their report goes, what can be known
 * to be wrong before a run, progress during it, and the report after it with the exit code that it earns.
 */
import { readFile, stat } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import {
  MAX_REPORT_BYTES, SEVERITIES, catalogueLines, compareReports, comparisonLines, createProgress, matchesCase, readReport, reportLines, reportToHtml,
  reportToJson, reportToJunit, reportToSarif, verdictOf,
  type CaseInfo, type Comparison, type HandshakeReport, type Judgement, type Progress, type Severity, type Style,
} from '../certs/handshake/mod.ts';
import { CliError } from './errors.ts';
import { prepareOutputFiles, writeOutputFile, type OutputFile } from './output-file.ts';
import { addOutputOptions, printResult, say, type OutputOptions } from './output.ts';

/** Columns where no terminal tells. */
const DEFAULT_WIDTH = 120;
const FORMATS = ['junit', 'sarif', 'html'] as const;
type Format = (typeof FORMATS)[number];

export interface ReportOptions extends OutputOptions, Readonly<Partial<Record<Format, string>>> {
  /** Path of an earlier report. */
  readonly baseline?: string;
  readonly failOn: Severity;
  /** Patterns for `selectCases`; none chooses all. */
  readonly case: readonly string[];
  readonly list?: boolean;
}

/** What was made sure of before a run. */
export interface Outputs {
  readonly files: readonly (readonly [Format, OutputFile])[];
  readonly baseline: HandshakeReport | undefined;
}

/** Adds the options for choosing cases and for reporting on them. */
export function addReportOptions(command: Command): Command {
  return addOutputOptions(command, 'show what happened in every case, with times; a line for each case while it runs')
    .option('--junit <file>', 'write the report as JUnit XML, for Jenkins, GitLab and others')
    .option('--sarif <file>', 'write the report as SARIF 2.1.0, for code scanning')
    .option('--html <file>', 'write the report as one page for a browser')
    .option('--baseline <file>', "compare with an earlier report, made with --json; whatever is worse fails, whatever --fail-on says")
    .addOption(new Option('--fail-on <severity>', 'exit with 1 when a case of this severity or above fails').choices(SEVERITIES).default('medium'))
    .addOption(new Option('--case <id>', "run only this case, or those that match, as 'protocol.*'; may be given again").argParser((id: string, earlier: readonly string[]) => [...earlier, id]).default([], 'all'))
    .option('--list', 'list the cases and run none');
}

/** Prints the catalogue, for `--list`. */
export function printCatalogue(cases: readonly CaseInfo[], options: OutputOptions): void {
  printResult(options, cases, () => catalogueLines(cases, styleOf(process.stdout)));
}

/**
 * Finds out before a run whether its report can be delivered: outputs can be written, the baseline can be read and is of
 * the same subject. Throws CLI_USAGE, CERTS_BAD_REPORT, or the system's error.
 */
export async function prepareOutputs(options: ReportOptions, subject: HandshakeReport['subject']): Promise<Outputs> {
  const baseline = options.baseline === undefined ? undefined : await readBaseline(options.baseline, subject, options.case);
  return { files: await prepareOutputFiles(options, FORMATS), baseline };
}

/** Shows on stderr how far a run of `total` cases is: one line on a terminal, a line a case with --verbose, else nothing. */
export function showProgress(options: OutputOptions, total: number): Progress {
  const alive = process.stderr.isTTY && process.env['CI'] === undefined && process.env['TERM'] !== 'dumb';
  const kind = options.quiet ? 'silent' : options.verbose ? 'cases' : alive ? 'line' : 'silent';
  return createProgress(process.stderr, { kind, style: styleOf(process.stderr), total });
}

/** Prints the report, writes its files, and gives the exit code: 0 passed, 1 not. Throws the system's error when a file cannot be written. */
export async function deliver(report: HandshakeReport, options: ReportOptions, { files, baseline }: Outputs): Promise<0 | 1> {
  const comparison = baseline && compareReports(report, baseline);
  const judgement = verdictOf(report, options.failOn, comparison);
  process.stdout.write(`${options.json ? reportToJson(report, judgement, comparison) : text(report, options, judgement, comparison)}\n`);
  for (const [format, file] of files) {
    await writeOutputFile(file, written(format, report, judgement, comparison));
    say(options, `wrote ${file.path}`);
  }
  return judgement.exitCode;
}

function text(report: HandshakeReport, options: ReportOptions, judgement: Judgement, comparison: Comparison | undefined): string {
  const lines = reportLines(report, judgement, {
    style: styleOf(process.stdout),
    width: process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : DEFAULT_WIDTH,
    detail: options.verbose ? 'evidence' : 'reasons',
  });
  const verdict = lines.pop()!;
  return [...lines, ...(comparison ? comparisonLines(comparison, report.target) : []), verdict].join('\n');
}

function written(format: Format, report: HandshakeReport, judgement: Judgement, comparison: Comparison | undefined): string {
  if (format === 'junit') return reportToJunit(report);
  return format === 'sarif' ? reportToSarif(report, judgement) : reportToHtml(report, judgement, comparison);
}

/** The earlier report, as far as its cases are among the chosen ones: the others are not gone. */
async function readBaseline(path: string, subject: HandshakeReport['subject'], patterns: readonly string[]): Promise<HandshakeReport> {
  const found = await stat(path);
  if (!found.isFile()) throw new CliError('CLI_USAGE', `--baseline ${path} is no file: give a report made with --json`);
  const { size } = found;
  if (size > MAX_REPORT_BYTES) throw new CliError('CLI_USAGE', `--baseline ${path}: a report has at most ${MAX_REPORT_BYTES} bytes, this file has ${size}`);
  const report = readReport(await readFile(path, 'utf8'), `--baseline ${path}`);
  if (report.subject !== subject) throw new CliError('CLI_USAGE', `--baseline ${path} is the report of a ${report.subject}, and a ${subject} is tested: give one made with 'thrum handshake ${subject} … --json'`);
  return { ...report, results: report.results.filter(({ info }) => matchesCase(info.id, patterns)) };
}

function styleOf(stream: NodeJS.WriteStream): Style {
  const env = process.env;
  return stream.isTTY && env['NO_COLOR'] === undefined && env['CI'] === undefined && env['TERM'] !== 'dumb' ? 'coloured' : 'plain';
}
