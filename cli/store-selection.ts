/** `thrum store read` and `export`: which messages are wanted, and the stored entries of the projects that are named. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { exportProject, KeyError, namesKnownPlace, readLogs, type ExportItem, type ExportProject, type Selection, type StoreSelection } from '../broker/mod.ts';
import type { SensorMessage } from '../frame/mod.ts';
import { now } from './clock.ts';
import { CliError, EXIT } from './errors.ts';
import { logsOf, type Home } from './home.ts';
import { parseDurationMs, sensorId, wholeNumber } from './values.ts';

export interface SelectionOptions {
  readonly sensor?: string;
  readonly gateway?: string;
  readonly site?: string;
  readonly asset?: string;
  readonly position?: string;
  readonly from?: number;
  readonly to?: number;
  readonly kind?: SensorMessage['kind'];
  readonly limit?: number;
}

/** Adds the options of {@link SelectionOptions}. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option('--sensor <id>', 'only this sensor: its EUI-64', sensorId)
    .option('--gateway <id>', 'only this gateway: its EUI-64', sensorId)
    .option('--site <name>', 'only sensors at this site')
    .option('--asset <name>', 'only sensors on this asset')
    .option('--position <name>', 'only sensors at this position')
    .option('--from <time>', 'only what was measured since: 2026-01-02T15:04:05Z, a date, or 24h for a day ago', time)
    .option('--to <time>', 'only what was measured before', time)
    .addOption(new Option('--kind <kind>', 'only messages of this kind').choices(['measurement', 'waveform', 'event']))
    .option('--limit <n>', 'at most so many messages', wholeNumber(1, Number.MAX_SAFE_INTEGER));
}

const ISO_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** For commander: a time with its zone, a date in UTC, or a duration back from now → ms since 1970. */
function time(text: string): number {
  const ago = parseDurationMs(text);
  const ms = ago === undefined ? Date.parse(text) : now() - ago;
  if (ago === undefined && (!ISO_TIME.test(text) || Number.isNaN(ms))) {
    throw new InvalidArgumentError('Write a time such as 2026-01-02T15:04:05Z (with Z or an offset), a date such as 2026-01-02, or a duration back from now such as 24h.');
  }
  return ms;
}

/** The selection that the options make. CLI_USAGE when nothing can be in it. */
export function selectionOf({ sensor, gateway, site, asset, position, from, to, kind, limit }: SelectionOptions): Selection {
  if (from !== undefined && to !== undefined && from >= to) throw new CliError('CLI_USAGE', '--from is not before --to: nothing can be between them');
  return {
    ...(sensor !== undefined && { sensorId: sensor }),
    ...(gateway !== undefined && { gatewayId: gateway }),
    ...(site !== undefined && { siteName: site }),
    ...(asset !== undefined && { assetName: asset }),
    ...(position !== undefined && { positionName: position }),
    ...(from !== undefined && { fromMs: from }),
    ...(to !== undefined && { toMs: to }),
    ...(kind !== undefined && { kind }),
    ...(limit !== undefined && { limit }),
  };
}

/** Ids of the project that is named, or of all. */
export async function projectIds(home: Home, { project }: { readonly project?: string }): Promise<string[]> {
  if (project !== undefined) return [(await home.projects.find(project)).projectId];
  return home.projects.ids();
}

/** The projects that can be read; one whose key is disabled is left out. CLI_USAGE when the selection names a place that none has. */
export async function projectsToRead(home: Home, options: { readonly project?: string }, selection: Selection, withNames = false): Promise<ExportProject[]> {
  const projects: ExportProject[] = [];
  for (const projectId of await projectIds(home, options)) {
    await orLeaveOut(projectId, async () => {
      const name = withNames ? (await home.projects.read(projectId)).name : projectId;
      projects.push(exportProject(projectId, name, await home.places.read(projectId)));
    });
  }
  if (projects.length > 0 && !projects.some(({ places }) => namesKnownPlace(selection, places))) {
    throw new CliError('CLI_USAGE', 'no sensor is known to be at that place: check --site, --asset and --position');
  }
  return projects;
}

/** What the store's indexes can tell of a selection: whatever is in it is in this. */
function inStore(selection: Selection, { places }: ExportProject): StoreSelection {
  const { sensorId, gatewayId, siteName, assetName, positionName, fromMs, toMs } = selection;
  const isByPlace = siteName !== undefined || assetName !== undefined || positionName !== undefined;
  const there = [...places].filter(([, place]) => namesKnownPlace(selection, new Map([['', place]]))).map(([id]) => id);
  const sensors = sensorId === undefined ? there : there.filter((id) => id === sensorId);
  return {
    ...(gatewayId !== undefined && { gateways: new Set([gatewayId]) }),
    ...(isByPlace ? { sensors: new Set(sensors) } : sensorId !== undefined && { sensors: new Set([sensorId]) }),
    ...(fromMs !== undefined && { fromMs }),
    ...(toMs !== undefined && { toMs }),
  };
}

/** What the projects have stored that may be in the selection, one after another; of a project whose key is disabled nothing more. */
export async function* storedItems(home: Home, projects: readonly ExportProject[], selection: Selection = {}): AsyncGenerator<ExportItem> {
  for (const project of projects) {
    const { projectId } = project;
    try {
      const sources = (await logsOf(home, projectId)).map(({ source }) => source);
      for await (const entry of readLogs(sources, projectId, home.keys, inStore(selection, project))) yield { project, entry };
    } catch (error) {
      leaveOut(projectId, 'left out', error);
      process.exitCode = EXIT.environment;
    }
  }
}

async function orLeaveOut(projectId: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    leaveOut(projectId, 'left out', error);
    process.exitCode = EXIT.environment;
  }
}

/** Says which project is passed over because its key is disabled; throws whatever else is wrong. */
export function leaveOut(projectId: string, how: 'left out' | 'not checked', error: unknown): void {
  if (!(error instanceof KeyError) || error.code !== 'KEY_DISABLED') throw error;
  process.stderr.write(`thrum: ${projectId} is ${how}: ${error.message}\n`);
}
