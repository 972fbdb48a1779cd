/** `thrum store`: what is stored, read back, checked, and taken out. */
import { open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { CSV_HEADER, KeyError, listSegments, listStoredProjects, readProject, toCsv, toNdjson, verifyProject, verifyProjectFile, WavExport, type Finding, type Verification } from '../broker/mod.ts';
import { isLocked } from '../certs/mod.ts';
import type { SensorMessage } from '../frame/mod.ts';
import { CliError, EXIT } from './errors.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addScanCommand } from './store-scan.ts';
import { addOutputOptions, bytes, count, minute, printResult, say, table, type OutputOptions } from './output.ts';
import { sensorId, wholeNumber } from './values.ts';

type Options = HomeOptions & OutputOptions & { readonly project?: string };

interface ReadOptions extends Options {
  readonly sensor?: string;
  readonly kind?: SensorMessage['kind'];
  readonly limit?: number;
}

interface ExportOptions extends ReadOptions {
  readonly format: 'ndjson' | 'csv' | 'wav';
  readonly out?: string;
}

interface StoredMessage {
  readonly gatewayId: string;
  readonly receivedMs: number;
  readonly message: SensorMessage;
}

export function addStoreCommand(program: Command): void {
  const store = program.command('store').description('list, read, check and export what is stored');
  addScanCommand(store);
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command.option('--project <id or name>', 'only this project (default all)')));
  const select = (command: Command): Command =>
    command
      .option('--sensor <id>', 'only this sensor: its EUI-64', sensorId)
      .addOption(new Option('--kind <kind>', 'only messages of this kind').choices(['measurement', 'waveform', 'event']))
      .option('--limit <n>', 'at most so many messages', wholeNumber(1, Number.MAX_SAFE_INTEGER));

  finish(store.command('list').description('list the segments of the store'))
    .addHelpText('after', '\nExample:\n  thrum store list')
    .action(list);
  finish(select(store.command('read').description('print stored messages; with --json one JSON object a line; exit code 3 when a project’s key is disabled')))
    .addHelpText('after', '\nExample:\n  thrum store read --kind measurement --limit 10')
    .action(read);
  finish(store.command('verify').description('check every byte; exit code 1 names each fault'))
    .addHelpText('after', '\nExample:\n  thrum store verify --json')
    .action(async (options: Options) => {
      process.exitCode = await verify(options);
    });
  finish(
    select(
      store
        .command('export')
        .description('write stored messages in a format that others read')
        .addOption(new Option('--format <format>', 'csv holds measurements, wav holds waveforms').choices(['ndjson', 'csv', 'wav']).default('ndjson'))
        .option('--out <path>', 'file to write; for wav a folder (default standard output)'),
    ),
  )
    .addHelpText('after', '\nExamples:\n  thrum store export --format csv --out measurements.csv\n  thrum store export --format wav --sensor 70b3d5e75e000001 --out recordings/')
    .action(exportMessages);
}

async function projectIds(home: Home, options: Options): Promise<string[]> {
  if (options.project !== undefined) return [(await home.projects.find(options.project)).projectId];
  return home.projects.ids();
}

async function list(options: Options): Promise<void> {
  const home = await openHome(options, 'refuse');
  const rows: { projectId: string; segment: string; bytes: number; path: string }[] = [];
  for (const projectId of await projectIds(home, options)) {
    for (const { ordinal, path } of await listSegments(join(home.store, projectId))) {
      rows.push({ projectId, segment: String(ordinal), bytes: (await stat(path)).size, path });
    }
  }
  printResult(options, rows, () => table([['project', 'segment', 'size', 'file'], ...rows.map((row) => [row.projectId, row.segment, bytes(row.bytes), row.path])]));
}

/** Messages of all projects that can be read; those whose key is disabled are left out. */
async function* messages(home: Home, options: ReadOptions): AsyncGenerator<StoredMessage> {
  let left = options.limit ?? Infinity;
  for (const projectId of await projectIds(home, options)) {
    try {
      for await (const message of messagesOf(home, projectId, options)) {
        yield message;
        if (--left <= 0) return;
      }
    } catch (error) {
      leaveOut(projectId, 'left out', error);
      process.exitCode = EXIT.environment;
    }
  }
}

async function* messagesOf(home: Home, projectId: string, options: ReadOptions): AsyncGenerator<StoredMessage> {
  for await (const { batch, receivedMs, undecodable, file, record } of readProject(join(home.store, projectId), projectId, home.keys)) {
    if (undecodable !== undefined) say(options, `${file}, record ${record}: gateway ${batch.gatewayId} sent a batch that does not decode: ${undecodable}`);
    for (const message of batch.messages) {
      if (options.sensor !== undefined && message.sensorId !== options.sensor) continue;
      if (options.kind !== undefined && message.kind !== options.kind) continue;
      yield { gatewayId: batch.gatewayId, receivedMs, message };
    }
  }
}

/** Says which project is passed over because its key is disabled; throws whatever else is wrong. */
function leaveOut(projectId: string, how: 'left out' | 'not checked', error: unknown): void {
  if (!(error instanceof KeyError) || error.code !== 'KEY_DISABLED') throw error;
  process.stderr.write(`thrum: ${projectId} is ${how}: ${error.message}\n`);
}

async function read(options: ReadOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  for await (const { gatewayId, receivedMs, message } of messages(home, options)) {
    await print(options.json ? toNdjson(message, gatewayId, receivedMs) : lineOf(message));
  }
}

function lineOf(message: SensorMessage): string {
  const head = `${minute(message.timeMs)}  ${message.sensorId}  #${message.sequence}`;
  if (message.kind === 'waveform') return `${head}  waveform  ${message.axes.length} × ${message.axes[0]?.length ?? 0} samples at ${message.sampleRateHz} Hz`;
  if (message.kind === 'event') return `${head}  zone ${message.from} → ${message.to} at ${message.velocityRmsMmPerS.toFixed(2)} mm/s`;
  const { velocityMmPerS, accelerationG, temperatureC } = message;
  return `${head}  ${velocityMmPerS.totalRms.toFixed(2)} mm/s  ${accelerationG.totalRms.toFixed(3)} g  crest ${accelerationG.totalCrestFactor.toFixed(1)}  ${Number.isNaN(temperatureC) ? '–' : temperatureC.toFixed(1)} °C`;
}

/** Writes a line to stdout and waits until it is taken; ends the command when nobody reads on. */
async function print(line: string): Promise<void> {
  if (process.stdout.destroyed) process.exit(EXIT.done); // a listing that nobody reads needs no end
  await new Promise<void>((resolve) => process.stdout.write(`${line}\n`, () => resolve()));
}

async function verify(options: Options): Promise<number> {
  const home = await openHome(options, 'refuse');
  const inUse = await isLocked(join(home.store, 'lock'));
  const results: Verification[] = [];
  const lost = options.project === undefined ? await lostProjects(home) : [];
  const unchecked: string[] = [];
  for (const projectId of await projectsToVerify(home, options)) {
    const onSegment = (done: number, total: number): void => {
      if (options.verbose) say(options, `${projectId}: ${done} of ${total} segments`);
    };
    try {
      const ofFile = await verifyProjectFile(home.projects, projectId);
      const result = await verifyProject(join(home.store, projectId), projectId, home.keys, { inUse, onSegment });
      results.push({ ...result, findings: [...ofFile, ...result.findings] });
    } catch (error) {
      leaveOut(projectId, 'not checked', error);
      unchecked.push(projectId);
    }
  }
  const findings = [...lost, ...results.flatMap((result) => result.findings)];
  const sum = (of: (one: Verification) => number): string => count(results.reduce((total, one) => total + of(one), 0));
  printResult(options, { ok: findings.length === 0 && unchecked.length === 0, lost, unchecked, projects: results }, () => [
    ...findings.map(({ what }) => `FAULT  ${what}`),
    `${sum((one) => one.segments)} segments, ${sum((one) => one.records)} records, ${sum((one) => one.batches)} batches, ${sum((one) => one.messages)} messages: ${findings.length === 0 ? 'all as they were written' : `${count(findings.length)} faults`}`,
    ...(results.some((one) => one.undecodable > 0) ? [`${sum((one) => one.undecodable)} batches do not decode: their gateways sent them so`] : []),
  ]);
  if (findings.length > 0) return EXIT.failure;
  return unchecked.length > 0 ? EXIT.environment : EXIT.done;
}

/** A project named by its id is checked also when its file cannot be read. */
async function projectsToVerify(home: Home, options: Options): Promise<string[]> {
  const { project } = options;
  return project !== undefined && (await home.projects.ids()).includes(project) ? [project] : projectIds(home, options);
}

/** Stored data whose project is no more: without it nothing says which key it is under. */
async function lostProjects(home: Home): Promise<Finding[]> {
  const known = new Set(await home.projects.ids());
  const lost = (await listStoredProjects(home.store)).filter((projectId) => !known.has(projectId));
  return lost.map((projectId) => ({ file: join(home.store, projectId), record: -1, what: `${join(home.store, projectId)}: its project file is missing: restore it from your backup` }));
}

/** Messages that a format can hold; the others all. */
const KIND_OF: Partial<Record<ExportOptions['format'], SensorMessage['kind']>> = { csv: 'measurement', wav: 'waveform' };

async function exportMessages(given: ExportOptions): Promise<void> {
  const holds = KIND_OF[given.format];
  if (holds && given.kind && given.kind !== holds) throw new CliError('CLI_USAGE', `--format ${given.format} holds messages of kind ${holds}, not ${given.kind}`);
  const options = holds ? { ...given, kind: holds } : given;
  const home = await openHome(options, 'refuse');
  if (options.out !== undefined && options.format !== 'wav') return exportToFile(home, options, options.out);
  if (options.format !== 'wav') return exportLines(home, options, print);
  if (options.out === undefined) throw new CliError('CLI_USAGE', '--format wav writes a file per capture: give a folder with --out');
  const captures = new WavExport(options.out);
  try {
    for await (const { message } of messages(home, options)) if (message.kind === 'waveform') await captures.add(message);
  } catch (error) {
    await captures.discard();
    throw error;
  }
  const { files, incomplete } = await captures.finish();
  for (const { capture, samples, totalSamples } of incomplete) say(options, `capture ${capture} has ${samples} of ${totalSamples} samples: not written`);
  printResult(options, { files, incomplete }, () => [...files, `${count(files.length)} recordings`]);
}

/** The file appears under its name only when it is whole. */
async function exportToFile(home: Home, options: ExportOptions, path: string): Promise<void> {
  const partial = `${path}.partial`;
  const handle = await open(partial, 'w', 0o600);
  try {
    let lines = 0;
    await exportLines(home, options, async (line) => {
      await handle.write(`${line}\n`);
      lines += 1;
    });
    await handle.close();
    await rename(partial, path);
    say(options, `${count(lines)} lines written to ${path}`);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw error;
  }
}

async function exportLines(home: Home, options: ExportOptions, write: (line: string) => Promise<void>): Promise<void> {
  if (options.format === 'csv') await write(CSV_HEADER);
  for await (const { gatewayId, receivedMs, message } of messages(home, options)) {
    if (options.format === 'ndjson') await write(toNdjson(message, gatewayId, receivedMs));
    else if (message.kind === 'measurement') await write(toCsv(message));
  }
}
