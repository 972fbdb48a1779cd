/** `thrum store scan`: looks through what is kept for text that should not be there, and says where and of what kind, never what. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { isConnection, localSource, isKeyUnavailable, readProject, screen, type Places, type SensitiveKind } from '../broker/mod.ts';
import { listIdentities } from '../certs/mod.ts';
import { EXIT } from './errors.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addKmsOptions } from './kms-options.ts';
import { addOutputOptions, count, printResult, say, type OutputOptions } from './output.ts';

interface ScanOptions extends HomeOptions, OutputOptions {
  readonly project?: string;
}

interface Found {
  readonly place: string;
  readonly kind: SensitiveKind;
}

/** Shorter runs of printable characters in a payload say nothing. */
const RUN_CHARS_MIN = 8;

export function addScanCommand(store: Command): void {
  const command = store
    .command('scan')
    .description('look for account numbers, addresses, keys and passwords in names and texts; exit code 1 says where')
    .option('--project <id or name>', 'only this project (default all, and the keys and operators of the home)');
  addOutputOptions(addKmsOptions(addHomeOptions(command)))
    .addHelpText('after', '\nNever prints what it finds.\n\nExample:\n  thrum store scan --project demo')
    .action(async (options: ScanOptions) => {
      process.exitCode = await scan(options);
    });
}

async function scan(options: ScanOptions): Promise<number> {
  const home = await openHome(options, 'refuse');
  const projectIds = options.project === undefined ? await home.projects.ids() : [(await home.projects.find(options.project)).projectId];
  const found: Found[] = options.project === undefined ? await scanHome(home) : [];
  const unchecked: string[] = [];
  for (const projectId of projectIds) {
    try {
      for await (const one of scanProject(home, projectId)) found.push(one);
    } catch (error) {
      if (!isKeyUnavailable(error)) throw error;
      say(options, `${projectId} is not looked through: ${error.message}`);
      unchecked.push(projectId);
    }
  }
  printResult(options, { ok: found.length === 0 && unchecked.length === 0, findings: found, unchecked }, () => [
    ...found.map(({ place, kind }) => `${place}: ${kind}`),
    `${count(projectIds.length - unchecked.length)} projects: ${found.length === 0 ? 'nothing that should not be there' : `${count(found.length)} findings`}`,
  ]);
  if (found.length > 0) return EXIT.failure;
  return unchecked.length > 0 ? EXIT.environment : EXIT.done;
}

/** What is not a project's: keys and operators. */
async function scanHome(home: Home): Promise<Found[]> {
  const keys = (await home.keys.listKeys()).flatMap(({ keyId, description, aliases }) => [
    ...look(`description of key ${keyId}`, description),
    ...aliases.flatMap((alias) => look(`an alias of key ${keyId}`, alias)),
  ]);
  const operators = (await listIdentities(home.certs)).filter(({ role }) => role === 'operator');
  return [...keys, ...operators.flatMap(({ serial, subject }) => look(`name in certificate ${serial}`, subject))];
}

async function* scanProject(home: Home, projectId: string): AsyncGenerator<Found> {
  yield* look(`name of project ${projectId}`, (await home.projects.read(projectId)).name);
  yield* scanPlaces(`project ${projectId}`, await home.places.read(projectId));
  // What decodes has numbers and ids, no text.
  for await (const item of readProject(localSource(join(home.store, projectId)), projectId, home.projectKeys)) {
    if (isConnection(item) || !item.undecodablePayload) continue;
    yield* look(`${item.file}, record ${item.record}, a batch that does not decode`, printable(item.undecodablePayload));
  }
}

/** Each name once, by the first sensor or gateway that has it. */
function* scanPlaces(where: string, { sensors, gateways }: Places): Generator<Found> {
  const names = new Map<string, string>();
  const note = (what: string, id: string, name: string): void => {
    if (!names.has(name)) names.set(name, `${what} of ${id} in ${where}`);
  };
  for (const { sensorId, siteName, assetName, positionName } of sensors) {
    note('site name', `sensor ${sensorId}`, siteName);
    note('asset name', `sensor ${sensorId}`, assetName);
    note('position name', `sensor ${sensorId}`, positionName);
  }
  for (const { gatewayId, siteName } of gateways) note('site name', `gateway ${gatewayId}`, siteName);
  for (const [name, place] of names) yield* look(place, name);
}

function look(place: string, text: string): Found[] {
  return screen(text).map(({ kind }) => ({ place, kind }));
}

/** The runs of printable characters in bytes, a line each. */
function printable(payload: Buffer): string {
  return (payload.toString('latin1').match(/[\x20-\x7e]+/g) ?? []).filter((run) => run.length >= RUN_CHARS_MIN).join('\n');
}
