/** `thrum store`: what is stored, read back, checked, and taken out. */
import type { Command } from 'commander';
import { rowsOf, toNdjson, undecodable } from '../broker/mod.ts';
import type { SensorMessage } from '../frame/mod.ts';
import { EXIT } from './errors.ts';
import { logsOf, openHome } from './home.ts';
import { addScanCommand } from './store-scan.ts';
import { bytes, minute, printResult, say, table } from './output.ts';
import { addStoreExportCommand } from './store-export.ts';
import { addStoreKeyCommands } from './store-keys.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';
import { addStoreRetainCommand } from './store-retain.ts';
import { addSelectionOptions, projectIds, projectsToRead, selectionOf, storedItems, type SelectionOptions } from './store-selection.ts';
import { addStoreShredCommand } from './store-shred.ts';
import { addStoreStatsCommand } from './store-stats.ts';
import { addStoreVerifyCommand } from './store-verify.ts';

type ReadOptions = StoreOptions & SelectionOptions;

export function addStoreCommand(program: Command): void {
  const store = program.command('store').description('list, read, check and export what is stored');
  addScanCommand(store);
  const finish = (command: Command): Command => addStoreOptions(command.option('--project <id or name>', 'only this project (default all)'));

  finish(store.command('list').description('list the segments of the store'))
    .addHelpText('after', '\nExample:\n  thrum store list')
    .action(list);
  finish(addSelectionOptions(store.command('read').description('print stored messages; with --json one JSON object a line; exit code 3 when a project’s key is disabled')))
    .addHelpText('after', '\nExample:\n  thrum store read --kind measurement --limit 10')
    .action(read);
  addStoreVerifyCommand(store);
  addStoreStatsCommand(store);
  addStoreExportCommand(store);
  addStoreKeyCommands(store);
  addStoreShredCommand(store);
  addStoreRetainCommand(store);
}

async function list(options: StoreOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  const rows: { projectId: string; segment: string; bytes: number; path: string }[] = [];
  for (const projectId of await projectIds(home, options)) {
    for (const { source } of await logsOf(home, projectId)) {
      for (const file of await source.list()) rows.push({ projectId, segment: String(file.ordinal), bytes: await source.size(file), path: file.path });
    }
  }
  printResult(options, rows, () => table([['project', 'segment', 'size', 'file'], ...rows.map((row) => [row.projectId, row.segment, bytes(row.bytes), row.path])]));
}

async function read(options: ReadOptions): Promise<void> {
  const selection = selectionOf(options);
  const home = await openHome(options, 'refuse');
  let left = options.limit ?? Infinity;
  for await (const item of storedItems(home, await projectsToRead(home, options, selection), selection)) {
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
