/** `thrum store export`: stored messages in formats that others read. */
import { Option, type Command } from 'commander';
import { exportEvent, exportFile, exportWav, KINDS, OWNER_PRINCIPAL, undecodable, type ExportItem, type ExportProject, type ExportSummary, type FileFormat, type Selection } from '../broker/mod.ts';
import { actingPrincipal } from './acting.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { openExportFile, ReaderGone, refuseInside, standardOutput, type ExportOutput } from './export-output.ts';
import { openHome, type Home } from './home.ts';
import { catchInterrupt } from './interrupt.ts';
import { showLive } from './live-panel.ts';
import { bytes, count, printResult, say, type OutputOptions } from './output.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';
import { addSelectionOptions, projectsToRead, selectionOf, storedItems, type SelectionOptions } from './store-selection.ts';

interface ExportOptions extends StoreOptions, SelectionOptions {
  readonly format: FileFormat | 'wav';
  readonly out?: string;
  readonly withNames?: boolean;
}

export function addStoreExportCommand(store: Command): void {
  const command = store
    .command('export')
    .description('write stored messages in a format that others read')
    .option('--project <id or name>', 'only this project (default all)')
    .addOption(new Option('--format <format>', 'csv holds measurements, wav waveforms, parquet one kind (measurements unless --kind says else)').choices(['ndjson', 'csv', 'wav', 'parquet', 'monitron-v2']).default('ndjson'))
    .option('--out <path>', 'file to write; for wav a folder (default standard output)')
    .option('--with-names', 'with the names of project, sites, assets and positions, which are left out otherwise');
  addStoreOptions(addSelectionOptions(command))
    .addHelpText('after', '\nExamples:\n  thrum store export --format csv --out measurements.csv\n  thrum store export --format parquet --from 30d --out month.parquet\n  thrum store export --format monitron-v2 --with-names\n  thrum store export --format wav --sensor 70b3d5e75e000001 --out recordings/')
    .action(exportMessages);
}

async function exportMessages(options: ExportOptions): Promise<void> {
  const { format, kind, out } = options;
  if (kind && !KINDS[format].includes(kind)) throw new CliError('CLI_USAGE', `--format ${format} holds messages of kind ${KINDS[format].join(' and ')}, not ${kind}`);
  if (format === 'wav' && out === undefined) throw new CliError('CLI_USAGE', '--format wav writes a file per capture: give a folder with --out');
  if (format === 'parquet' && out === undefined && process.stdout.isTTY) throw new CliError('CLI_USAGE', '--format parquet is not for a terminal: give a file with --out');
  const selection = selectionOf(options);
  const home = await openHome(options, 'refuse');
  if (format === 'wav') return exportRecordings(home, options, selection, out!);
  const output = out === undefined ? standardOutput : await openExportFile(out, home);
  const interrupt = catchInterrupt(); // now that there is a file that would be left behind
  try {
    const summary = await writeTo(output, home, { ...options, format }, selection, interrupt.signal);
    await output.commit();
    if (out !== undefined) report(options, output, out, summary);
  } catch (error) {
    await output.discard();
    if (error instanceof ReaderGone) return; // an export that nobody reads needs no end
    throw error;
  } finally {
    interrupt.release();
  }
}

async function writeTo(output: ExportOutput, home: Home, options: ExportOptions & { readonly format: FileFormat }, selection: Selection, interrupted: AbortSignal): Promise<ExportSummary> {
  const { format, withNames = false } = options;
  const projects = await projectsToRead(home, options, selection, withNames);
  const { accountId } = await home.keys.store.readOrCreate();
  let rows = 0;
  const panel = output.kind === 'file' && process.stderr.isTTY ? showLive(options, () => ({ heading: `export to ${options.out!}`, rows: [['rows', count(rows)]], line: `${count(rows)} rows` })) : undefined;
  try {
    return await exportFile(
      // The stream tells of what came before, too: of states, and of who was silent.
      items(home, options, projects, interrupted, format === 'monitron-v2' ? {} : selection),
      { format, selection, withNames, accountId, nowMs: now(), onRow: (done) => (rows = done), onExported: teller(home, projects, selection, withNames) },
      output.write,
    );
  } finally {
    panel?.stop();
  }
}

/** Tells the audit trail what left. */
function teller(home: Home, projects: readonly ExportProject[], selection: Selection, withNames: boolean): (summary: ExportSummary) => void {
  const principal = actingPrincipal() ?? OWNER_PRINCIPAL;
  return (summary) => home.trail.record(exportEvent({ principal, projectIds: projects.map(({ projectId }) => projectId), selection, withNames, summary }));
}

/** What is stored, saying on the way what does not decode. Throws Interrupted. */
async function* items(home: Home, options: OutputOptions, projects: readonly ExportProject[], interrupted: AbortSignal, selection: Selection): AsyncGenerator<ExportItem> {
  for await (const item of storedItems(home, projects, selection)) {
    interrupted.throwIfAborted();
    const fault = undecodable(item.entry);
    if (fault !== undefined) say(options, fault);
    yield item;
  }
}

function report(options: ExportOptions, { kind }: ExportOutput, path: string, { format, rows, bytes: size, sha256 }: ExportSummary): void {
  const lines = [`${count(rows)} rows, ${bytes(size)}, written to ${path}`, `SHA-256 ${sha256}`];
  if (kind === 'file') printResult(options, { format, rows, bytes: size, sha256, path }, () => lines);
  else for (const line of lines) say(options, line); // standard output may be where the rows went
}

async function exportRecordings(home: Home, options: ExportOptions, selection: Selection, directory: string): Promise<void> {
  await refuseInside(home, directory);
  const projects = await projectsToRead(home, options, selection);
  const interrupt = catchInterrupt(); // now that there are files that would be left behind
  const { files, incomplete, sha256 } = await exportWav(items(home, options, projects, interrupt.signal, selection), selection, directory, projects.length > 1, teller(home, projects, selection, false)).finally(() => interrupt.release());
  for (const { capture, samples, totalSamples } of incomplete) say(options, `capture ${capture} has ${samples} of ${totalSamples} samples: not written`);
  printResult(options, { files, incomplete, sha256 }, () => [...files, `${count(files.length)} recordings`]);
}
