/** `thrum store`: what is stored, read back, checked, and taken out. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { listSegments, listStoredProjects, rowsOf, toNdjson, undecodable, verifyProject, verifyProjectFile, type Finding, type Verification } from '../broker/mod.ts';
import { isLocked } from '../certs/mod.ts';
import type { SensorMessage } from '../frame/mod.ts';
import { EXIT } from './errors.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addKmsOptions } from './kms-options.ts';
import { addScanCommand } from './store-scan.ts';
import { addOutputOptions, bytes, count, minute, printResult, say, table, type OutputOptions } from './output.ts';
import { addStoreExportCommand } from './store-export.ts';
import { addSelectionOptions, leaveOut, projectIds, projectsToRead, selectionOf, storedItems, type SelectionOptions } from './store-selection.ts';

type Options = HomeOptions & OutputOptions & { readonly project?: string };

type ReadOptions = Options & SelectionOptions;

export function addStoreCommand(program: Command): void {
  const store = program.command('store').description('list, read, check and export what is stored');
  addScanCommand(store);
  const finish = (command: Command): Command => addOutputOptions(addKmsOptions(addHomeOptions(command.option('--project <id or name>', 'only this project (default all)'))));

  finish(store.command('list').description('list the segments of the store'))
    .addHelpText('after', '\nExample:\n  thrum store list')
    .action(list);
  finish(addSelectionOptions(store.command('read').description('print stored messages; with --json one JSON object a line; exit code 3 when a project’s key is disabled')))
    .addHelpText('after', '\nExample:\n  thrum store read --kind measurement --limit 10')
    .action(read);
  finish(store.command('verify').description('check every byte; exit code 1 names each fault'))
    .addHelpText('after', '\nExample:\n  thrum store verify --json')
    .action(async (options: Options) => {
      process.exitCode = await verify(options);
    });
  addStoreExportCommand(store);
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

async function read(options: ReadOptions): Promise<void> {
  const selection = selectionOf(options);
  const home = await openHome(options, 'refuse');
  let left = options.limit ?? Infinity;
  for await (const item of storedItems(home, await projectsToRead(home, options, selection))) {
    const fault = undecodable(item.entry);
    if (fault !== undefined) say(options, fault);
    for (const row of rowsOf(item, selection)) {
      await print(options.json ? toNdjson(row) : lineOf(row.message));
      if (--left <= 0) return;
    }
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
      const result = await verifyProject(join(home.store, projectId), projectId, home.projectKeys, { inUse, onSegment });
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
